package layout

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	_ "time/tzdata"

	"cordon/handler/notice/clock"
)

func site(t *testing.T, main string) *Site {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return New(fstest.MapFS{
		"part_none.html.tmpl": {Data: []byte(`{{define "none"}}{{end}}`)},
		"page.html.tmpl":      {Data: []byte(`{{define "main"}}` + main + `{{end}}`)},
	}, clock.Clock{Zone: berlin})
}

func TestAPageCanBeNeitherFramedNorKeptNorMadeToRunAnything(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	if err := site(t, "").Write(w, 200, "page", Frame{Title: "A page"}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Cache-Control":                "no-store",
		"Referrer-Policy":              "same-origin",
		"X-Frame-Options":              "DENY",
		"X-Content-Type-Options":       "nosniff",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	said := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{
		"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the policy lacks %s: %s", want, said)
		}
	}
	for _, never := range []string{"unsafe", "*", "http", "blob"} {
		if strings.Contains(said, never) {
			t.Errorf("the policy has %s: %s", never, said)
		}
	}
	if strings.Contains(w.Body.String(), "<script") || strings.Contains(w.Body.String(), "style=") {
		t.Errorf("%s", w.Body)
	}
}

func TestAHeadingThatOthersMadeEndlessEnds(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	if err := site(t, "").Write(w, 200, "page", Frame{Title: strings.Repeat("W", 5000)}); err != nil {
		t.Fatal(err)
	}
	if want := "<h1>" + strings.Repeat("W", 199) + "…</h1>"; !strings.Contains(w.Body.String(), want) {
		t.Errorf("%s", w.Body)
	}
}

func TestWhatBelongsToPagesIsServedUnderAnAddressOfItsOwn(t *testing.T) {
	t.Parallel()
	s := site(t, "")
	for name, kind := range map[string]string{
		"console.css": "text/css; charset=utf-8",
		"console.js":  "text/javascript; charset=utf-8",
	} {
		at, err := asset(name)
		path, version, _ := strings.Cut(at, "?v=")
		w := httptest.NewRecorder()
		served := s.Asset(w, path) && w.Body.Len() > 0
		if err != nil || len(version) != 12 || !served || w.Header().Get("Content-Type") != kind {
			t.Errorf("%s: %s, %v, %v", name, at, err, w.Header())
		}
	}
	for _, path := range []string{Assets, Assets + "frame.html.tmpl", Assets + "../layout.go", "/api/console"} {
		if s.Asset(httptest.NewRecorder(), path) {
			t.Errorf("%s is served", path)
		}
	}
}

func TestTimesAreOfTheReadersZone(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	err := site(t, "{{at .}}|{{short .}}|{{zone}}").Write(w, 200, "page", Frame{
		Page: time.Date(2026, 3, 2, 23, 30, 5, 0, time.UTC),
	})
	want := `<time datetime="2026-03-02T23:30:05Z">2026-03-03 00:30:05 +01:00 (2026-03-02 23:30:05 UTC)</time>|` +
		`<time datetime="2026-03-02T23:30:05Z" title="2026-03-03 00:30:05 +01:00 (2026-03-02 23:30:05 UTC)">` +
		`2026-03-03 00:30:05</time>|Europe/Berlin`
	if err != nil || !strings.Contains(strings.ReplaceAll(w.Body.String(), "&#43;", "+"), want) {
		t.Errorf("%v: %s", err, w.Body)
	}
}

func TestHowLongThingsTookIsSaidInTwoUnits(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]string{
		0:                             "0 s",
		59 * time.Second:              "59 s",
		61 * time.Second:              "1 min 1 s",
		2*time.Hour + 5*time.Minute:   "2 h 5 min",
		7*24*time.Hour + 3*time.Hour:  "7 d 3 h",
		47*time.Hour + 59*time.Minute: "47 h 59 min",
	} {
		if got := Lasts(took); got != want {
			t.Errorf("%s: %q, want %q", took, got, want)
		}
	}
}

func TestALinkLeavesOutWhatIsEmpty(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"/api/console":                     Link(""),
		"/api/console/runs":                Link("runs", "rule", "", "after", ""),
		"/api/console/run?run=a%3Av1":      Link("run", "run", "a:v1"),
		"/api/console/runs?day=1&rule=a+b": Link("runs", "rule", "a b", "day", 1),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
