package respond_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/respond"
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

func TestARuleSeesWhatIsUnderWayOnTheMachine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(*world.World)
		want   string
	}{
		"nothing":                {func(*world.World) {}, "contain"},
		"isolated in the portal": {func(w *world.World) { w.Past(machine.Isolate, machine.Succeeded) }, "tell"},
		"isolated and released": {func(w *world.World) {
			w.Past(machine.Isolate, machine.Succeeded)
			w.Past(machine.Unisolate, machine.Succeeded)
		}, "contain"},
		"isolated, release failed": {func(w *world.World) {
			w.Past(machine.Isolate, machine.Succeeded)
			w.Past(machine.Unisolate, machine.Failed)
		}, "tell"},
		"an isolation under way": {func(w *world.World) { w.Past(machine.Isolate, machine.Pending) }, "tell"},
		"a scan under way":       {func(w *world.World) { w.Past("RunAntiVirusScan", machine.InProgress) }, "tell"},
		"a scan that is over": {func(w *world.World) {
			w.Past("RunAntiVirusScan", machine.Succeeded)
		}, "contain"},
		"isolated by another alert": {func(w *world.World) { w.Isolate("da0") }, "tell"},
		"the same, not listed yet": {func(w *world.World) {
			w.Isolate("da0")
			w.Mu.Lock()
			defer w.Mu.Unlock()
			w.Lag = time.Hour
		}, "tell"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.NewWorldWith(t, unlessIsolated)
			c.before(w)
			w.AlertOn("da1", "m1", alert.High)
			w.Drain(w.Start(-1, false), 5)
			if run := w.Run("da1", 1); run.Rule != c.want {
				t.Errorf("rule %s, want %s: %+v", run.Rule, c.want, run)
			}
		})
	}
}

func TestAPlaybookThatDoesNotAskCostsNoCall(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{world.IsolateHigh: 0, unlessIsolated: 2} {
		w := world.NewWorldWith(t, strings.ReplaceAll(source, "High", "Low"))
		p := w.Start(-1, false)
		lists := 0
		p.Change(func(options *respond.Options) { options.API = &counting{API: p, lists: &lists} })
		w.AlertOn("da1", "m1", alert.Medium)
		w.Drain(p, 2)
		if lists != want {
			t.Errorf("%d lists of actions, want %d", lists, want)
		}
	}
}

// counting counts the lists of machine actions that are asked for.
type counting struct {
	respond.API
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
	w := world.NewWorldWith(t, unlessIsolated)
	p := w.Start(-1, false)
	lists := 0
	api := &counting{API: p, lists: &lists, err: &world.APIError{Kind: machine.Refused, Text: "400 ODataError"}}
	p.Change(func(options *respond.Options) { options.API = api })
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 2)
	if run := w.Run("da1", 1); run.Rule != "contain" || run.Outcome != "held" ||
		!strings.Contains(run.Reason, "could not be read: 400 ODataError") {
		t.Errorf("refused: %+v", run)
	}
	if w.Posts != 0 || w.Kinds() != "held" {
		t.Errorf("refused: %d requests, told %s", w.Posts, w.Kinds())
	}
	w.AlertOn("da2", "m2", alert.High)
	api.err = &world.APIError{Kind: machine.Transient, Text: "503"}
	m, _ := w.Take()
	if err := p.Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if run := w.Run("da2", 1); run.State != runs.Started || w.Posts != 0 {
		t.Errorf("transient: %+v, %d requests", run, w.Posts)
	}
	api.err = nil
	w.Drain(p, 5)
	if run := w.Run("da2", 1); run.Rule != "contain" || w.Isolations("m2") != 1 {
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
				w := world.NewWorldWith(t, unlessIsolated)
				w.AlertOn("da1", "m1", alert.High)
				dying := w.Start(breaths, mute)
				m, _ := w.Take()
				_ = dying.Responder.Respond(t.Context(), m.Message.Encode(), 1)
				w.Mu.Lock()
				w.Queue = append(w.Queue, m)
				w.Mu.Unlock()
				w.Advance(3 * time.Minute)
				p := w.Start(-1, false)
				w.Drain(p, 10)
				w.FinishAll(machine.Succeeded)
				w.Follow(p)
				w.Drain(p, 10)
				if run := w.Run("da1", 1); run.Rule != "contain" || run.Outcome != "isolated" ||
					w.Isolations("m1") != 1 {
					t.Errorf("%d isolations, %+v", w.Isolations("m1"), run)
				}
			})
		}
	}
}
