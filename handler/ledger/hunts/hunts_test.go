package hunts

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/rows/rowstest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestHuntsHold holds what is promised of hunts.
func TestHuntsHold(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, In, map[string]func(*testing.T, *Store){
		"where a hunt stands has one owner":                 huntStates,
		"a turn is recorded once, whole, whatever its size": huntTurns,
		"rows are remembered, by hunt and time":             huntRows,
	})
}

func huntStates(t *testing.T, s *Store) {
	first, err := s.Of(t.Context(), "tools")
	if err != nil || !first.Due.IsZero() {
		t.Fatalf("never seen: %+v, %v", first, err)
	}
	second := first
	first.Due, first.Claim, first.Trouble = noon, "a", strings.Repeat("x", 5000)
	if err := s.Save(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(t.Context(), &second); !errors.Is(err, rows.ErrConflict) {
		t.Errorf("a second first write: %v", err)
	}
	read, err := s.Of(t.Context(), "tools")
	if err != nil || !read.Due.Equal(noon) || read.Claim != "a" {
		t.Fatalf("%+v, %v", read, err)
	}
	first.Rows = 3
	if err := s.Save(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(t.Context(), &read); !errors.Is(err, rows.ErrConflict) {
		t.Errorf("a write of what was read before: %v", err)
	}
}

func huntTurns(t *testing.T, s *Store) {
	noise := rand.New(rand.NewPCG(1, 2))
	body := Result{Columns: []string{"DeviceId"}}
	for i := range 20_000 {
		body.Rows, body.Machines = append(body.Rows,
			[]string{fmt.Sprintf("%016x", noise.Uint64())}), append(body.Machines, []string{"m1", ""}[i%2])
	}
	if _, _, found, err := s.Turn(t.Context(), "tools", noon); found || err != nil {
		t.Errorf("before: %v, %v", found, err)
	}
	if err := s.PutTurn(t.Context(), Turn{Hunt: "tools", Due: noon, New: 1}, body); err != nil {
		t.Fatal(err)
	}
	if err := s.PutTurn(t.Context(), Turn{Hunt: "tools", Due: noon, New: 2},
		Result{}); !errors.Is(err, rows.ErrConflict) {
		t.Errorf("a second record: %v", err)
	}
	turn, got, found, err := s.Turn(t.Context(), "tools", noon)
	if diff := cmp.Diff(body, got); err != nil || !found || turn.New != 1 || turn.Parts < 2 || diff != "" {
		t.Errorf("%+v, %v\n%.500s", turn, err, diff)
	}
	if n := len(got.Mailed()); n != 10_000 {
		t.Errorf("%d rows without a machine are mailed", n)
	}
}

func huntRows(t *testing.T, s *Store) {
	digests := make([]string, 250)
	for i := range digests {
		digests[i] = fmt.Sprintf("%032x", i)
	}
	if err := s.Remember(t.Context(), "tools", digests, noon); err != nil {
		t.Fatal(err)
	}
	if err := s.Remember(t.Context(), "tools", digests[:1], noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		hunt  string
		since time.Time
		want  int
	}{
		{"tools", noon, 250}, {"tools", noon.Add(time.Minute), 1}, {"tools", noon.Add(2 * time.Hour), 0},
		{"tool", noon, 0},
	} {
		known, err := s.Known(t.Context(), tt.hunt, tt.since)
		if err != nil || len(known) != tt.want || tt.want > 0 && !known[digests[0]] {
			t.Errorf("%s since %s: %d, %v", tt.hunt, tt.since, len(known), err)
		}
	}
}
