package console

import (
	"testing"

	"cordon/handler/operate/wire"
)

func TestTheChartShowsWhateverThereIs(t *testing.T) {
	t.Parallel()
	bars := chart([]wire.HourCount{{Runs: 10_000, Isolated: 1}, {}, {Runs: 1}, {Runs: 5_000, Isolated: 5_000}})
	want := []bar{
		{Left: 0, Top: 0, High: 100, ActedTop: 98, Acted: 2},
		{Left: 10, Top: 100, ActedTop: 100},
		{Left: 20, Top: 98, High: 2, ActedTop: 100},
		{Left: 30, Top: 50, High: 50, ActedTop: 50, Acted: 50},
	}
	for i, b := range bars {
		b.HourCount = wire.HourCount{}
		if b != want[i] {
			t.Errorf("hour %d: %+v, want %+v", i, b, want[i])
		}
	}
	if bars := chart(nil); len(bars) != 0 {
		t.Errorf("%+v", bars)
	}
}
