package read

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/playbook"
	"cordon/handler/playbook/read/language"
	"cordon/handler/playbook/read/source"
)

func (r *reader) limits(n ast.Node) playbook.Limits {
	l := playbook.DefaultLimits()
	entries, _ := r.Mapping(n, language.LimitsKeys())
	for _, e := range entries {
		l[playbook.StepKind(e.Name)] = r.caps(e, playbook.StepKind(e.Name))
	}
	return l
}

// caps reads the caps of one kind of step.
func (r *reader) caps(e source.Entry, kind playbook.StepKind) playbook.Cap {
	made := playbook.Cap{PerMachine: playbook.OneMachine(), Then: playbook.HoldForPerson}
	known := language.CapKeys(kind)
	caps, ok := r.Mapping(e.Value, known)
	if !ok {
		return made
	}
	for _, name := range []string{"perHour", "perDay"} {
		r.Need(caps, e.Value, name, "write both perHour and perDay")
	}
	made.Rate = r.rate(caps, e.Value, known)
	for _, part := range []struct {
		name string
		to   *playbook.Rate
	}{{"perRule", &made.PerRule}, {"perGroup", &made.PerGroup}, {"perMachine", &made.PerMachine}} {
		n, ok := source.Find(caps, part.name)
		if !ok {
			continue
		}
		if entries, ok := r.Mapping(n, language.RateKeys(kind, part.name)); ok {
			if len(entries) == 0 {
				r.On(n, part.name+" is empty", "write perMinute, perHour or perDay, or take it out")
			}
			*part.to = r.rate(entries, n, language.RateKeys(kind, part.name))
		}
	}
	if then, ok := source.Find(caps, "then"); ok {
		r.Choice(then, known, "then")
	}
	return made
}

// rate reads the windows that are there. A longer window has at least what a shorter one has.
func (r *reader) rate(entries []source.Entry, at ast.Node, keys language.Keys) playbook.Rate {
	var made playbook.Rate
	shorter, limit := "", 0
	for _, window := range []struct {
		name string
		to   *int
	}{{"perMinute", &made.PerMinute}, {"perHour", &made.PerHour}, {"perDay", &made.PerDay}} {
		n, ok := source.Find(entries, window.name)
		if !ok {
			continue
		}
		v, ok := r.Number(n, window.name, keys.Shape(window.name))
		if !ok {
			continue
		}
		if v < limit {
			r.On(at, fmt.Sprintf("%s %d is more than %s %d", shorter, limit, window.name, v), "a longer time has at least what a shorter part of it has")
		}
		*window.to, shorter, limit = v, window.name, v
	}
	return made
}
