package runs

import (
	"testing"
	"time"
)

// named has a machine on which an alert came after another that a person decides about later: that is no sight of the
// machine.
func named(t *testing.T, s *Store) {
	for i, id := range []string{"da1", "da2"} {
		at := noon.Add(time.Duration(i) * time.Hour)
		a := sampleAlert()
		a.ID = id
		observe(t, s, a, at)
		_, err := s.Update(t.Context(), id, 1, func(r *Run) (bool, error) {
			r.MachineName = "PC1"
			r.end(HeldOutcome, "", at.Add(time.Minute))
			return true, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Update(t.Context(), "da1", 1, func(r *Run) (bool, error) {
		r.Drop(", dropped")
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	found, more, err := s.lists.Named(t.Context(), "pc", 9)
	if err != nil || more || len(found) != 1 || found[0].MachineName != "PC1" || found[0].SeenAt != noon.Add(61*time.Minute) {
		t.Errorf("%+v, %v", found, err)
	}
}
