package respond_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/episode"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/backlog"
	"cordon/handler/ledger/budget"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/respond"
)

// TestAskedForAnsweredAlertThatCannotBeReadEnds has a message without a version for a closed alert whose read the API
// refuses for good.
func TestAskedForAnsweredAlertThatCannotBeReadEnds(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]int{"no version": 0, "a version that nobody knows": 7} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			p := w.Start(-1, false)
			w.AlertOn("da1", "m1", alert.Low)
			w.Drain(p, 5)
			before := w.Run("da1", 1)
			w.Mu.Lock()
			w.ReadFault = &world.APIError{Kind: machine.Refused, Text: "400"}
			w.Queue = append(w.Queue, alert.Envelope{
				ID:      "x",
				Message: alert.Message{Tenant: world.Tenant, AlertID: "da1", Version: version},
			})
			reads := w.Reads
			w.Mu.Unlock()
			begun := w.Clock()
			w.Drain(p, 50)
			if tries := w.Reads - reads; tries != respond.LookUpTries+1 || w.Clock().Sub(begun) < 5*time.Minute {
				t.Errorf("%d tries in %s", tries, w.Clock().Sub(begun))
			}
			if after := w.Run("da1", 1); after.Outcome != before.Outcome || !after.ClosedAt.Equal(before.ClosedAt) ||
				w.Kinds() != "" {
				t.Errorf("the run is %+v, told %q", after, w.Kinds())
			}
		})
	}
}

// TestWaitForTheQuotaIsNotStuck has three machines wait for a quota of one request an hour.
func TestWaitForTheQuotaIsNotStuck(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	p.Change(func(options *respond.Options) { options.Quota = budget.Quota{PerMinute: 1, PerHour: 1} })
	for _, id := range []string{"1", "2", "3"} {
		w.AlertOn("da"+id, "m"+id, alert.High)
	}
	for range 3 {
		m, _ := w.Take()
		if err := p.Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
			t.Fatal(err)
		}
	}
	w.Advance(35 * time.Minute)
	if count, err := backlog.Count(t.Context(), p.Ledger.Runs, 200, w.Clock()); err != nil || count.Stuck.Runs != 0 ||
		count.ByState[runs.Started] != 2 {
		t.Errorf("Health: %+v, %v", count, err)
	}
	w.Play(p, 5*time.Hour, true)
	if w.Posts != 3 || strings.Count(w.Kinds(), "requested") != 3 || strings.Contains(w.Kinds(), string(notice.Stuck)) {
		t.Errorf("%d requests, told %q", w.Posts, w.Kinds())
	}
}

// TestWaitForTheQuotaHasItsEnd has High alerts take every turn that a Medium one was promised.
func TestWaitForTheQuotaHasItsEnd(t *testing.T) {
	long.Test(t)
	t.Parallel()
	w := world.NewWorldWith(t,
		strings.NewReplacer(`"High"`, `"Medium"`,
			"perHour: 5, perDay: 9", "perHour: 90, perDay: 900").Replace(world.IsolateHigh))
	p := w.Start(-1, false)
	p.Change(func(options *respond.Options) {
		options.StaleAfter, options.Quota = 30*world.Day, budget.Quota{PerMinute: 2, PerHour: 2}
	})
	w.AlertOn("da1", "m1", alert.Medium)
	taken := 0
	for ; taken < 2000 && len(w.Queue) > 0; taken++ {
		m, _ := w.Take()
		w.Polled(p)
		for i := range 2 {
			other := budget.Reservation{
				Action:   "isolate",
				Key:      fmt.Sprint("other ", taken, i),
				Severity: alert.High,
				At:       w.Clock(),
				Quota:    p.Options.Quota,
			}
			if _, err := p.Ledger.Budget.Reserve(t.Context(), other); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
			t.Fatal(err)
		}
	}
	run := w.Run("da1", 1)
	if run.Outcome != "held" || w.Posts != 0 || run.ClosedAt.Sub(run.ObservedAt) < episode.PatientFor ||
		w.Kinds() != "not answered yet, held" {
		t.Errorf("after %d tries: %d requests, told %q, %+v", taken, w.Posts, w.Kinds(), run)
	}
}

// TestMessageOfAWaitingRunInTroubleIsNotStuck has the message of a run that waits for its action delivered again while
// the alert cannot be read.
func TestMessageOfAWaitingRunInTroubleIsNotStuck(t *testing.T) {
	long.Test(t)
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	first := w.Queue[0]
	w.Drain(p, 5)
	w.Mu.Lock()
	w.ReadFault = &world.APIError{Kind: machine.Transient, Text: "503"}
	w.Mu.Unlock()
	w.Advance(10 * time.Minute)
	first.Message.Alert = nil
	if err := p.Responder.Respond(t.Context(), first.Message.Encode(), 2); err != nil {
		t.Fatal(err)
	}
	w.Play(p, 26*time.Hour, true)
	count, err := backlog.Count(t.Context(), p.Ledger.Runs, 200, w.Clock())
	if run := w.Run("da1", 1); err != nil || run.State != runs.Waiting || count.Stuck.Runs != 0 ||
		strings.Contains(w.Kinds(), "not answered") {
		t.Errorf("%+v, Health %+v, told %q", run, count, w.Kinds())
	}
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Drain(p, 5)
	if run := w.Run("da1", 1); run.Outcome != "isolated" {
		t.Errorf("%+v", run)
	}
}
