package backtest

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordon/handler/backtest"
	"cordon/handler/decided"
	"cordon/handler/internal/long"
	"cordon/handler/operate/wire"
	"cordon/handler/playbook/playbooktest"
)

// record gives many runs, made of a few, in pages as the app gives them.
type record struct {
	few   []decided.Decision
	runs  int
	calls int
	asked wire.DecisionsAsked // first
}

func (r *record) Decisions(_ context.Context, q wire.DecisionsAsked) (page wire.Decisions, err error) {
	r.calls++
	if r.calls == 1 {
		r.asked = q
	}
	from, _ := strconv.Atoi(q.After)
	to := min(from+q.Limit, r.runs)
	for i := from; i < to; i++ {
		d := r.few[i%len(r.few)]
		d.Run = strconv.Itoa(i)
		d.ObservedAt = noon.Add(-time.Duration(i) * 25 * time.Second)
		d.Facts.Now = d.ObservedAt
		d.Facts.Alert.Created = d.ObservedAt
		page.Decisions = append(page.Decisions, d)
	}
	if to < r.runs {
		page.Next = strconv.Itoa(to)
	}
	return page, nil
}

// TestAHundredThousandRunsTakeFiveHundredCallsAndLittleMemory tries a changed playbook on a month of a large tenant.
func TestAHundredThousandRunsTakeFiveHundredCallsAndLittleMemory(t *testing.T) {
	long.Test(t)
	const runs, calls, bytes = 100_000, 500, 32 << 20
	was, is := books(t)
	kept := &record{runs: runs}
	for i := range 1050 {
		kept.few = append(kept.few, decide(was, input(i)))
	}
	trial := backtest.New(backtest.Options{Book: is, Explain: true})
	before := heap()
	began := time.Now()
	err := read(t.Context(), kept, noon.AddDate(0, 0, -30), noon, func(page decisions) {
		for _, d := range page {
			trial.Add(d)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	report := trial.Report()
	t.Logf("%d runs in %s by %d calls; %d KiB are kept", runs, time.Since(began).Round(time.Millisecond), kept.calls,
		(heap()-before)>>10)
	if kept.calls != calls || report.Runs != runs || kept.asked.Limit != 200 ||
		!kept.asked.Since.Equal(noon.AddDate(0, 0, -30)) || !kept.asked.Until.Equal(noon) {
		t.Errorf("%d runs by %d calls, the first %+v", report.Runs, kept.calls, kept.asked)
	}
	if more := heap() - before; more > bytes {
		t.Errorf("%d bytes are kept", more)
	}
	examples := 0
	for _, c := range report.Changes {
		examples += len(c.Examples)
	}
	if report.Differ < runs/2 || examples == 0 || examples > 30 || report.Uncounted != 0 {
		t.Errorf("%d differ, with %d examples: %+v", report.Differ, examples, report)
	}
	runtime.KeepAlive(trial)
}

// heap is how many bytes are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// stuck gives a page again and again.
type stuck struct{ err error }

func (s stuck) Decisions(_ context.Context, q wire.DecisionsAsked) (wire.Decisions, error) {
	if q.After != "" {
		return wire.Decisions{Next: "x"}, s.err
	}
	return wire.Decisions{Next: "x"}, nil
}

func TestReadingEndsIfThePagesDoNot(t *testing.T) {
	t.Parallel()
	refused := errors.New("the app refuses")
	for _, want := range []error{nil, refused} {
		err := read(t.Context(), stuck{want}, noon, noon, func(decisions) {})
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%v", err)
		}
	}
}

func TestAFewRunsTakeOneCall(t *testing.T) {
	t.Parallel()
	was := playbooktest.Load(t, playbooktest.Rules(before))
	for runs, calls := range map[int]int{0: 1, 1: 1, 200: 1, 201: 2} {
		kept := &record{
			few:  []decided.Decision{decide(was, input(1))},
			runs: runs,
		}
		seen := 0
		err := read(t.Context(), kept, noon, noon, func(page decisions) { seen += len(page) })
		if err != nil || seen != runs || kept.calls != calls {
			t.Errorf("%d of %d runs by %d calls, want %d: %v", seen, runs, kept.calls, calls, err)
		}
	}
}

func TestProgressStandsInOneLine(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	p := &progress{w: &b}
	p.add(200, noon)
	p.add(50, noon.AddDate(0, 0, -3))
	p.end()
	if b.String() != "\r200 runs, at 2026-03-04\r250 runs, at 2026-03-01\n" {
		t.Errorf("%q", b.String())
	}
	if p = newProgress(&b); p.w != nil {
		t.Error("what is no terminal gets it too")
	}
	p.add(1, noon)
	p.end()
	if strings.Count(b.String(), "\n") != 1 {
		t.Errorf("%q", b.String())
	}
}
