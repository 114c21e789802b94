package notice

import (
	"embed"
	"fmt"
	"html/template"
	"strings"
	text "text/template"

	"cordon/handler/notice/oneline"
)

//go:embed mail.html.tmpl mail.txt.tmpl hunt.html.tmpl hunt.txt.tmpl
var files embed.FS

// render writes a page as plain text and as HTML. Everything that came from an alert is attacker-written: the HTML is
// escaped by its template, the text has no control characters and no line of its own making.
func render(p page) (plain, rich string, err error) {
	funcs := map[string]any{
		"line":   func(s string) string { return oneline.Of(s, 500) },
		"note":   func(s string) string { return oneline.Of(s, 1000) },
		"why":    func(s string) string { return oneline.Of(p.Clock.In(s), 500) },
		"clock":  p.Clock.At,
		"word":   func(k Kind) string { return string(k) },
		"list":   func(all []string) string { return oneline.Of(strings.Join(all, ", "), 500) },
		"footer": footer,
	}
	return write("mail", funcs, p)
}

// write fills the two templates of a name.
func write(name string, funcs map[string]any, p any) (plain, rich string, err error) {
	textPage, err := text.New(name+".txt.tmpl").Funcs(funcs).ParseFS(files, name+".txt.tmpl")
	if err != nil {
		return "", "", fmt.Errorf("text of a %s: %w", name, err)
	}
	htmlPage, err := template.New(name+".html.tmpl").Funcs(funcs).ParseFS(files, name+".html.tmpl")
	if err != nil {
		return "", "", fmt.Errorf("page of a %s: %w", name, err)
	}
	var t, h strings.Builder
	if err := textPage.Execute(&t, p); err != nil {
		return "", "", fmt.Errorf("text of a %s: %w", name, err)
	}
	if err := htmlPage.Execute(&h, p); err != nil {
		return "", "", fmt.Errorf("page of a %s: %w", name, err)
	}
	return t.String(), h.String(), nil
}

// footer says whose word is what.
func footer(p page) string {
	said := "Sent by Cordon. "
	if p.Reported() {
		said += "What is said of an action is what Defender reported, not what was asked for. "
	}
	if len(p.Alerts) > 0 {
		said += "Names, users, groups, tags and the titles and severities of alerts are Defender's words, and an " +
			"attacker may have chosen some of them. "
	}
	return said + "What Cordon did or left, and why, and what to do is Cordon's word."
}
