package response

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/playbook/read"
)

// unlessIsolated is a playbook whose rule reads what costs a call.
const unlessIsolated = `version: 1
mode: enforce
rules:
  - name: contain
    on: alert
    when: alert.severity == "High"
    unless: machine.isolated || any(machine.openActions, .type == "Isolate" || .type == "RunAntiVirusScan")
    do: [isolate: {type: Full}, mail: {}]
  - name: tell
    on: alert
    when: alert.severity == "High"
    do: [mail: {}]
`

func newWorldWith(t *testing.T, source string) *world {
	t.Helper()
	w := newWorld(t)
	book, err := read.Load("test.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	w.book = book
	return w
}

// past adds an action that was asked for an hour ago by somebody else.
func (w *world) past(kind machine.ActionType, status machine.ActionStatus) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.add(kind, "m1", "by hand", "", "Portal")
	w.actions[len(w.actions)-1].Created, w.actions[len(w.actions)-1].Status = a.Created.Add(-time.Hour+time.Duration(len(w.actions))*time.Minute), status
}

func TestARuleSeesWhatIsUnderWayOnTheMachine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(*world)
		want   string
	}{
		"nothing":                {func(*world) {}, "contain"},
		"isolated in the portal": {func(w *world) { w.past(machine.Isolate, machine.Succeeded) }, "tell"},
		"isolated and released": {func(w *world) {
			w.past(machine.Isolate, machine.Succeeded)
			w.past(machine.Unisolate, machine.Succeeded)
		}, "contain"},
		"isolated, release failed":  {func(w *world) { w.past(machine.Isolate, machine.Succeeded); w.past(machine.Unisolate, machine.Failed) }, "tell"},
		"an isolation under way":    {func(w *world) { w.past(machine.Isolate, machine.Pending) }, "tell"},
		"a scan under way":          {func(w *world) { w.past("RunAntiVirusScan", machine.InProgress) }, "tell"},
		"a scan that is over":       {func(w *world) { w.past("RunAntiVirusScan", machine.Succeeded) }, "contain"},
		"isolated by another alert": {func(w *world) { w.isolate("da0") }, "tell"},
		"the same, not listed yet": {func(w *world) {
			w.isolate("da0")
			w.mu.Lock()
			defer w.mu.Unlock()
			w.lag = time.Hour
		}, "tell"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, unlessIsolated)
			c.before(w)
			w.alertOn("da1", "m1", alert.High)
			w.drain(w.start(-1, false), 5)
			if run := w.run("da1", 1); run.Rule != c.want {
				t.Errorf("rule %s, want %s: %+v", run.Rule, c.want, run)
			}
		})
	}
}

// isolate lets an alert isolate the machine m1, with its outcome.
func (w *world) isolate(id string) {
	w.alertOn(id, "m1", alert.High)
	p := w.start(-1, false)
	w.drain(p, 5)
	w.finishAll(machine.Succeeded)
	w.follow(p)
}

func TestAPlaybookThatDoesNotAskCostsNoCall(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{isolateHigh: 0, unlessIsolated: 2} {
		w := newWorldWith(t, strings.ReplaceAll(source, "High", "Low"))
		p := w.start(-1, false)
		lists := 0
		p.responder.API = &counting{API: p, lists: &lists}
		w.alertOn("da1", "m1", alert.Medium)
		w.drain(p, 2)
		if lists != want {
			t.Errorf("%d lists of actions, want %d", lists, want)
		}
	}
}

// counting counts the lists of machine actions that are asked for.
type counting struct {
	API
	lists *int
	err   error
}

func (c *counting) CurrentActions(ctx context.Context, since time.Time) ([]machine.Action, error) {
	*c.lists++
	if c.err != nil {
		return nil, c.err
	}
	return c.API.CurrentActions(ctx, since)
}

func (c *counting) ActionsOn(ctx context.Context, id string, since time.Time) ([]machine.Action, error) {
	*c.lists++
	return c.API.ActionsOn(ctx, id, since)
}

func TestFactsThatTheAPIRefusesHoldAndTroubleThatPassesComesBack(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, unlessIsolated)
	p := w.start(-1, false)
	lists := 0
	api := &counting{API: p, lists: &lists, err: &apiError{trouble: machine.Refused, text: "400 ODataError"}}
	p.responder.API = api
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 2)
	if run := w.run("da1", 1); run.Rule != "contain" || run.Outcome != "held" || !strings.Contains(run.Reason, "could not be read: 400 ODataError") {
		t.Errorf("refused: %+v", run)
	}
	if w.posts != 0 || w.kinds() != "held" {
		t.Errorf("refused: %d requests, told %s", w.posts, w.kinds())
	}
	w.alertOn("da2", "m2", alert.High)
	api.err = &apiError{trouble: machine.Transient, text: "503"}
	m, _ := w.take()
	if err := p.responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if run := w.run("da2", 1); run.State != ledger.Started || w.posts != 0 {
		t.Errorf("transient: %+v, %d requests", run, w.posts)
	}
	api.err = nil
	w.drain(p, 5)
	if run := w.run("da2", 1); run.Rule != "contain" || w.isolations("m2") != 1 {
		t.Errorf("after the trouble: %+v", run)
	}
}

// TestARunThatIsTakenUpAgainDoesNotMistakeItsOwnIsolationForAnothers kills the process at every call; whatever was sent
// before, the run ends with its isolation and not as one that found the machine isolated.
func TestARunThatIsTakenUpAgainDoesNotMistakeItsOwnIsolationForAnothers(t *testing.T) {
	t.Parallel()
	for breaths := range 40 {
		for _, mute := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d %t", breaths, mute), func(t *testing.T) {
				t.Parallel()
				w := newWorldWith(t, unlessIsolated)
				w.alertOn("da1", "m1", alert.High)
				dying := w.start(breaths, mute)
				m, _ := w.take()
				_ = dying.responder.Respond(t.Context(), m.Message.Encode(), 1)
				w.mu.Lock()
				w.queue = append(w.queue, m)
				w.mu.Unlock()
				w.advance(3 * time.Minute)
				p := w.start(-1, false)
				w.drain(p, 10)
				w.finishAll(machine.Succeeded)
				w.follow(p)
				w.drain(p, 10)
				if run := w.run("da1", 1); run.Rule != "contain" || run.Outcome != "isolated" || w.isolations("m1") != 1 {
					t.Errorf("%d isolations, %+v", w.isolations("m1"), run)
				}
			})
		}
	}
}
