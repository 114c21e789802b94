package response

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// asks hands a bare message for an alert to a process, as a push and cordon enqueue send it.
func (w *world) asks(p *process, id string) {
	w.t.Helper()
	if err := p.responder.Respond(context.Background(), alert.Message{AlertID: id, Reason: "pushed"}.Encode(), 1); err != nil {
		w.t.Errorf("%s: %v", id, err)
	}
}

// lookedUp is how often alerts were read from the API one by one.
func (w *world) lookedUp() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reads
}

// toldOf are the events of a kind.
func (w *world) toldOf(kind notice.Kind) (events []notice.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.order {
		if e.Kind == kind {
			events = append(events, e)
		}
	}
	return events
}

// TestMadeUpIDsAreLookedUpAFewTimesAndToldInOneMail asks for 150 ids that nobody knows, from three processes at once, and
// then for real alerts: one that the polls know, and one that only a poll can find because the look-ups are used up.
func TestMadeUpIDsAreLookedUpAFewTimesAndToldInOneMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var group sync.WaitGroup
	var p *process
	for i := range 3 {
		p = w.start(-1, false)
		q := p
		group.Go(func() {
			for j := range 50 {
				w.asks(q, fmt.Sprintf("da%d_%d", i, j))
			}
		})
	}
	group.Wait()
	refs, err := p.ledger.Runs(t.Context(), w.clock())
	if n := w.lookedUp(); err != nil || n != ledger.LookupsPerHour || len(refs) > n || len(w.queue) != 0 || w.kinds() != "" {
		t.Errorf("%d look-ups, %d records, %d messages, told %q, %v", n, len(refs), len(w.queue), w.kinds(), err)
	}

	w.alertOn("polled", "m1", alert.High)
	w.queue = nil // its message was lost
	w.asks(p, "polled")
	if w.posts != 1 {
		t.Errorf("an alert that the polls know is answered with %d isolations", w.posts)
	}
	w.alerts["real"] = alert.Alert{ID: "real", MachineID: "m2", Severity: alert.High, Status: alert.StatusNew, Created: w.clock(), Updated: w.clock()}
	w.asks(p, "real")
	if w.posts != 1 {
		t.Error("it was looked up beyond the limit")
	}
	w.alertOn("real", "m2", alert.High) // as the next poll does
	w.drain(p, 3)
	if w.posts != 2 || w.isolations("m2") != 1 {
		t.Errorf("an alert that was pushed beyond the limit is lost: %d isolations", w.posts)
	}

	w.follow(p)
	if len(w.toldOf(notice.UnknownAlerts)) != 0 {
		t.Error("told before a poll can have found them")
	}
	for range 30 {
		w.advance(time.Minute)
		w.follow(p)
	}
	told := w.toldOf(notice.UnknownAlerts)
	if len(told) != 1 || !strings.Contains(told[0].Detail, "does not know 20 of the ids") || !strings.Contains(told[0].Detail, ": 130 ids, such as da") || strings.Contains(told[0].Detail, "real") {
		t.Errorf("told %+v", told)
	}
}

// TestMadeUpIDsOfHoursStayWithinTheLimit asks for new ids for five hours, with one that is asked for again and again.
func TestMadeUpIDsOfHoursStayWithinTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	var reads []time.Time
	for minute := range 5 * 60 {
		for i := range 2 {
			before := w.lookedUp()
			w.asks(p, fmt.Sprintf("da%d_%d", minute, i))
			if w.lookedUp() > before {
				reads = append(reads, w.clock())
			}
		}
		w.asks(p, "again")
		w.advance(time.Minute)
		w.follow(p)
	}
	for i, at := range reads {
		if i >= ledger.LookupsPerHour && at.Sub(reads[i-ledger.LookupsPerHour]) < time.Hour {
			t.Fatalf("look-up %d at %s is one too many within an hour", i, at)
		}
	}
	if n := len(reads); n < 4*ledger.LookupsPerHour {
		t.Errorf("%d look-ups in five hours", n)
	}
	if n := len(w.toldOf(notice.UnknownAlerts)); n < 4 || n > 5 {
		t.Errorf("%d mails in five hours", n)
	}
}

// TestAlertsThatExistUseUpNoLookUps pushes more real alerts at once than made-up ids would be looked up.
func TestAlertsThatExistUseUpNoLookUps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	for i := range 3 * ledger.LookupsPerHour {
		id := fmt.Sprintf("da%d", i)
		w.alerts[id] = alert.Alert{ID: id, Severity: alert.Low, Status: alert.StatusNew, Created: w.clock(), Updated: w.clock()}
		w.asks(p, id)
		if run := w.run(id, 1); run.State != ledger.Closed || run.Outcome != "no rule" {
			t.Fatalf("%s: %+v", id, run)
		}
	}
	w.advance(time.Hour)
	w.follow(p)
	if w.kinds() != "" {
		t.Errorf("told %q", w.kinds())
	}
}

// TestALookUpInTroubleEnds has the API in trouble for days, with one id and with many. Nothing is asked for for ever.
func TestALookUpInTroubleEnds(t *testing.T) {
	t.Parallel()
	for _, ids := range []int{1, 30} {
		w := newWorld(t)
		p := w.start(-1, false)
		w.readFault = &apiError{trouble: machine.Transient, text: "503"}
		for i := range ids {
			w.asks(p, fmt.Sprint("da", i))
		}
		begun := w.clock()
		w.drain(p, 30*lookUpTries)
		if n := w.lookedUp(); n > max(lookUpTries, ledger.LookupsPerHour) || w.clock().Sub(begun) > 2*time.Hour {
			t.Errorf("%d ids: %d look-ups in %s", ids, n, w.clock().Sub(begun))
		}
	}
}

// TestUnknownAlertHasARecord asks for one id that does not exist, as a bare message, with a version, and after a version
// before left a run of it standing.
func TestUnknownAlertHasARecord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		message alert.Message
		fault   error
		before  bool
	}{
		"bare":                     {alert.Message{AlertID: "da1"}, nil, false},
		"a version that was never": {alert.Message{AlertID: "da1", Version: 7}, nil, false},
		"refused by the API":       {alert.Message{AlertID: "da1"}, &apiError{trouble: machine.Refused, text: "400 bad id"}, false},
		"asked for before":         {alert.Message{AlertID: "da1", Attempt: 1}, nil, true},
	} {
		w := newWorld(t)
		p := w.start(-1, false)
		w.readFault = c.fault
		if err := p.ledger.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.before {
			if _, err := p.ledger.Asked(t.Context(), "da1", w.clock()); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			if err := p.responder.Respond(t.Context(), c.message.Encode(), 1); err != nil {
				t.Fatal(err)
			}
		}
		if run := w.run("da1", 0); run.State != ledger.Closed || run.Outcome != "not found" || w.lookedUp() != 1 || len(w.queue) != 0 || w.kinds() != "" {
			t.Errorf("%s: %d look-ups, told %q, %+v", name, w.lookedUp(), w.kinds(), run)
		}
		for range 2 {
			w.advance(unknownAfter)
			w.follow(p)
		}
		if told := w.toldOf(notice.UnknownAlerts); len(told) != 1 || !strings.Contains(told[0].Detail, "does not know 1 of the ids, and no poll has found them: da1.") {
			t.Errorf("%s: told %+v", name, told)
		}
	}
}

// TestATellingThatIsKilledIsRepeatedAsTheSame kills the follower at every call while it tells of unknown ids.
func TestATellingThatIsKilledIsRepeatedAsTheSame(t *testing.T) {
	t.Parallel()
	for k, killed := 0, true; killed; k++ {
		w := newWorld(t)
		p := w.start(-1, false)
		w.asks(p, "da1")
		w.advance(unknownAfter)
		mortal := w.start(k, k%2 == 0)
		_ = mortal.follower.Follow(context.Background())
		killed = mortal.died()
		w.follow(p)
		w.advance(2 * unknownEvery)
		w.follow(p)
		if n := len(w.toldOf(notice.UnknownAlerts)); n != 1 {
			t.Errorf("killed at %d: told %d times", k, n)
		}
	}
}
