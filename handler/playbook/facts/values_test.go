package facts

import "testing"

// TestEveryFactWithKnownValuesExists keeps the table of values in step with the facts.
func TestEveryFactWithKnownValuesExists(t *testing.T) {
	t.Parallel()
	found := 0
	for _, f := range Environment() {
		if set, ok := Known(f.Name); ok {
			found++
			if len(set.All) < 2 || f.Type != "text" {
				t.Errorf("%s: %+v", f.Name, set)
			}
		}
	}
	if all := len(known()); found != all {
		t.Errorf("%d facts have known values, %d are in the table", found, all)
	}
}
