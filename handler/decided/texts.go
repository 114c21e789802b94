package decided

import (
	"fmt"
	"maps"
	"slices"

	"cordon/handler/playbook/condition"
)

// Text is a place in a decision where others may have written something long or secret.
type Text struct {
	Name string  // as people find it: alert.evidence[3].processCommandLine
	At   *string // nil: it stands in a map, see Row
	row  map[string]string
	key  string
}

// Get is the text that stands there.
func (t Text) Get() string {
	if t.At != nil {
		return *t.At
	}
	return t.row[t.key]
}

// Set writes another text there.
func (t Text) Set(to string) {
	if t.At != nil {
		*t.At = to
		return
	}
	t.row[t.key] = to
}

// Texts are all texts of a decision that somebody outside wrote, or that were made of such.
func (d *Decision) Texts() []Text {
	all := []Text{
		{Name: "reason", At: &d.Reason},
		{Name: "machineMissing", At: &d.Facts.MachineMissing},
		{Name: "actionsMissing", At: &d.Facts.ActionsMissing},
		{Name: "alertsMissing", At: &d.Facts.AlertsMissing},
		{Name: "pauseReason", At: &d.Facts.PauseReason},
	}
	for i := range d.Steps {
		s := &d.Steps[i]
		at := fmt.Sprintf("steps[%d].", i)
		all = append(all,
			Text{Name: at + "comment", At: &s.Comment},
			Text{Name: at + "text", At: &s.Text},
			Text{Name: at + "tag", At: &s.Tag},
			Text{Name: at + "why", At: &s.Why},
			Text{Name: at + "cause", At: &s.Cause},
		)
		if s.Update != nil {
			own := *s.Update
			s.Update = &own
			all = append(all, Text{Name: at + "update.comment", At: &own.Comment})
		}
	}
	for i := range d.Rules {
		r := &d.Rules[i]
		all = append(all, Text{Name: "rules." + r.Rule + ".error", At: &r.Error})
		all = append(all, clauseTexts("rules."+r.Rule, r.Clauses)...)
		if r.Unless != nil {
			all = append(all, clauseTexts("rules."+r.Rule+".unless", r.Unless.Clauses)...)
		}
	}
	for i := range d.Rails {
		at := fmt.Sprintf("rails[%d].", i)
		all = append(all, Text{Name: at + "why", At: &d.Rails[i].Why}, Text{Name: at + "cause", At: &d.Rails[i].Cause})
	}
	all = append(all, d.Facts.alertTexts()...)
	if d.Facts.Hunt != nil {
		row := maps.Clone(d.Facts.Hunt.Row)
		d.Facts.Hunt.Row = row
		for _, column := range slices.Sorted(maps.Keys(row)) {
			all = append(all, Text{Name: "hunt.row." + column, row: row, key: column})
		}
	}
	for i := range d.Facts.OpenActions {
		all = append(all, d.Facts.OpenActions[i].texts(fmt.Sprintf("openActions[%d].", i))...)
	}
	if d.Facts.Isolation != nil {
		all = append(all, d.Facts.Isolation.Action.texts("isolation.action.")...)
	}
	return all
}

// clauseTexts are what clauses came to, and what they saw.
func clauseTexts(at string, clauses []*condition.Trace) (all []Text) {
	for _, c := range clauses {
		all = append(all, Text{Name: at + ".result", At: &c.Result})
		for i := range c.Values {
			all = append(all, Text{Name: at + ": " + c.Values[i].Name, At: &c.Values[i].Value})
		}
	}
	return all
}

func (a *Action) texts(at string) []Text {
	return []Text{
		{Name: at + "requestorComment", At: &a.Comment},
		{Name: at + "cancellationComment", At: &a.CancelComment},
	}
}

func (f *Facts) alertTexts() []Text {
	all := []Text{
		{Name: "alert.title", At: &f.Alert.Title},
		{Name: "alert.description", At: &f.Alert.Description},
		{Name: "alert.threatName", At: &f.Alert.ThreatName},
	}
	for i := range f.Alert.Evidence {
		e := &f.Alert.Evidence[i]
		at := fmt.Sprintf("alert.evidence[%d].", i)
		all = append(all,
			Text{Name: at + "processCommandLine", At: &e.CommandLine},
			Text{Name: at + "url", At: &e.URL},
			Text{Name: at + "registryKey", At: &e.RegistryKey},
			Text{Name: at + "registryValue", At: &e.RegistryValue},
			Text{Name: at + "registryValueType", At: &e.RegistryValueType},
			Text{Name: at + "fileName", At: &e.FileName},
			Text{Name: at + "filePath", At: &e.FilePath},
			Text{Name: at + "parentProcessFileName", At: &e.ParentFileName},
			Text{Name: at + "parentProcessFilePath", At: &e.ParentFilePath},
			Text{Name: at + "accountName", At: &e.AccountName},
		)
	}
	return all
}
