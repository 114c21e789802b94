package playbook_test

import (
	"testing"
	"time"

	. "cordon/handler/playbook"
	"cordon/handler/playbook/explain"
	"cordon/handler/playbook/playbooktest"
)

// TestWhatIsFromBeforeTheBeginningIsHeld has a rule that isolates and takes a tag off, and the input of an alert that
// was created a minute ago and updated now.
func TestWhatIsFromBeforeTheBeginningIsHeld(t *testing.T) {
	t.Parallel()
	now := playbooktest.Now()
	const acts = "{name: r, on: alert, when: 'true', do: [{isolate: {type: Full}}, {tag: {remove: seen}}]}"
	for _, c := range []struct {
		what              string
		began             time.Time
		change            func(*Input)
		isolation, untags Verdict
	}{
		{"a ledger that has known it all along", now.Add(-time.Hour), nil, Do, Do},
		{"a ledger that began when it was created", now.Add(-time.Minute), nil, Do, Do},
		{"a ledger that began between creation and update", now.Add(-time.Second), nil, Held, Do},
		{"a ledger that began after the update", now.Add(time.Second), nil, Held, Held},
		{"nobody asked the ledger", time.Time{}, nil, Do, Do},
		{"a rule that only observes", now.Add(time.Second), func(in *Input) { in.Ceiling = Observe }, WouldDo, WouldDo},
		{"an alert without a creation", now.Add(time.Second), func(in *Input) { in.Alert.Created = time.Time{} },
			Held, Held},
		{"what may have been found before", now.Add(-time.Hour), func(in *Input) { in.Since = now.Add(-2 * time.Hour) },
			Held, Held},
		{"what was found since", now.Add(-time.Second), func(in *Input) { in.Since = now }, Do, Do},
		{"what is under way for it already", now.Add(time.Second), func(in *Input) { in.Asked = []string{"isolation"} },
			Held, Held},
	} {
		in := playbooktest.Input()
		in.Beginning = c.began
		if c.change != nil {
			c.change(&in)
		}
		p := playbooktest.Load(t, playbooktest.Rules(acts)).Decide(in)
		if len(p.Steps) != 2 || p.Steps[0].Verdict != c.isolation || p.Steps[1].Verdict != c.untags {
			t.Errorf("%s: want %s and %s\n%s", c.what, c.isolation, c.untags, explain.Plan(p))
		}
	}
}

func TestARailOfTheBeginningSaysTheTimes(t *testing.T) {
	t.Parallel()
	in := playbooktest.Input()
	in.Beginning = in.Now
	got := isolation(t, playbooktest.Load(t, playbooktest.OneRule("true", "")).Decide(in))
	want := "the alert is from " + in.Alert.Created.Format(time.RFC3339) +
		", and what was done before the ledger's beginning is not known, which is at " + in.Now.Format(time.RFC3339)
	if got.Why != want || got.Cause != "what was done before the ledger's beginning is not known" {
		t.Errorf("held because %q, cause %q", got.Why, got.Cause)
	}
}
