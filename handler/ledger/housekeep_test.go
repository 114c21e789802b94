package ledger

import (
	"errors"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/findings"
	"cordon/handler/ledger/hunts"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/notices"
	"cordon/handler/ledger/rows/rowstest"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/sessions"
)

// TestHousekeepingHolds holds what is promised of records that are old.
func TestHousekeepingHolds(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, In, map[string]func(*testing.T, *Store){
		"old records go, those that are not over stay":   housekeeping,
		"old turns and rows go, where hunts stand stays": huntsOld,
		"old sessions go, the key of cookies stays":      sessionsOld,
	})
}

func housekeeping(t *testing.T, s *Store) {
	a := sampleAlert()
	observe(t, s, a, noon)
	setState(t, s, "da1", runs.Closed)
	a.ID = "da2"
	observe(t, s, a, noon)
	if _, err := s.Runs.Asked(t.Context(), "asked", noon); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Runs.Update(t.Context(), "asked", 0, func(r *runs.Run) (bool, error) {
		r.State = runs.Closed
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, group := range []string{"sent", "unsent"} {
		if _, _, err := s.Notices.Add(t.Context(), event(group, "k"), noon); err != nil {
			t.Fatal(err)
		}
	}
	claim, err := s.Notices.Claim(t.Context(), "sent", 1, noon, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Notices.Done(t.Context(), claim.Notice, noon); err != nil {
		t.Fatal(err)
	}
	l, err := s.Latches.Of(t.Context(), "m1", latches.Isolation)
	if err != nil {
		t.Fatal(err)
	}
	l = latches.NextEpisode(l)
	if err := s.Latches.Join(t.Context(), l, latches.Joiner{AlertID: "da1", Version: 1}); err != nil {
		t.Fatal(err)
	}

	listed := func() int {
		t.Helper()
		all, _, err := s.Notices.Listed(t.Context(), notices.Sent, 10, "")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	removed, err := s.Housekeep(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(-time.Hour))
	if err != nil || removed != 0 {
		t.Errorf("%d young records were removed, %v", removed, err)
	}
	if n := listed(); n != 1 {
		t.Errorf("%d mails are listed as sent, not 1", n)
	}
	for range 2 {
		if _, err := s.Housekeep(t.Context(), time.Now().Add(time.Hour), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]int{"da1": 0, "da2": 1, "asked": 0} {
		if record, err := s.Runs.Alert(t.Context(), id); err != nil || len(record.Runs) != want ||
			(record.Seen != nil) != (want > 0) {
			t.Errorf("%s: %+v, %v", id, record, err)
		}
	}
	if listed, _, err := s.Lists.Page(t.Context(), lists.Query{Limit: 10}); err != nil || len(listed) != 0 {
		t.Errorf("they are still listed: %+v, %v", listed, err)
	}
	if n := listed(); n != 0 {
		t.Errorf("%d mails are listed as sent for ever", n)
	}
	if _, err := s.Notices.Claim(t.Context(), "unsent", 1, noon, time.Minute); err != nil {
		t.Errorf("a notice that was not sent is gone: %v", err)
	}
	if n, opened, err := s.Notices.Add(t.Context(), event("sent", "k2"), noon); err != nil || !opened ||
		n.Seq != 1 {
		t.Errorf("after its group was removed: %+v, %v, %v", n, opened, err)
	}
	if l, err = s.Latches.Of(t.Context(), "m1", latches.Isolation); err != nil || l.Episode != 1 {
		t.Errorf("the latch is %+v, %v", l, err)
	}
	if joiners, err := s.Latches.Joiners(t.Context(), l); err != nil || len(joiners) != 0 {
		t.Errorf("joiners are left: %+v, %v", joiners, err)
	}
}

func sessionsOld(t *testing.T, s *Store) {
	key, err := s.Sessions.Key(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sessions.Begin(t.Context(), "id", sessions.Session{Name: "duty@example.com"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		before time.Duration
		stays  bool
	}{{-time.Hour, true}, {time.Hour, false}} {
		if _, err := s.Housekeep(t.Context(), time.Now().Add(c.before), time.Now().Add(c.before)); err != nil {
			t.Fatal(err)
		}
		if _, there, err := s.Sessions.Find(t.Context(), "id"); err != nil || there != c.stays {
			t.Errorf("removed before %s from now: there %t, %v", c.before, there, err)
		}
	}
	if same, err := s.Sessions.Key(t.Context()); err != nil || same != key {
		t.Errorf("the key is another one: %v", err)
	}
}

func huntsOld(t *testing.T, s *Store) {
	f := findings.Finding{ID: alert.FindingID("tools", "0a1b"), Hunt: "tools", MachineID: "m1", FoundAt: noon}
	h, err := s.Hunts.Of(t.Context(), "tools")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Hunts.Save(t.Context(), &h); err != nil {
		t.Fatal(err)
	}
	if err := s.Hunts.Remember(t.Context(), "tools", []string{"0a"}, noon); err != nil {
		t.Fatal(err)
	}
	if err := s.Hunts.PutTurn(t.Context(), hunts.Turn{Hunt: "tools", Due: noon}, hunts.Result{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Findings.Observe(t.Context(), f, noon); err != nil {
		t.Fatal(err)
	}
	setState(t, s, f.ID, runs.Closed)
	for range 2 {
		if _, err := s.Housekeep(t.Context(), time.Now().Add(time.Hour), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	_, _, turned, err := s.Hunts.Turn(t.Context(), "tools", noon)
	known, err2 := s.Hunts.Known(t.Context(), "tools", time.Unix(0, 0))
	_, found, err3 := s.Findings.Of(t.Context(), f.ID)
	if turned || len(known) > 0 || found || errors.Join(err, err2, err3) != nil {
		t.Errorf("left: turn %v, rows %v, finding %v; %v", turned, known, found, errors.Join(err, err2, err3))
	}
	if again, err := s.Hunts.Of(t.Context(), "tools"); err != nil || again.ETag != h.ETag {
		t.Errorf("where the hunt stands is gone: %+v, %v", again, err)
	}
}
