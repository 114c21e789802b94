package follow_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/follow"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/respond"
)

// TestMadeUpIDsAreLookedUpAFewTimesAndToldInOneMail asks for 150 ids that nobody knows, from three processes at once,
// and then for real alerts: one that the polls know, and one that only a poll can find because the look-ups are used
// up.
func TestMadeUpIDsAreLookedUpAFewTimesAndToldInOneMail(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	var group sync.WaitGroup
	var p *world.Process
	for i := range 3 {
		p = w.Start(-1, false)
		q := p
		group.Go(func() {
			for j := range 50 {
				w.Asks(q, fmt.Sprintf("da%d_%d", i, j))
			}
		})
	}
	group.Wait()
	refs, _, err := p.Ledger.Lists.Page(t.Context(), lists.Query{Limit: 900})
	if n := w.LookedUp(); err != nil || n != switches.LookupsPerHour || len(refs) > n || len(w.Queue) != 0 ||
		w.Kinds() != "" {
		t.Errorf("%d look-ups, %d records, %d messages, told %q, %v", n, len(refs), len(w.Queue), w.Kinds(), err)
	}

	w.AlertOn("polled", "m1", alert.High)
	w.Queue = nil // its message was lost
	w.Asks(p, "polled")
	if w.Posts != 1 {
		t.Errorf("an alert that the polls know is answered with %d isolations", w.Posts)
	}
	w.Alerts["real"] = alert.Alert{
		ID:        "real",
		MachineID: "m2",
		Severity:  alert.High,
		Status:    alert.StatusNew,
		Created:   w.Clock(),
		Updated:   w.Clock(),
	}
	w.Asks(p, "real")
	if w.Posts != 1 {
		t.Error("it was looked up beyond the limit")
	}
	w.AlertOn("real", "m2", alert.High) // as the next poll does
	w.Drain(p, 3)
	if w.Posts != 2 || w.Isolations("m2") != 1 {
		t.Errorf("an alert that was pushed beyond the limit is lost: %d isolations", w.Posts)
	}

	w.Follow(p)
	if len(w.ToldOf(notice.UnknownAlerts)) != 0 {
		t.Error("told before a poll can have found them")
	}
	for range 30 {
		w.Advance(time.Minute)
		w.Follow(p)
	}
	told := w.ToldOf(notice.UnknownAlerts)
	if len(told) != 1 || !strings.Contains(told[0].Detail, "No source of alerts knows 20 of the ids") ||
		!strings.Contains(told[0].Detail, ": 130 ids, such as da") || strings.Contains(told[0].Detail, "real") {
		t.Errorf("told %+v", told)
	}
}

// TestMadeUpIDsOfHoursStayWithinTheLimit asks for new ids for five hours, with one that is asked for again and again.
func TestMadeUpIDsOfHoursStayWithinTheLimit(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	var reads []time.Time
	for minute := range 5 * 60 {
		for i := range 2 {
			before := w.LookedUp()
			w.Asks(p, fmt.Sprintf("da%d_%d", minute, i))
			if w.LookedUp() > before {
				reads = append(reads, w.Clock())
			}
		}
		w.Asks(p, "again")
		w.Advance(time.Minute)
		w.Follow(p)
	}
	for i, at := range reads {
		if i >= switches.LookupsPerHour && at.Sub(reads[i-switches.LookupsPerHour]) < time.Hour {
			t.Fatalf("look-up %d at %s is one too many within an hour", i, at)
		}
	}
	if n := len(reads); n < 4*switches.LookupsPerHour {
		t.Errorf("%d look-ups in five hours", n)
	}
	if n := len(w.ToldOf(notice.UnknownAlerts)); n < 4 || n > 5 {
		t.Errorf("%d mails in five hours", n)
	}
}

// TestAlertsThatExistUseUpNoLookUps pushes more real alerts at once than made-up ids would be looked up.
func TestAlertsThatExistUseUpNoLookUps(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	for i := range 3 * switches.LookupsPerHour {
		id := fmt.Sprintf("da%d", i)
		w.Alerts[id] = alert.Alert{
			ID:       id,
			Severity: alert.Low,
			Status:   alert.StatusNew,
			Created:  w.Clock(),
			Updated:  w.Clock(),
		}
		w.Asks(p, id)
		if run := w.Run(id, 1); run.State != runs.Closed || run.Outcome != "no rule" {
			t.Fatalf("%s: %+v", id, run)
		}
	}
	w.Advance(time.Hour)
	w.Follow(p)
	if w.Kinds() != "" {
		t.Errorf("told %q", w.Kinds())
	}
}

// TestALookUpInTroubleEnds has the API in trouble for days, with one id and with many. Nothing is asked for for ever.
func TestALookUpInTroubleEnds(t *testing.T) {
	t.Parallel()
	for _, ids := range []int{1, 30} {
		w := world.New(t)
		p := w.Start(-1, false)
		w.ReadFault = &world.APIError{Kind: machine.Transient, Text: "503"}
		for i := range ids {
			w.Asks(p, fmt.Sprint("da", i))
		}
		begun := w.Clock()
		w.Drain(p, 30*respond.LookUpTries)
		if n := w.LookedUp(); n > max(respond.LookUpTries, switches.LookupsPerHour) ||
			w.Clock().Sub(begun) > 2*time.Hour {
			t.Errorf("%d ids: %d look-ups in %s", ids, n, w.Clock().Sub(begun))
		}
	}
}

// TestUnknownAlertHasARecord asks for one id that does not exist, as a bare message, with a version, and after a
// version before left a run of it standing.
func TestUnknownAlertHasARecord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		message alert.Message
		fault   error
		before  bool
	}{
		"bare":                     {alert.Message{AlertID: "da1"}, nil, false},
		"a version that was never": {alert.Message{AlertID: "da1", Version: 7}, nil, false},
		"refused by the API": {
			alert.Message{AlertID: "da1"}, &world.APIError{Kind: machine.Refused, Text: "400 bad id"}, false,
		},
		"asked for before": {alert.Message{AlertID: "da1", Attempt: 1}, nil, true},
	} {
		w := world.New(t)
		p := w.Start(-1, false)
		w.ReadFault = c.fault
		if err := p.Ledger.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.before {
			if _, err := p.Ledger.Runs.Asked(t.Context(), "da1", w.Clock()); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			if err := p.Responder.Respond(t.Context(), c.message.Encode(), 1); err != nil {
				t.Fatal(err)
			}
		}
		if run := w.Run("da1", 0); run.State != runs.Closed || run.Outcome != "not found" || w.LookedUp() != 1 ||
			len(w.Queue) != 0 || w.Kinds() != "" {
			t.Errorf("%s: %d look-ups, told %q, %+v", name, w.LookedUp(), w.Kinds(), run)
		}
		for range 2 {
			w.Advance(follow.UnknownAfter)
			w.Follow(p)
		}
		if told := w.ToldOf(notice.UnknownAlerts); len(told) != 1 ||
			!strings.Contains(told[0].Detail, "No source of alerts knows 1 of the ids, and no poll has found them: da1.") {
			t.Errorf("%s: told %+v", name, told)
		}
	}
}

// TestATellingThatIsKilledIsRepeatedAsTheSame kills the follower at every call while it tells of unknown ids.
func TestATellingThatIsKilledIsRepeatedAsTheSame(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for k, killed := 0, true; killed; k++ {
		w := world.New(t)
		p := w.Start(-1, false)
		w.Asks(p, "da1")
		w.Advance(follow.UnknownAfter)
		mortal := w.Start(k, k%2 == 0)
		_ = mortal.Follower.Follow(context.Background())
		killed = mortal.Died()
		w.Follow(p)
		w.Advance(2 * follow.UnknownEvery)
		w.Follow(p)
		if n := len(w.ToldOf(notice.UnknownAlerts)); n != 1 {
			t.Errorf("killed at %d: told %d times", k, n)
		}
	}
}
