package tallies

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"cordon/handler/ledger/rows"
)

// TestTheHoursOfAnyDayFit fills every hour with every time and outcome that there can be.
func TestTheHoursOfAnyDayFit(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var hours Hours
	for i := range hours {
		hour := &hours[i]
		for n := range 200 {
			hour.Add([]string{fmt.Sprintf("outcome %d", n)})
		}
		for took := time.Duration(0); took < 2*longest; took += time.Second + took/200 {
			hour.Isolated(took)
		}
		for seconds := range hour.Took {
			hour.Took[seconds] = random.IntN(100_000)
		}
		if len(hour.Outcomes) > mostOutcomes+1 || hour.Outcomes[Other] != 200-mostOutcomes || len(hour.Took) < 400 {
			t.Fatalf("%d outcomes, %d others, %d times", len(hour.Outcomes), hour.Outcomes[Other], len(hour.Took))
		}
	}
	packed, err := pack("2026-03-02", hours, len(hours))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d bytes", len(packed), rows.MaxProperty)
}

func TestTimesAreRoundedToTwoDigits(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]int{
		-time.Minute:             0,
		400 * time.Millisecond:   0,
		99400 * time.Millisecond: 99,
		104 * time.Second:        100,
		105 * time.Second:        110,
		996 * time.Second:        1000,
		time.Hour:                3600,
		100 * 24 * time.Hour:     2_600_000,
	} {
		if got := rounded(took); got != want {
			t.Errorf("%s: %d, want %d", took, got, want)
		}
	}
}
