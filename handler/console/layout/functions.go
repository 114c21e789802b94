package layout

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"cordon/handler/notice/clock"
)

// functions are what templates can call.
func functions(clock clock.Clock) template.FuncMap {
	return template.FuncMap{
		"at":    func(t time.Time) template.HTML { return at(clock, t) },
		"short": func(t time.Time) template.HTML { return short(clock, t) },
		"zone":  func() string { return zone(clock) },
		"in":    clock.In,
		"lasts": Lasts,
		"link":  Link,
		"each":  func(joined string) []string { return strings.Split(joined, ",") },
		"menu":  menu,
		"asset": asset,
		"dict":  dict,
		"plural": func(n int, one, many string) string {
			if n == 1 {
				return "1 " + one
			}
			return fmt.Sprintf("%d %s", n, many)
		},
	}
}

// at is a whole time, in the zone of its readers and in UTC.
func at(clock clock.Clock, t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	return element(t, clock.At(t), "")
}

// short is a time in a list: the whole of it comes up where the pointer rests.
func short(clock clock.Clock, t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	here := t.UTC()
	if clock.Zone != nil {
		here = t.In(clock.Zone)
	}
	return element(t, here.Format("2006-01-02 15:04:05"), clock.At(t))
}

// element marks a time for programs. What it is made of are digits and signs alone.
func element(t time.Time, text, title string) template.HTML {
	if title != "" {
		title = ` title="` + template.HTMLEscapeString(title) + `"`
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s"%s>%s</time>`,
		t.UTC().Format(time.RFC3339), title, template.HTMLEscapeString(text)))
}

// zone names the zone of the times in lists.
func zone(clock clock.Clock) string {
	if clock.Zone == nil {
		return "UTC"
	}
	return clock.Zone.String()
}

// Lasts is how long something took, for people.
func Lasts(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// Link is a path below the console with names and values, which alternate; empty values are left out.
func Link(page string, pairs ...any) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		value := fmt.Sprint(pairs[i+1])
		if value != "" {
			q.Add(fmt.Sprint(pairs[i]), value)
		}
	}
	path := "/api/console"
	if page != "" && page != overview {
		path += "/" + page
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// overview is the page that people see first, in the menu.
const overview = "overview"

// entry is a line of the menu.
type entry struct{ Name, Title string }

func menu() []entry {
	return []entry{
		{overview, "Overview"},
		{"waiting", "Waiting"},
		{"runs", "Runs"},
		{"rules", "Rules"},
		{"hunts", "Hunts"},
		{"mails", "Mails"},
		{"deadletters", "Dead letters"},
		{"pauses", "Pause"},
		{"journal", "Journal"},
		{"health", "Health"},
	}
}

// dict are names with values, which alternate, for a template within a template.
func dict(pairs ...any) map[string]any {
	all := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		all[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return all
}

//go:embed frame.html.tmpl console.css console.js
var own embed.FS

// Assets is below which path the stylesheet and the script are.
const Assets = "/api/console/static/"

// asset is the address of the stylesheet or the script as it is now.
func asset(name string) (string, error) {
	body, err := own.ReadFile(name)
	sum := sha256.Sum256(body)
	return Assets + name + "?v=" + hex.EncodeToString(sum[:6]), err
}
