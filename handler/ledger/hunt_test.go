package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/ledger/hunts"
	"cordon/handler/ledger/rows"
)

func huntStates(t *testing.T, s *Store) {
	first, err := s.Hunt(t.Context(), "tools")
	if err != nil || !first.Due.IsZero() {
		t.Fatalf("never seen: %+v, %v", first, err)
	}
	second := first
	first.Due, first.Claim, first.Trouble = noon, "a", strings.Repeat("x", 5000)
	if err := s.SaveHunt(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveHunt(t.Context(), &second); !errors.Is(err, rows.ErrConflict) {
		t.Errorf("a second first write: %v", err)
	}
	read, err := s.Hunt(t.Context(), "tools")
	if err != nil || !read.Due.Equal(noon) || read.Claim != "a" {
		t.Fatalf("%+v, %v", read, err)
	}
	first.Rows = 3
	if err := s.SaveHunt(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveHunt(t.Context(), &read); !errors.Is(err, rows.ErrConflict) {
		t.Errorf("a write of what was read before: %v", err)
	}
}

func huntTurns(t *testing.T, s *Store) {
	noise := rand.New(rand.NewPCG(1, 2))
	body := hunts.Result{Columns: []string{"DeviceId"}}
	for i := range 20_000 {
		body.Rows, body.Machines = append(body.Rows, []string{fmt.Sprintf("%016x", noise.Uint64())}), append(body.Machines, []string{"m1", ""}[i%2])
	}
	if _, _, found, err := s.HuntTurn(t.Context(), "tools", noon); found || err != nil {
		t.Errorf("before: %v, %v", found, err)
	}
	if err := s.PutHuntTurn(t.Context(), hunts.Turn{Hunt: "tools", Due: noon, New: 1}, body); err != nil {
		t.Fatal(err)
	}
	if err := s.PutHuntTurn(t.Context(), hunts.Turn{Hunt: "tools", Due: noon, New: 2}, hunts.Result{}); !errors.Is(err, rows.ErrConflict) {
		t.Errorf("a second record: %v", err)
	}
	turn, got, found, err := s.HuntTurn(t.Context(), "tools", noon)
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
	if err := s.RememberHunted(t.Context(), "tools", digests, noon); err != nil {
		t.Fatal(err)
	}
	if err := s.RememberHunted(t.Context(), "tools", digests[:1], noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		hunt  string
		since time.Time
		want  int
	}{{"tools", noon, 250}, {"tools", noon.Add(time.Minute), 1}, {"tools", noon.Add(2 * time.Hour), 0}, {"tool", noon, 0}} {
		known, err := s.Hunted(t.Context(), tt.hunt, tt.since)
		if err != nil || len(known) != tt.want || tt.want > 0 && !known[digests[0]] {
			t.Errorf("%s since %s: %d, %v", tt.hunt, tt.since, len(known), err)
		}
	}
}

func sampleFinding() Finding {
	return Finding{ID: FindingID("tools", "0a1b"), Hunt: "tools", Severity: "High", MachineID: "m1", FoundAt: noon}
}

func findings(t *testing.T, s *Store) {
	f := sampleFinding()
	row := map[string]string{"DeviceId": "m1", "Line": strings.Repeat("\u00e4\u0001", 200_000)}
	if err := f.SetRow(row); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		o, err := s.ObserveFinding(t.Context(), f, noon)
		if err != nil || o.Run.Version != 1 || o.Run.MachineID != "m1" || o.Run.State != Observed {
			t.Fatalf("%+v, %v", o.Run, err)
		}
	}
	read, exists, err := s.Finding(t.Context(), f.ID)
	if err != nil || !exists || read.Alert().Title != "Hunt tools" {
		t.Fatalf("%+v, %v, %v", read, exists, err)
	}
	if back, err := read.Row(); err != nil || back["DeviceId"] != "m1" || len(back["Line"]) < 1000 {
		t.Errorf("the row came back as %d columns, %v", len(back), err)
	}
	setState(t, s, f.ID, Closed)
	f.MachineName = "changed" // the same turn again, after its run was closed
	if o, err := s.ObserveFinding(t.Context(), f, noon); err != nil || o.Changed || o.Run.State != Closed {
		t.Errorf("the same turn again: %+v, %v", o.Run, err)
	}
	f.FoundAt = noon.Add(time.Hour)
	o, err := s.ObserveFinding(t.Context(), f, f.FoundAt)
	if err != nil || !o.Changed || o.Run.Version != 2 {
		t.Errorf("found again: %+v, %v", o.Run, err)
	}
	if _, exists, err := s.Finding(t.Context(), FindingID("tools", "other")); exists || err != nil {
		t.Errorf("another finding: %v, %v", exists, err)
	}
	if !IsFinding(f.ID) || IsFinding("da638994417204415533_-1184209733") {
		t.Error("findings and alerts are mistaken for each other")
	}
}

func huntsOld(t *testing.T, s *Store) {
	h, err := s.Hunt(t.Context(), "tools")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SaveHunt(t.Context(), &h); err != nil {
		t.Fatal(err)
	}
	if err := s.RememberHunted(t.Context(), "tools", []string{"0a"}, noon); err != nil {
		t.Fatal(err)
	}
	if err := s.PutHuntTurn(t.Context(), hunts.Turn{Hunt: "tools", Due: noon}, hunts.Result{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ObserveFinding(t.Context(), sampleFinding(), noon); err != nil {
		t.Fatal(err)
	}
	setState(t, s, sampleFinding().ID, Closed)
	for range 2 {
		if _, err := s.Housekeep(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	_, _, turned, err := s.HuntTurn(t.Context(), "tools", noon)
	known, err2 := s.Hunted(t.Context(), "tools", time.Unix(0, 0))
	_, found, err3 := s.Finding(t.Context(), sampleFinding().ID)
	if turned || len(known) > 0 || found || errors.Join(err, err2, err3) != nil {
		t.Errorf("left: turn %v, rows %v, finding %v; %v", turned, known, found, errors.Join(err, err2, err3))
	}
	if again, err := s.Hunt(t.Context(), "tools"); err != nil || again.ETag != h.ETag {
		t.Errorf("where the hunt stands is gone: %+v, %v", again, err)
	}
}
