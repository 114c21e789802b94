package latches

import (
	"errors"
	"testing"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/rows/rowstest"
	"cordon/handler/machine"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestLatchesHold holds what is promised of latches.
func TestLatchesHold(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, In, map[string]func(*testing.T, *Store){
		"a latch has one holder and joins are one write with it": latches,
		"an index entry that was added again is not removed":     openIndex,
		"an episode that is over is kept once and ages":          keepEpisodes,
	})
}

func latches(t *testing.T, s *Store) {
	l, err := s.Of(t.Context(), "m1", Isolation)
	if err != nil || l.Episode != 0 || l.State.Open() {
		t.Fatalf("%+v, %v", l, err)
	}
	mine, theirs := NextEpisode(l), NextEpisode(l)
	mine.Holder, mine.HeldUntil, mine.Desired = "me", noon.Add(time.Minute), machine.Isolate
	if err := s.Save(t.Context(), &mine); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(t.Context(), &theirs); !errors.Is(err, rows.ErrConflict) {
		t.Errorf("a second holder: %v", err)
	}
	if read, _ := s.Of(t.Context(), "m1", Isolation); !read.Held("them", noon) || read.Held("me", noon) ||
		read.Held("them", noon.Add(time.Minute)) {
		t.Errorf("held: %+v", read)
	}
	stale := mine
	mine.State, mine.ActionID = Acting, "x"
	if err := s.Save(t.Context(), &mine); err != nil {
		t.Fatal(err)
	}
	if err := s.Join(t.Context(), stale, Joiner{AlertID: "da1", Version: 1}); !errors.Is(err, rows.ErrConflict) {
		t.Errorf("joined a latch that moved on: %v", err)
	}
	for range 2 {
		fresh, err := s.Of(t.Context(), "m1", Isolation)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Join(t.Context(), fresh, Joiner{AlertID: "da1", Version: 1, Groups: "g"}); err != nil {
			t.Fatal(err)
		}
	}
	joined, err := s.Joiners(t.Context(), mine)
	if err != nil || len(joined) != 1 || joined[0].AlertID != "da1" || joined[0].Groups != "g" {
		t.Errorf("joiners %+v, %v", joined, err)
	}
	if later, err := s.Joiners(t.Context(), NextEpisode(mine)); err != nil || len(later) != 0 {
		t.Errorf("the next episode has joiners %+v, %v", later, err)
	}
}

func openIndex(t *testing.T, s *Store) {
	add := func() {
		if err := s.AddOpen(t.Context(), "m1", Isolation); err != nil {
			t.Fatal(err)
		}
	}
	add()
	listed, err := s.OpenEpisodes(t.Context())
	if err != nil || len(listed) != 1 || listed[0].MachineID != "m1" {
		t.Fatalf("%+v, %v", listed, err)
	}
	add()
	if err := s.RemoveOpen(t.Context(), listed[0]); err != nil {
		t.Fatal(err)
	}
	if listed, err = s.OpenEpisodes(t.Context()); err != nil || len(listed) != 1 {
		t.Fatalf("the entry that was added again is gone: %+v, %v", listed, err)
	}
	for range 2 {
		if err := s.RemoveOpen(t.Context(), listed[0]); err != nil {
			t.Fatal(err)
		}
	}
	if listed, _ = s.OpenEpisodes(t.Context()); len(listed) != 0 {
		t.Errorf("%+v is left", listed)
	}
}

// keepEpisodes keeps two episodes, of which the latch still has one.
func keepEpisodes(t *testing.T, s *Store) {
	held := Latch{MachineID: "m1", Kind: Isolation, Episode: 1, State: Ended, EndKind: "held"}
	first := Latch{
		MachineID:     "m1",
		Kind:          Isolation,
		Episode:       2,
		State:         Ended,
		FirstIntentAt: noon,
		EndReason:     "Released by alice",
		Releases:      Releases{{Episode: 1, At: noon}},
	}
	l, err := s.Of(t.Context(), "m1", Isolation)
	if err != nil {
		t.Fatal(err)
	}
	second := first
	second.Keys = l.Keys
	second.Episode = 3
	second.FirstIntentAt = noon.Add(time.Hour)
	scan := Latch{
		Kind:      "scan:Quick",
		MachineID: "m1",
		Episode:   1,
		State:     Acting,
		ActionID:  "a9",
		ActionAt:  noon.Add(-time.Hour),
	}
	scan.Keys = s.latches.At(scan.Kind, "m1")
	for _, l := range []*Latch{&second, &scan} {
		if err := s.Save(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range []Latch{held, first, first, second} {
		if err := s.Keep(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.Episodes(t.Context(), "m1", 10)
	if err != nil || len(all) != 3 || all[0].Episode != 3 || all[1].Episode != 2 || all[2].ActionID != "a9" ||
		all[1].EndReason != first.EndReason || all[1].Releases != nil {
		t.Errorf("%+v, %v", all, err)
	}
	if newest, err := s.Episodes(t.Context(), "m1", 1); err != nil || len(newest) != 1 || newest[0].Episode != 3 {
		t.Errorf("the newest: %+v, %v", newest, err)
	}
	if joined, err := s.Joiners(t.Context(), second); err != nil || len(joined) != 0 {
		t.Errorf("a kept episode is taken for a joiner: %+v, %v", joined, err)
	}
	if l, err = s.Of(t.Context(), "m1", Isolation); err != nil || l.Episode != 3 || l.Releases == nil {
		t.Errorf("the latch itself: %+v, %v", l, err)
	}
	removed := 0
	for _, kind := range s.Aging() {
		n, _, err := kind.Look(t.Context(), time.Now().Add(time.Hour), rows.Cursor{})
		if err != nil {
			t.Fatal(err)
		}
		removed += n
	}
	left, err := s.Episodes(t.Context(), "m1", 10)
	if err != nil || removed != 2 || len(left) != 2 {
		t.Errorf("removed %d, left %+v, %v", removed, left, err)
	}
}
