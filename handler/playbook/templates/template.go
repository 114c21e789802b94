// Package templates holds the templates of a playbook: of comments, of the texts of mails, of addresses and accounts.
// One is checked when the playbook is read, so that it works for any alert.
package templates

import (
	"fmt"
	"reflect"
	"strings"
	"text/template"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/playbook/spelling"
)

// MaxText is the most that a rendered text holds, in characters.
const MaxText = 1000

// Template is a checked template of a rule.
type Template struct {
	rule     string
	template *template.Template
}

// Mistake is what is wrong with a template, and the way out.
type Mistake struct{ Message, Hint string }

// New checks a template of a rule, called what: it may put values in and ask if, and it has to work for any alert.
func New(rule, what, src string) (*Template, *Mistake) {
	t, wrong := parseTemplate(what, src)
	if wrong != nil {
		return nil, wrong
	}
	made := &Template{rule, t}
	for _, sample := range []Data{sampleData(), {}} {
		_, err := made.execute(sample)
		if err != nil {
			why := strings.TrimPrefix(err.Error(), "template: ")
			return nil, &Mistake{"the " + what + " does not work: " + why, "try it with {{.Alert.Title}} alone first"}
		}
	}
	return made, nil
}

// newFit checks a template of a rule whose result has to be fit: it has to be so for the values of any alert that has
// them all.
func newFit(rule, what, src string, fit func(string) bool) (*Template, *Mistake) {
	t, wrong := parseTemplate(what, src)
	if wrong != nil {
		return nil, wrong
	}
	if t.Tree != nil {
		demandValues(t.Tree.Root)
	}
	made := &Template{rule, t}
	good := false
	for _, value := range []string{"x", "x@example.com"} {
		text, err := made.execute(filled(value))
		good = good || err == nil && fit(text)
	}
	// The branch that is taken when nothing is known may lack a value, but what it gives has to be fit.
	bare, err := made.execute(Data{})
	if !good || err == nil && !fit(bare) {
		return nil, &Mistake{
			fmt.Sprintf("the template %q gives no %s", spelling.Cut(src, 80), what),
			"such as soc-{{.Machine.RBACGroupName}}@example.com, with nothing around it",
		}
	}
	return made, nil
}

// Data is what a template can show: {{.Alert.Title}}, {{.Machine.ComputerDNSName}}, {{.Rule}}. It is what conditions
// read, but for what costs a read of its own.
type Data struct {
	Alert   alert.Alert
	Machine Machine
	Now     time.Time // of the decision, UTC
	Rule    string    // the name of the template's rule; Render fills it in
}

// Machine is the machine as templates see it; all empty when it could not be read.
type Machine struct {
	machine.Machine
	LastSeenAge time.Duration // to the minute
}

// Render gives the text for one alert: plain, of at most MaxText characters. Alert text is written by attackers;
// nothing in it can break a line or turn the writing direction. Without a template, and with one that fails on this
// alert, it is the default, because a comment must not keep a machine from being isolated.
func (t *Template) Render(data Data, byDefault string) string {
	text := byDefault
	if t != nil {
		rendered, err := t.execute(data)
		if err == nil {
			text = rendered
		}
	}
	return spelling.Cut(strings.TrimSpace(spelling.Plain(text)), MaxText)
}

// execute is the text for one alert.
func (t *Template) execute(data Data) (string, error) {
	data.Rule = t.rule
	w := &boundedText{}
	err := t.template.Execute(w, data)
	return w.String(), err
}

// maxRendered bounds what one rendering may produce, in bytes, before it is cut.
const maxRendered = 64 << 10

// boundedText drops what is longer than anything that is kept of a rendering.
type boundedText struct{ strings.Builder }

// Write implements io.Writer.
func (b *boundedText) Write(p []byte) (int, error) {
	b.Builder.Write(p[:min(len(p), maxRendered-b.Len())])
	return len(p), nil
}

// sampleData is data of an alert and a machine of which most is known.
func sampleData() Data {
	id := strings.Repeat("a", 40)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return Data{
		Now: at,
		Alert: alert.Alert{
			ID:              "da637578995287051192_756343937",
			IncidentID:      1,
			Title:           "title",
			Description:     "text",
			Category:        "Malware",
			Severity:        alert.High,
			Status:          alert.StatusNew,
			MachineID:       id,
			ComputerDNSName: "pc1.example.com",
			MitreTechniques: []string{"T1059"},
			Evidence:        []alert.Evidence{{Kind: "File"}},
			Created:         at,
			Updated:         at,
		},
		Machine: Machine{Machine: machine.Machine{
			ID:              id,
			ComputerDNSName: "pc1.example.com",
			OSPlatform:      "Windows11",
			Tags:            []string{"tag"},
			LastSeen:        at,
		}},
	}
}

// filled is sample data in which every text is the same.
func filled(value string) Data {
	data := sampleData()
	for _, part := range []any{&data.Alert, &data.Alert.RelatedUser, &data.Machine.Machine} {
		v := reflect.ValueOf(part).Elem()
		for i := range v.NumField() {
			f := v.Field(i)
			if f.Kind() == reflect.String {
				f.SetString(value)
			}
		}
	}
	return data
}
