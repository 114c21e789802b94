package notice

import (
	"embed"
	"fmt"
	"html/template"
	"strings"
	text "text/template"
)

//go:embed mail.html.tmpl mail.txt.tmpl hunt.html.tmpl hunt.txt.tmpl
var files embed.FS

// render writes a page as plain text and as HTML. Everything that came from an alert is attacker-written: the HTML is
// escaped by its template, the text has no control characters and no line of its own making.
func render(p page) (plain, rich string, err error) {
	funcs := map[string]any{
		"line":   func(s string) string { return oneLine(s, 500) },
		"note":   func(s string) string { return oneLine(s, 1000) },
		"why":    func(s string) string { return oneLine(p.Clock.In(s), 500) },
		"clock":  p.Clock.At,
		"word":   func(k Kind) string { return string(k) },
		"list":   func(all []string) string { return oneLine(strings.Join(all, ", "), 500) },
		"footer": footer,
	}
	textPage, err := text.New("mail.txt.tmpl").Funcs(funcs).ParseFS(files, "mail.txt.tmpl")
	if err != nil {
		return "", "", fmt.Errorf("text of a notice: %w", err)
	}
	htmlPage, err := template.New("mail.html.tmpl").Funcs(funcs).ParseFS(files, "mail.html.tmpl")
	if err != nil {
		return "", "", fmt.Errorf("page of a notice: %w", err)
	}
	var t, h strings.Builder
	if err := textPage.Execute(&t, p); err != nil {
		return "", "", fmt.Errorf("text of a notice: %w", err)
	}
	if err := htmlPage.Execute(&h, p); err != nil {
		return "", "", fmt.Errorf("page of a notice: %w", err)
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
