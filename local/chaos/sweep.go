package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"cordon/local/world"
)

// Options say what is swept.
type Options struct {
	// App is the staged folder with host.json and the binary; Playbook is the text of a playbook that enforces.
	App, Playbook string
	// Source is where alerts are read, as CORDON_ALERT_SOURCE says it; empty: from Defender.
	Source string
	// Seed makes the story's ids, its order, and the sample.
	Seed uint64
	// Sample is about how many runs to spread over all boundaries and kinds; 0 means every k in every way.
	Sample int
	// Within bounds the time of the sweep: no run begins later than that, and the report says how many were left out. A
	// sample is in no order, so that what is left out is spread too. 0 means no bound.
	Within time.Duration
	// Only limits the sweep to one point; the zero value does not.
	Only *Point
	// Kind limits the sweep to one kind of strike; empty does not.
	Kind Kind
	// Sabotage breaks a promise on purpose, in runs that are not struck; empty breaks none.
	Sabotage string
	// Parallel is how many runs go on at once; 0 means a number that suits this machine. Runs mostly wait.
	Parallel int
	// Keep is a folder for the logs of runs that broke a promise; empty keeps none.
	Keep string
	// Verbose keeps the log of every run in its result.
	Verbose bool
	// Progress is told about the sweep now and then; nil means nobody is.
	Progress io.Writer
}

// graph reports whether alerts are read from Graph.
func (o Options) graph() bool { return o.Source != "" && o.Source != world.OnlyDefender }

// undisturbed is how often the story is played without a strike. What it sends then is what is struck at.
const undisturbed = 2

func (o Options) parallel() int {
	if o.Parallel > 0 {
		return o.Parallel
	}
	return 4 * runtime.GOMAXPROCS(0)
}

// Run sweeps and reports. An error means that the sweep could not be made, or not to its end; broken promises are in
// the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	r := &Report{
		Seed:       o.Seed,
		Sabotage:   o.Sabotage,
		Source:     o.Source,
		Whole:      o.Only == nil,
		Begun:      time.Now(),
		boundaries: map[Boundary]map[string]int{},
	}
	if o.Only != nil {
		return r, o.sweep(ctx, r, []Point{*o.Only})
	}
	if err := o.sweep(ctx, r, make([]Point, undisturbed)); err != nil || o.Sabotage != "" {
		return r, err
	}
	return r, o.sweep(ctx, r, o.points(r.counts()))
}

func (o Options) check() error {
	if o.Kind != "" && !slices.Contains(Kinds(), o.Kind) {
		return fmt.Errorf("there is no kind %q; there are %s", o.Kind, join(Kinds()))
	}
	if o.Only != nil && o.Only.Kind != "" {
		if err := o.Only.check(); err != nil {
			return err
		}
	}
	if o.Source != "" {
		if err := world.CheckSource(o.Source); err != nil {
			return err
		}
	}
	if err := checkSabotage(o.Sabotage); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(o.App, "host.json")); err != nil {
		return fmt.Errorf("%q is no staged app: %w", o.App, err)
	}
	return nil
}

// points lists what is struck at: everything, everything in one way, or a sample that takes from each site and each way
// about the same share.
func (o Options) points(counts map[Site]int) []Point {
	var all []Point
	for _, s := range sites(counts) {
		for k := 1; k <= counts[s]; k++ {
			all = append(all, ways(s, k)...)
		}
	}
	if o.Kind != "" {
		return slices.DeleteFunc(all, func(p Point) bool { return p.Kind != o.Kind })
	}
	if o.Sample == 0 || o.Sample >= len(all) {
		return all
	}
	return sample(counts, o.Sample, o.Seed)
}

// sites lists where something was sent from, in the order of the table.
func sites(counts map[Site]int) []Site {
	order := Boundaries()
	return slices.SortedFunc(maps.Keys(counts), func(a, b Site) int {
		if d := slices.Index(order, a.Boundary) - slices.Index(order, b.Boundary); d != 0 {
			return d
		}
		return strings.Compare(a.By, b.By)
	})
}

// sweep makes the runs, several at once, and adds them to the report.
func (o Options) sweep(ctx context.Context, r *Report, points []Point) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var workers, watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	var p pace
	watching.Go(func() { p.watch(ctx) })
	work := make(chan Point)
	go func() {
		defer close(work)
		for i, p := range points {
			if o.Within > 0 && time.Since(r.Begun) > o.Within {
				r.leaveOut(len(points) - i)
				return
			}
			select {
			case work <- p:
			case <-ctx.Done():
				return
			}
		}
	}()
	shown := o.progress(len(points))
	for range min(o.parallel(), len(points)) {
		workers.Go(func() {
			for point := range work {
				p.settle(ctx)
				result, err := o.insist(ctx, point)
				if err == nil {
					err = o.keep(result)
				}
				if err != nil {
					cancel(err)
					return
				}
				r.add(result)
				shown(result)
			}
		})
	}
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return ctx.Err()
}

// insist repeats a run that did not get to its point: two runs are never quite the same.
func (o Options) insist(ctx context.Context, p Point) (result, error) {
	for range 2 {
		r, err := o.one(ctx, p)
		if err != nil || r.verdict.Reached || r.verdict.Broken() {
			return r, err
		}
	}
	return o.one(ctx, p)
}

// keep writes the log of a run that broke a promise.
func (o Options) keep(r result) error {
	if o.Keep == "" || !r.verdict.Broken() {
		return nil
	}
	if err := os.MkdirAll(o.Keep, 0o755); err != nil {
		return err
	}
	text := r.point.String() + "\n" + strings.Join(r.verdict.Problems, "\n") + "\n\n" + r.log
	return os.WriteFile(filepath.Join(o.Keep, r.point.file()+".log"), []byte(text), 0o644)
}

// progress tells how far the sweep is, at most every ten seconds.
func (o Options) progress(total int) func(result) {
	if o.Progress == nil {
		return func(result) {}
	}
	var mu sync.Mutex
	begun := time.Now()
	last := begun
	done, broken := 0, 0
	return func(r result) {
		mu.Lock()
		defer mu.Unlock()
		done++
		if r.verdict.Broken() {
			broken++
			fmt.Fprintf(o.Progress, "broken: %s: %s\n", r.point, strings.Join(r.verdict.Problems, "; "))
		}
		if time.Since(last) < 10*time.Second && done < total {
			return
		}
		last = time.Now()
		left := time.Since(begun) / time.Duration(done) * time.Duration(total-done)
		fmt.Fprintf(o.Progress, "%d of %d runs, %d broken, about %s to go\n", done, total, broken,
			left.Round(time.Second))
	}
}
