package decided

import (
	"fmt"
	"slices"

	"cordon/handler/incoming"
)

// How much stays of a decision that is too large, in characters of a text and in entries of a list: less at each step,
// until it fits.
type measure struct{ text, entries int }

func measures() []measure {
	return []measure{
		{incoming.MaxText, 500},
		{500, 100},
		{100, 20},
		{20, 2},
	}
}

// Fit is the decision with as much of its facts as fits; what does not is named in Left. size is how many bytes a
// decision takes where it is kept. fits: it does; false is a decision that is too large even without most of them. An
// error is size's.
func Fit(d Decision, most int, size func(Decision) (int, error)) (is Decision, fits bool, err error) {
	is = d
	for _, m := range measures() {
		n, err := size(is)
		if err != nil || n <= most {
			return is, err == nil, err
		}
		is = d
		is.cut(m)
	}
	n, err := size(is)
	return is, err == nil && n <= most, err
}

// maxSearched bounds how much text is looked through for secrets, in bytes: hostile alerts can be of many megabytes.
const maxSearched = 512 << 10

// searchable is the decision with texts that can all be looked through.
func (d Decision) searchable() Decision {
	is, _, _ := Fit(d, maxSearched, func(d Decision) (n int, _ error) {
		for _, t := range d.Texts() {
			n += len(t.Get())
		}
		return n, nil
	})
	return is
}

// cut shortens what outsiders can make long. It changes nothing that the decision shares with another.
func (d *Decision) cut(m measure) {
	d.Left = append([]string{}, d.Left...)
	d.Steps = append(d.Steps[:0:0], d.Steps...)
	d.Rules = rules(d.Rules, slices.Clone)
	d.Rails = slices.Clone(d.Rails)
	f := &d.Facts
	f.Alert.Evidence = append(f.Alert.Evidence[:0:0], f.Alert.Evidence...)
	f.OpenActions = append(f.OpenActions[:0:0], f.OpenActions...)
	if f.Hunt != nil {
		own := *f.Hunt
		f.Hunt = &own
	}
	if f.Isolation != nil {
		own := *f.Isolation
		f.Isolation = &own
	}
	f.Alert.Evidence = first(d, "alert.evidence", f.Alert.Evidence, m.entries)
	f.Alert.MitreTechniques = first(d, "alert.mitreTechniques", f.Alert.MitreTechniques, m.entries)
	f.OpenActions = first(d, "openActions", f.OpenActions, m.entries)
	d.Steps = first(d, "steps", d.Steps, m.entries)
	if f.Machine != nil {
		own := *f.Machine
		own.Tags = first(d, "machine.machineTags", own.Tags, m.entries)
		f.Machine = &own
	}
	cut := 0
	for _, t := range d.Texts() {
		was := t.Get()
		if is := incoming.Text(was, m.text); is != was {
			t.Set(is)
			cut++
		}
	}
	if cut > 0 {
		d.Left = append(d.Left, fmt.Sprintf("%d texts: cut to %d characters", cut, m.text))
	}
}

// first are the first entries of a list; that there were more is noted.
func first[T any](d *Decision, name string, all []T, most int) []T {
	if len(all) <= most {
		return all
	}
	d.Left = append(d.Left, fmt.Sprintf("%s: %d of %d", name, most, len(all)))
	return all[:most]
}
