package response

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// TestAskedForAnsweredAlertThatCannotBeReadEnds has a message without a version for a closed alert whose read the API refuses
// for good.
func TestAskedForAnsweredAlertThatCannotBeReadEnds(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]int{"no version": 0, "a version that nobody knows": 7} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.start(-1, false)
			w.alertOn("da1", "m1", alert.Low)
			w.drain(p, 5)
			before := w.run("da1", 1)
			w.mu.Lock()
			w.readFault = &apiError{trouble: machine.Refused, text: "400"}
			w.queue = append(w.queue, alert.Envelope{ID: "x", Message: alert.Message{Tenant: tenant, AlertID: "da1", Version: version}})
			reads := w.reads
			w.mu.Unlock()
			begun := w.clock()
			w.drain(p, 50)
			if tries := w.reads - reads; tries != lookUpTries+1 || w.clock().Sub(begun) < 5*time.Minute {
				t.Errorf("%d tries in %s", tries, w.clock().Sub(begun))
			}
			if after := w.run("da1", 1); after.Outcome != before.Outcome || !after.ClosedAt.Equal(before.ClosedAt) || w.kinds() != "" {
				t.Errorf("the run is %+v, told %q", after, w.kinds())
			}
		})
	}
}

// TestWaitForTheQuotaIsNotStuck has three machines wait for a quota of one request an hour.
func TestWaitForTheQuotaIsNotStuck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	p.responder.Quota = ledger.Quota{PerMinute: 1, PerHour: 1}
	for _, id := range []string{"1", "2", "3"} {
		w.alertOn("da"+id, "m"+id, alert.High)
	}
	for range 3 {
		m, _ := w.take()
		if err := p.responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
			t.Fatal(err)
		}
	}
	w.advance(35 * time.Minute)
	if count, err := p.ledger.CountOpenRuns(t.Context(), 200, w.clock()); err != nil || count.Stuck.Runs != 0 || count.ByState[ledger.Started] != 2 {
		t.Errorf("Health: %+v, %v", count, err)
	}
	w.play(p, 5*time.Hour, true)
	if w.posts != 3 || strings.Count(w.kinds(), "requested") != 3 || strings.Contains(w.kinds(), string(notice.Stuck)) {
		t.Errorf("%d requests, told %q", w.posts, w.kinds())
	}
}

// TestWaitForTheQuotaHasItsEnd has High alerts take every turn that a Medium one was promised.
func TestWaitForTheQuotaHasItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, strings.NewReplacer(`"High"`, `"Medium"`, "perHour: 5, perDay: 9", "perHour: 90, perDay: 900").Replace(isolateHigh))
	p := w.start(-1, false)
	p.responder.StaleAfter, p.responder.Quota = 30*day, ledger.Quota{PerMinute: 2, PerHour: 2}
	w.alertOn("da1", "m1", alert.Medium)
	taken := 0
	for ; taken < 2000 && len(w.queue) > 0; taken++ {
		m, _ := w.take()
		w.polled(p)
		for i := range 2 {
			other := ledger.Reservation{Action: "isolate", Key: fmt.Sprint("other ", taken, i), Severity: alert.High, At: w.clock(), Quota: p.responder.Quota}
			if _, err := p.ledger.Reserve(t.Context(), other); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
			t.Fatal(err)
		}
	}
	run := w.run("da1", 1)
	if run.Outcome != "held" || w.posts != 0 || run.ClosedAt.Sub(run.ObservedAt) < patientFor || w.kinds() != "not answered yet, held" {
		t.Errorf("after %d tries: %d requests, told %q, %+v", taken, w.posts, w.kinds(), run)
	}
}

// TestMessageOfAWaitingRunInTroubleIsNotStuck has the message of a run that waits for its action delivered again while the
// alert cannot be read.
func TestMessageOfAWaitingRunInTroubleIsNotStuck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	first := w.queue[0]
	w.drain(p, 5)
	w.mu.Lock()
	w.readFault = &apiError{trouble: machine.Transient, text: "503"}
	w.mu.Unlock()
	w.advance(10 * time.Minute)
	first.Message.Alert = nil
	if err := p.responder.Respond(t.Context(), first.Message.Encode(), 2); err != nil {
		t.Fatal(err)
	}
	w.play(p, 26*time.Hour, true)
	count, err := p.ledger.CountOpenRuns(t.Context(), 200, w.clock())
	if run := w.run("da1", 1); err != nil || run.State != ledger.Waiting || count.Stuck.Runs != 0 || strings.Contains(w.kinds(), "not answered") {
		t.Errorf("%+v, Health %+v, told %q", run, count, w.kinds())
	}
	w.finishAll(machine.Succeeded)
	w.follow(p)
	w.drain(p, 5)
	if run := w.run("da1", 1); run.Outcome != "isolated" {
		t.Errorf("%+v", run)
	}
}
