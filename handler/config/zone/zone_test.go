package zone

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEveryNameHasItsZone though the system may have none: the tables are those that the program carries.
func TestEveryNameHasItsZone(t *testing.T) {
	t.Setenv("ZONEINFO", "/nowhere")
	known := strings.Fields(names)
	if len(known) < 400 || !slices.IsSorted(known) {
		t.Errorf("%d names, in order: %t", len(known), slices.IsSorted(known))
	}
	for _, name := range known {
		there, err := Named(name)
		if err != nil || there.String() != name {
			t.Errorf("%s: %v, %v", name, there, err)
		}
	}
	berlin, err := Named("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	summer := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC).In(berlin)
	if summer.Hour() != 14 {
		t.Errorf("noon is %s in Berlin", summer)
	}
}

func TestAWrongNameIsToldWithWhatWasMeant(t *testing.T) {
	t.Parallel()
	for name, meant := range map[string]string{
		"Berlin":          "did you mean Europe/Berlin?",
		"europe/berlin":   "did you mean Europe/Berlin",
		"Europe/Berln":    "did you mean Europe/Berlin",
		"America/NewYork": "did you mean America/New_York",
		"utc":             "did you mean UTC",
		"Local":           "expected a name of the tz database",
		"":                "expected a name of the tz database",
		"+01:00":          "expected a name of the tz database",
		"../etc/passwd":   "expected a name of the tz database",
	} {
		_, err := Named(name)
		if err == nil || !strings.Contains(err.Error(), meant) {
			t.Errorf("%q: %v, want %q", name, err, meant)
		}
	}
}
