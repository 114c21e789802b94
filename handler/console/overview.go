package console

import (
	"context"
	"time"

	"cordon/handler/isolation"
	"cordon/handler/operate/wire"
)

// overviewPage is what the overview is given. What cannot be said of one part does not hide the others.
type overviewPage struct {
	Isolated part[wire.Isolated]
	Held     part[wire.Held]
	Health   part[wire.Health]
	Last     part[wire.Overview]
	Chart    []bar
	Now      time.Time
	May      bool
}

func overview(ctx context.Context, v visit) (shown, error) {
	p := overviewPage{May: v.may(), Now: v.now}
	fill(
		into(&p.Isolated, func() (wire.Isolated, error) { return v.desk.Isolated(ctx) }),
		into(&p.Held, func() (wire.Held, error) { return v.desk.Held(ctx) }),
		into(&p.Health, func() (wire.Health, error) { return v.desk.Health(ctx) }),
		into(&p.Last, func() (wire.Overview, error) { return v.desk.Overview(ctx) }),
	)
	p.Chart = chart(p.Last.Is.Hours)
	return shown{page: p}, nil
}

// heldShown is how much of what is held the overview shows.
const heldShown = 5

// Some are the newest of what is held.
func (p overviewPage) Some() []wire.HeldEntry {
	return p.Held.Is.Held[:min(len(p.Held.Is.Held), heldShown)]
}

// InForce counts the machines that are isolated.
func (p overviewPage) InForce() int {
	n := 0
	for _, m := range p.Isolated.Is.Machines {
		if m.State == string(isolation.Isolated) || m.State == string(isolation.Releasing) {
			n++
		}
	}
	return n
}

// Asked counts the machines that are about to be.
func (p overviewPage) Asked() int { return len(p.Isolated.Is.Machines) - p.InForce() }

// countedWithin is how old the counts are at most while all is well: a quarter of an hour, and what counting takes.
const countedWithin = 30 * time.Minute

// Lags reports whether the counts are older than that.
func (p overviewPage) Lags() bool {
	return p.Last.Is.Until.Sub(p.Last.Is.Counted) > countedWithin
}

// Typical is how long it took from half of the alerts to the isolation.
func (p overviewPage) Typical() time.Duration {
	return time.Duration(p.Last.Is.ToIsolation.P50) * time.Second
}

// Slow is how long it took from 95 of 100 alerts to the isolation.
func (p overviewPage) Slow() time.Duration {
	return time.Duration(p.Last.Is.ToIsolation.P95) * time.Second
}

// bar is one hour of the chart, in units of its drawing.
type bar struct {
	wire.HourCount
	Left     int
	Top      int // of all runs
	High     int
	ActedTop int // of those that an isolation answered
	Acted    int
}

// How the chart is drawn: bars of one width side by side.
const (
	barWide   = 10
	chartHigh = 100
)

// chart draws hours. What is there is seen, however little of the highest it is.
func chart(hours []wire.HourCount) (bars []bar) {
	highest := 1
	for _, h := range hours {
		highest = max(highest, h.Runs)
	}
	tall := func(n int) int {
		if n <= 0 {
			return 0
		}
		return max(2, min(n, highest)*chartHigh/highest)
	}
	for i, h := range hours {
		b := bar{
			HourCount: h,
			Left:      i * barWide,
			High:      tall(h.Runs),
			Acted:     tall(h.Isolated),
		}
		b.Top = chartHigh - b.High
		b.ActedTop = chartHigh - b.Acted
		bars = append(bars, b)
	}
	return bars
}

// waitingPage is what the page of what waits for a person is given.
type waitingPage struct {
	wire.Held
	May bool
}

func waiting(ctx context.Context, v visit) (shown, error) {
	held, err := v.desk.Held(ctx)
	return shown{page: waitingPage{Held: held, May: v.may()}}, err
}
