package console

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

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

// lagging is a desk whose counts are old, and whose playbook only observes.
type lagging struct {
	hostile
	counted time.Time
	mode    string
}

func (l lagging) Overview(context.Context) (wire.Overview, error) {
	return wire.Overview{Until: l.counted.Add(31 * time.Minute), Counted: l.counted}, nil
}

func (l lagging) Health(context.Context) (wire.Health, error) {
	return wire.Health{OK: true, Mode: l.mode}, nil
}

func TestTheOverviewSaysWhatItsNumbersDoNot(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"observe", "enforce"} {
		a := over(t, lagging{hostile{empty: true}, time.Unix(1e9, 0), mode}, "ann@contoso.com").get(Base)
		if strings.Contains(a.text, "nothing is done") != (mode == "observe") ||
			!strings.Contains(a.text, "Nothing was counted since") {
			t.Errorf("%s: %d %s", mode, a.StatusCode, a.text)
		}
	}
	fresh := overviewPage{}
	fresh.Last.Is = wire.Overview{Until: time.Unix(1e9, 0), Counted: time.Unix(1e9-900, 0)}
	if fresh.Lags() {
		t.Error("a quarter of an hour is too old")
	}
}

// TestAPanicOfAPartIsOneOfThePage has a part of a page panic, which must not end the process.
func TestAPanicOfAPartIsOneOfThePage(t *testing.T) {
	t.Parallel()
	defer func() {
		if p := recover(); !strings.Contains(fmt.Sprint(p), "a part broke, at ") {
			t.Errorf("%v", p)
		}
	}()
	fill(func() {}, func() { panic("a part broke") })
	t.Error("nobody was told")
}
