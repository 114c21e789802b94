package playbook

import (
	"fmt"
	"slices"
	"time"
)

// staleRails asks about the age of the alert. What takes something back goes by the alert's last update: an alert that was
// resolved after days is old, but that it was resolved is new.
func staleRails(in Input, r *Rule) []rail {
	starts, takesBack := slices.ContainsFunc(r.Steps, Begins), slices.ContainsFunc(r.Steps, ends)
	judged := func(about func(StepSpec) bool) func(StepSpec) bool {
		return func(s StepSpec) bool { return about(s) && !in.asked(s) }
	}
	created := in.Alert.Created
	if created.IsZero() {
		created = in.Alert.Updated
	}
	var made []rail
	if starts {
		made = append(made, rail{stale(in, r, created, "the alert is %s old, %s is %s", judged(Begins)), judged(Begins)})
	}
	if takesBack {
		made = append(made, rail{stale(in, r, in.Alert.Updated, "the alert's last update is %s old, %s is %s", judged(ends)), judged(ends)})
	}
	if starts && takesBack {
		made[0].Step, made[1].Step = namesOf(r.Steps, Begins), namesOf(r.Steps, ends)
	}
	return made
}

// stale says that the time an alert is judged by is too long ago. For what is begun that is its creation: an old alert that
// something touches again is still an old alert.
func stale(in Input, r *Rule, at time.Time, said string, judged func(StepSpec) bool) RailTrace {
	const name = "not stale"
	limit, whose := in.StaleAfter, "the limit"
	if r.MaxAge > 0 && r.MaxAge < limit {
		limit, whose = r.MaxAge, "the limit of rule "+r.Name
	}
	switch {
	case in.StaleAfter <= 0:
		return held(name, "no stale limit is set, so every alert counts as stale")
	case at.IsZero():
		return held(name, "the alert has no time, so it counts as stale")
	}
	age := in.Now.Sub(at)
	if age <= limit || !slices.ContainsFunc(r.Steps, judged) {
		return held(name, "")
	}
	t := held(name, fmt.Sprintf(said, age.Round(time.Second), whose, limit))
	t.Cause = fmt.Sprintf(said, "too", whose, limit)
	return t
}
