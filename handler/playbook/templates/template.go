// Package templates holds the templates of a playbook: of comments, of the texts of mails, of addresses and accounts. One is
// checked when the playbook is read, so that it works for any alert.
package templates

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"text/template"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/playbook/spelling"
)

// Template is a checked template: of a comment, or of the text of a mail.
type Template struct {
	rule     string
	template *template.Template
}

// New checks a template of a rule, called what: it may put values in and ask if, and it has to work for any alert.
func New(rule, what, src string) (*Template, string, string) {
	t, message, hint := parseTemplate(what, src)
	if message != "" {
		return nil, message, hint
	}
	c := &Template{rule: rule, template: t}
	for _, sample := range []Data{sampleData(rule), {Rule: rule}} {
		if _, err := c.execute(sample); err != nil {
			return nil, "the " + what + " does not work: " + strings.TrimPrefix(err.Error(), "template: "), "try it with {{.Alert.Title}} alone first"
		}
	}
	return c, "", ""
}

// NewFit checks a template of a rule whose result has to be fit: it has to be so for the values of any alert that
// has them all.
func NewFit(rule, what, src string, fit func(string) bool) (*Template, string, string) {
	t, message, hint := parseTemplate(what, src)
	if message != "" {
		return nil, message, hint
	}
	if t.Tree != nil {
		demandValues(t.Tree.Root)
	}
	c := &Template{rule: rule, template: t}
	good := false
	for _, value := range []string{"x", "x@example.com"} {
		text, err := c.execute(filled(rule, value))
		good = good || err == nil && fit(text)
	}
	// The branch that is taken when nothing is known may lack a value, but what it gives has to be fit.
	bare, err := c.execute(Data{Rule: rule})
	if !good || err == nil && !fit(bare) {
		return nil, fmt.Sprintf("the template %q gives no %s", spelling.Cut(src, 80), what),
			"such as soc-{{.Machine.RBACGroupName}}@example.com, with nothing around it"
	}
	return c, "", ""
}

// Data is what the template of a comment or of the text of a mail can show: {{.Alert.Title}}, {{.Machine.ComputerDNSName}}, {{.Rule}}. It is what
// conditions read, but for what costs a read of its own.
type Data struct {
	Alert   alert.Alert
	Machine Machine
	Now     time.Time // of the decision, UTC
	Rule    string    // the name of the rule
}

// Machine is the machine as comments see it; all empty when it could not be read.
type Machine struct {
	machine.Machine
	LastSeenAge time.Duration // to the minute
}

// Render gives the text for one alert: plain, of at most MaxComment characters. Alert text is written by attackers; nothing
// in it can break a line or turn the writing direction. Without a template, and with one that fails on this alert, it is
// the default, because a comment must not keep a machine from being isolated.
func (c *Template) Render(data Data, byDefault string) string {
	text := byDefault
	if c != nil {
		if rendered, err := c.execute(data); err == nil {
			text = rendered
		}
	}
	return spelling.Cut(strings.TrimSpace(spelling.Plain(text)), MaxText)
}

// execute is the text for one alert; the rule is the template's own.
func (c *Template) execute(data Data) (string, error) {
	data.Rule = c.rule
	w := &boundedText{}
	err := c.template.Execute(w, data)
	if errors.Is(err, errFull) {
		err = nil
	}
	return w.String(), err
}

func sampleData(rule string) Data {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return Data{
		Rule: rule,
		Now:  at,
		Alert: alert.Alert{ID: "da637578995287051192_756343937", IncidentID: 1, Title: "title", Description: "text", Category: "Malware",
			Severity: alert.High, Status: alert.StatusNew, MachineID: strings.Repeat("a", 40), ComputerDNSName: "pc1.example.com",
			MitreTechniques: []string{"T1059"}, Evidence: []alert.Evidence{{Kind: "File"}}, Created: at, Updated: at},
		Machine: Machine{Machine: machine.Machine{ID: strings.Repeat("a", 40), ComputerDNSName: "pc1.example.com", OSPlatform: "Windows11", Tags: []string{"tag"},
			LastSeen: at}},
	}
}

// filled is sample data in which every text is the same.
func filled(rule, value string) Data {
	data := sampleData(rule)
	for _, part := range []any{&data.Alert, &data.Alert.RelatedUser, &data.Machine.Machine} {
		v := reflect.ValueOf(part).Elem()
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.String {
				f.SetString(value)
			}
		}
	}
	return data
}
