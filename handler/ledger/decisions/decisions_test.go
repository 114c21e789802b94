package decisions

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/ledger/rows/rowstest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestDecisionsHold holds what is promised of decisions.
func TestDecisionsHold(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, In, map[string]func(*testing.T, *Store){
		"a run has one decision, its newest":            newest,
		"pages are read newest first, each record once": paged,
		"a place that is none gives nothing away":       hostile,
	})
}

func put(t *testing.T, s *Store, id string, at time.Time, body string) {
	t.Helper()
	err := s.Put(t.Context(), Record{
		AlertID:    id,
		Version:    1,
		ObservedAt: at,
		MachineID:  "m1",
		Body:       []byte(body),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func newest(t *testing.T, s *Store) {
	put(t, s, "da1", noon, "first")
	put(t, s, "da1", noon, "second")
	put(t, s, "da2", noon, "other")
	r, found, err := s.Read(t.Context(), "da1", 1, noon)
	if err != nil || !found || string(r.Body) != "second" || r.MachineID != "m1" {
		t.Errorf("%+v, %v, %v", r, found, err)
	}
	for range 2 {
		if err := s.Remove(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if _, found, err := s.Read(t.Context(), "da1", 1, noon); found || err != nil {
		t.Errorf("after it was removed: %v, %v", found, err)
	}
	if _, found, err := s.Read(t.Context(), "da2", 1, noon); !found || err != nil {
		t.Errorf("the other run's: %v, %v", found, err)
	}
}

func paged(t *testing.T, s *Store) {
	for i := range 9 {
		put(t, s, fmt.Sprintf("da%d", i), noon.Add(time.Duration(i)*time.Hour), "x")
	}
	for _, tt := range []struct {
		since, until time.Time
		want         string
	}{
		{want: "da8 da7 da6 da5 da4 da3 da2 da1 da0"},
		{since: noon.Add(3 * time.Hour), want: "da8 da7 da6 da5 da4 da3"},
		{until: noon.Add(3 * time.Hour), want: "da2 da1 da0"},
		{since: noon.Add(3 * time.Hour), until: noon.Add(5 * time.Hour), want: "da4 da3"},
		{since: noon.Add(5 * time.Hour), until: noon.Add(3 * time.Hour)},
	} {
		var all []string
		q := Query{Since: tt.since, Until: tt.until, Limit: 2}
		for range 9 {
			page, next, err := s.Page(t.Context(), q)
			if err != nil || len(page) > 2 {
				t.Fatalf("%d records, %v", len(page), err)
			}
			for _, r := range page {
				all = append(all, r.AlertID)
			}
			if q.After = next; next == "" {
				break
			}
		}
		if got := strings.Join(all, " "); got != tt.want {
			t.Errorf("since %v until %v: %s, want %s", tt.since, tt.until, got, tt.want)
		}
	}
}

func hostile(t *testing.T, s *Store) {
	put(t, s, "da1", noon, "x")
	for _, place := range []string{
		"' or RowKey gt '", "~", "\x00", strings.Repeat("9", 4000), "é", "%27", "' or PartitionKey ne '",
	} {
		page, next, err := s.Page(t.Context(), Query{Limit: 2, After: place})
		if err != nil || len(page) > 1 || next != "" {
			t.Errorf("%.20q: %d records, next %q, %v", place, len(page), next, err)
		}
	}
}
