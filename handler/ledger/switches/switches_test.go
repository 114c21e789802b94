package switches

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/rows/rowstest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestSwitchesHold holds what is promised of the facts about Cordon itself.
func TestSwitchesHold(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, In, map[string]func(*testing.T, *Store){
		"watermark never moves back and has one owner":      watermark,
		"a pause of an endpoint only ever grows":            endpointPauses,
		"a pause has one owner, and each change a record":   pauses,
		"marks are the newest":                              marks,
		"what decisions met is kept once, and little of it": met,
		"look-ups of an hour are counted for all instances": lookups,
		"the beginning is written once, and only moves on":  beginning,
	})
}

func watermark(t *testing.T, s *Store) {
	w, err := s.Watermark(t.Context(), "")
	if err != nil || !w.At.IsZero() {
		t.Fatalf("first watermark %+v, %v", w, err)
	}
	stale := w
	if w, err = s.Advance(t.Context(), w, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Advance(t.Context(), stale, noon.Add(time.Hour)); !errors.Is(err, rows.ErrConflict) {
		t.Errorf("a second owner moved it: %v", err)
	}
	if w, err = s.Advance(t.Context(), w, noon.Add(-time.Hour)); err != nil || !w.At.Equal(noon) {
		t.Errorf("moved back to %s, %v", w.At, err)
	}
	if w, err = s.Advance(t.Context(), w, noon.Add(time.Minute)); err != nil {
		t.Error(err)
	}
	if again, err := s.Watermark(t.Context(), ""); err != nil || !again.At.Equal(noon.Add(time.Minute)) {
		t.Errorf("read back %+v, %v", again, err)
	}
	second, err := s.Watermark(t.Context(), "graph")
	if err != nil || !second.At.IsZero() {
		t.Fatalf("the watermark of another source is %+v, %v", second, err)
	}
	if _, err = s.Advance(t.Context(), second, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	all, err := s.Watermarks(t.Context())
	if err != nil || len(all) != 2 || all[0].Source() != "graph" || all[1].Source() != "" ||
		!all[1].At.Equal(noon.Add(time.Minute)) {
		t.Errorf("all watermarks: %+v, %v", all, err)
	}
}

func beginning(t *testing.T, s *Store) {
	is := func(what string, want time.Time) {
		t.Helper()
		if first, err := s.Beginning(t.Context()); err != nil || !first.At.Equal(want) {
			t.Errorf("%s the beginning is %+v, %v; want %s", what, first, err, want)
		}
	}
	is("before anything", time.Time{})

	// The version before kept none: where its first polls began stands for it.
	for source, since := range map[string]time.Time{"": noon.Add(-time.Hour), "graph": noon.Add(-2 * time.Hour)} {
		w, err := s.Watermark(t.Context(), source)
		w.Since = since
		if _, again := s.Advance(t.Context(), w, noon); err != nil || again != nil {
			t.Fatal(err, again)
		}
	}
	is("in tables of before", noon.Add(-2*time.Hour))

	for _, at := range []time.Time{noon, noon.Add(time.Hour)} {
		if err := s.Begin(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		is("after a look", noon)
	}
	if first, err := s.BeginAnew(t.Context(), noon.Add(-time.Hour), "x"); err != nil || !first.At.Equal(noon) ||
		first.Why != "" {
		t.Errorf("it moved back: %+v, %v", first, err)
	}
	if first, err := s.BeginAnew(t.Context(), noon.Add(time.Minute), "why"); err != nil || first.Why != "why" {
		t.Errorf("it was not moved: %+v, %v", first, err)
	}
	is("once it was moved", noon.Add(time.Minute))
}

func endpointPauses(t *testing.T, s *Store) {
	const endpoint = "POST /api/machines/{id}/isolate"
	want := func(what string, want time.Time) {
		t.Helper()
		if got, err := s.EndpointPausedUntil(t.Context(), endpoint); err != nil || !got.Equal(want) {
			t.Errorf("%s: paused until %s, %v; want %s", what, got, err, want)
		}
	}
	want("never paused", time.Time{})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			if err := s.PauseEndpoint(context.Background(), endpoint, noon,
				noon.Add(time.Duration(i)*time.Minute)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	want("the longest of many", noon.Add(7*time.Minute))
	for _, until := range []time.Time{noon.Add(48 * time.Hour), noon.Add(8 * time.Minute)} {
		if err := s.PauseEndpoint(t.Context(), endpoint, noon, until); err != nil {
			t.Fatal(err)
		}
	}
	want("after a wrong clock", noon.Add(8*time.Minute))
	if other, err := s.EndpointPausedUntil(t.Context(), "GET /api/machines/{id}"); err != nil || !other.IsZero() {
		t.Errorf("another endpoint is paused until %s, %v", other, err)
	}
}

func pauses(t *testing.T, s *Store) {
	if p, err := s.Pause(t.Context()); err != nil || p.Paused || p.Why() != "" {
		t.Fatalf("at the beginning: %+v, %v", p, err)
	}
	var group sync.WaitGroup
	var changed atomic.Int32
	for i := range 4 {
		group.Go(func() {
			was, err := s.SetPause(t.Context(), Turn{
				Paused: true,
				By:     fmt.Sprint("person ", i),
				Reason: "maintenance",
				At:     noon.Add(time.Duration(i) * time.Second),
			})
			if err != nil {
				t.Error(err)
			} else if !was.Paused {
				changed.Add(1)
			}
		})
	}
	group.Wait()
	p, err := s.Pause(t.Context())
	if err != nil || !p.Paused || changed.Load() != 1 || !strings.Contains(p.Why(), "maintenance, by person ") {
		t.Errorf("%d changed it; %+v, %v", changed.Load(), p, err)
	}
	if was, err := s.SetPause(t.Context(),
		Turn{By: "eve", At: noon.Add(time.Hour)}); err != nil || was.By != p.By {
		t.Errorf("%+v, %v", was, err)
	}
	if p, err := s.Pause(t.Context()); err != nil || p.Paused || p.By != "eve" {
		t.Errorf("at the end: %+v, %v", p, err)
	}
}

func marks(t *testing.T, s *Store) {
	if m, err := s.Mark(t.Context(), "poll"); err != nil || !m.At.IsZero() {
		t.Errorf("%+v, %v", m, err)
	}
	for i := range 2 {
		if err := s.SetMark(t.Context(), "poll", noon.Add(time.Duration(i)*time.Minute), "n"); err != nil {
			t.Fatal(err)
		}
	}
	if m, err := s.Mark(t.Context(), "poll"); err != nil || !m.At.Equal(noon.Add(time.Minute)) || m.Note != "n" {
		t.Errorf("%+v, %v", m, err)
	}
}
