package chaos

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cordon/local/world"
)

// TestASweepHasTheSettingsOfTheStories holds that a sweep plays what the stories play, but for its waits.
func TestASweepHasTheSettingsOfTheStories(t *testing.T) {
	t.Parallel()
	plain, err := world.Start(world.Options{Playbook: "version: 1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(plain.Close)
	struck, err := newScene(Point{}, Options{Playbook: "version: 1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(struck.close)
	want := slices.Sorted(maps.Keys(plain.Settings))
	for name := range waits() {
		if _, there := plain.Settings[name]; !there {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(struck.Settings))); diff != "" {
		t.Errorf("settings (-stories +sweep):\n%s", diff)
	}
	for _, name := range []string{"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", "AzureWebJobsDisableHomepage", "CORDON_MODE"} {
		if struck.Settings[name] == "" || struck.Settings[name] != plain.Settings[name] {
			t.Errorf("%s is %q, in the stories %q", name, struck.Settings[name], plain.Settings[name])
		}
	}
	for name := range struck.front("RespondToAlert", 0) {
		if _, there := plain.Settings[name]; !there {
			t.Errorf("a proxy stands behind %s, which no story has", name)
		}
	}
}
