package facts

import (
	"testing"
)

// TestEveryFactWithKnownValuesExists keeps the table of values in step with the facts.
func TestEveryFactWithKnownValuesExists(t *testing.T) {
	t.Parallel()
	known := 0
	for _, f := range Environment() {
		if set, ok := Usual(f.Name); ok {
			known++
			if len(set.values) < 2 || f.Type != "text" {
				t.Errorf("%s: %+v", f.Name, set)
			}
		}
	}
	if all := len(allUsualValues()); known != all {
		t.Errorf("%d facts have known values, %d are in the table", known, all)
	}
}
