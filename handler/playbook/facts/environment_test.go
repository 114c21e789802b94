package facts

import "testing"

func TestEveryFactHasAMeaning(t *testing.T) {
	t.Parallel()
	known := meanings()
	names := map[string]bool{}
	for _, f := range Environment() {
		names[f.Name] = true
		if _, ok := known[f.Name]; !ok {
			t.Errorf("%s has no entry in meanings", f.Name)
		}
	}
	for name := range known {
		if !names[name] {
			t.Errorf("%s is explained and does not exist", name)
		}
	}
}
