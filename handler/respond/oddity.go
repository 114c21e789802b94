package respond

import (
	"context"
	"sync"
	"time"

	"cordon/handler/answer"
	"cordon/handler/ledger/switches"
	"cordon/handler/playbook"
)

// oddities are what this process has noted lately, so that a machine that is met again and again costs nothing.
type oddities struct {
	mu    sync.Mutex
	noted map[switches.Met]time.Time
}

// Bounds of what a process remembers.
const (
	notedFor  = time.Hour
	notedMost = 2000
)

// fresh keeps those that were not noted lately.
func (o *oddities) fresh(found []switches.Met, now time.Time) []switches.Met {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.noted == nil || len(o.noted) > notedMost {
		o.noted = map[switches.Met]time.Time{}
	}
	var fresh []switches.Met
	for _, m := range found {
		at, known := o.noted[m]
		if !known || now.Sub(at) > notedFor {
			o.noted[m] = now
			fresh = append(fresh, m)
		}
	}
	return fresh
}

// noteOddities keeps for Health what is odd about the machine of a plan that acts. It is a hint: what cannot be
// written is no trouble of the run.
func (r *Responder) noteOddities(ctx context.Context, run *answer.Run, in playbook.Input) {
	if len(run.Plan.Rails) == 0 {
		return
	}
	var found []switches.Met
	for _, o := range r.Book.Oddities(in) {
		found = append(found, switches.Met{
			Fact:    o.Fact,
			Tag:     o.Tag,
			Like:    o.Like,
			Machine: in.Machine.ID,
		})
	}
	now := r.Now().UTC()
	found = r.odd.fresh(found, now)
	if len(found) == 0 {
		return
	}
	err := r.Switches.NoteMet(ctx, found, now)
	if err != nil {
		r.Log.WarnContext(ctx, "what is odd about the machine is not kept for Health", "error", err.Error())
	}
}
