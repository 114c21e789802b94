package chaos

import (
	"context"
	"fmt"
	"time"
)

// result is one run.
type result struct {
	point   Point
	verdict Verdict
	counts  map[Site]int
	took    time.Duration
	log     string // empty unless a promise was broken, or it was asked for
}

// one plays the story in a world of its own, strikes at the point, and judges. An error is about this machine or the
// binary, and says nothing of the promises.
func (o Options) one(ctx context.Context, p Point) (result, error) {
	begun := time.Now()
	played := newStory(o.Seed).withPush(o.Seed)
	if o.graph() {
		played = played.withGraph(o.Seed)
	}
	w, err := newScene(p, o)
	if err != nil {
		return result{}, fmt.Errorf("stand-ins: %w", err)
	}
	defer w.close()
	a := &act{scene: w, story: played}
	a.prepare()
	w.sabotage.begin(ctx, a)
	if err := w.start(ctx, o.App, o.Seed); err != nil {
		return result{}, err
	}
	open := a.play(ctx)
	if ctx.Err() != nil {
		return result{}, ctx.Err()
	}
	counts := w.gate.counted()
	if err := w.gate.shutDown(); err != nil {
		return result{}, fmt.Errorf("strike: %w", err)
	}
	w.host.Close()
	w.sabotage.end(a)
	r := result{point: p, verdict: weigh(a.evidence(open)), counts: counts, took: time.Since(begun)}
	if r.verdict.Broken() && a.stall > messageLock/4 {
		r.verdict.Problems = append(r.verdict.Problems,
			fmt.Sprintf("(this machine stood still for %s meanwhile)", a.stall.Round(time.Millisecond)))
	}
	if r.verdict.Broken() || o.Verbose {
		r.log = w.log()
	}
	return r, nil
}
