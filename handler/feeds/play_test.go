package feeds

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/local/defendersim"
	"cordon/local/servicebus"
)

// How often the functions run while time passes: a minute after something happened, then ever more rarely.
const (
	firstTick  = time.Minute
	longestGap = 8 * time.Hour
)

// redelivered is how many of a hundred messages the broker gives again although they were answered.
const redelivered = 10

// chances makes what happens by chance the same for every play of a feed.
func chances(seed uint64) func(n int) int {
	source := rand.New(rand.NewPCG(seed, 1))
	return source.IntN
}

// play lets the feed happen, waits until everything has come to rest, and judges what is left.
func (w *world) play() {
	for i := range w.feed.Planned {
		w.planned = append(w.planned, &w.feed.Planned[i])
	}
	for _, s := range w.feed.Old {
		w.addOld(s)
	}
	steps := w.feed.Steps
	if len(steps) > 0 && steps[0].Kind == outage {
		// Cordon starts for the first time while something is out of order.
		w.do(&steps[0])
		w.cover("first start in an outage")
		steps = steps[1:]
	}
	steps = slices.Concat(w.feed.First, steps)
	w.tick()
	for i := range steps {
		w.pass(steps[i].Gap)
		w.do(&steps[i])
		if w.failed() {
			return
		}
	}
	w.settle()
	w.judge()
}

// pass lets time pass, with the functions running in it.
func (w *world) pass(d time.Duration) {
	end := w.now.Add(d)
	gap := firstTick
	for next := w.now.Add(gap); !next.After(end) && !w.failed(); next = next.Add(gap) {
		w.advance(next)
		before := len(w.losses)
		w.tick()
		gap = min(2*gap, longestGap)
		if len(w.losses) > before {
			gap = firstTick // the next poll is not to be the one that only happens hours later
		}
	}
	w.advance(end)
}

// advance moves the clock, and shows on the way what the API shows later.
func (w *world) advance(to time.Time) {
	for len(w.later) > 0 && !w.later[0].at.After(to) {
		next := w.later[0]
		w.later = w.later[1:]
		if next.at.After(w.now) {
			w.now = next.at
		}
		next.show()
	}
	if to.After(w.now) {
		w.now = to
	}
}

// tick runs every function once, and what comes of it within minutes.
func (w *world) tick() {
	w.runPoll(w.poller)
	w.deliver()
	w.runFollow()
	w.deliver()
	defer w.judgeConsole()
	for range 20 {
		due := w.nextDue()
		if w.failed() || due.IsZero() || due.After(w.now.Add(10*time.Minute)) || !w.allWell() {
			return
		}
		w.advance(due)
		w.deliver()
	}
}

// call runs a function of a process; one that is inside another is not asked what it left.
func (w *world) call(p *instance, run func(ctx context.Context) error) error {
	p.busy = true
	w.depth++
	err := run(context.Background())
	w.depth--
	p.busy = false
	return err
}

// runPoll runs PollAlerts in one of its processes.
func (w *world) runPoll(p *instance) {
	if _, asleep := w.isDown(thePoller); asleep || p.busy {
		w.unwell = w.now
		return
	}
	before := w.beforePoll(p)
	err := w.call(p, p.poller.Poll)
	w.afterPoll(before, err)
}

// runFollow runs FollowActions.
func (w *world) runFollow() {
	if _, asleep := w.isDown(theFollower); asleep || w.follower.busy {
		return
	}
	began := w.now
	// An error is what the part that is out of order caused; what it left is judged at the end.
	if err := w.call(w.follower, w.follower.follower.Follow); err != nil {
		w.note("follow: %v", err)
	} else {
		w.followed = began
	}
	_ = w.call(w.follower, w.follower.outbox.Resend)
}

// deliver gives out what waits in the queues until they are empty.
func (w *world) deliver() {
	for range 40 {
		if w.deliverOnce(alertQueue)+w.deliverOnce(noticeQueue) == 0 {
			return
		}
	}
	if w.allWell() {
		w.broken("I1", "the queues do not run dry")
	}
}

// deliverOnce gives out what waits in a queue now, in the order of the feed, and returns how much that was.
func (w *world) deliverOnce(queue string) int {
	if _, out := w.isDown(theQueue); out {
		return 0
	}
	if _, asleep := w.isDown(theResponder); asleep && queue == alertQueue {
		return 0
	}
	batch, err := w.receive(queue)
	if err != nil {
		w.broken("I1", "the broker failed")
		return 0
	}
	if queue == alertQueue {
		// What is still to be answered may be taken by another responder in the middle of an answer.
		w.pending, batch = batch, nil
	}
	done := 0
	for next := w.take(&batch); next != nil; next = w.take(&batch) {
		// A message that failed is given again, but not before the next round.
		if w.handle(queue, next, w.responders[done%2]) == nil {
			done++
		}
	}
	return done
}

// take removes the next message from a batch, or from those for the responders if that is empty; nil if there is none.
func (w *world) take(batch *[]*servicebus.Delivery) *servicebus.Delivery {
	if len(*batch) == 0 {
		batch = &w.pending
	}
	if len(*batch) == 0 {
		return nil
	}
	next := (*batch)[0]
	*batch = (*batch)[1:]
	return next
}

// receive takes everything that waits in a queue, in the order of the feed.
func (w *world) receive(queue string) ([]*servicebus.Delivery, error) {
	var batch []*servicebus.Delivery
	for range w.bus.Counts(queue).Active {
		d, err := w.bus.Receive(context.Background(), queue)
		if err != nil {
			return nil, err
		}
		batch = append(batch, d)
	}
	switch w.feed.Order {
	case newestFirst:
		slices.Reverse(batch)
	case shuffled:
		for i := range batch {
			j := w.chance(i + 1)
			batch[i], batch[j] = batch[j], batch[i]
		}
	}
	return batch, nil
}

// handle lets one process answer a message, and settles it as the host would; now and then the broker gives it again
// all the same.
func (w *world) handle(queue string, d *servicebus.Delivery, by *instance) error {
	ctx := context.Background()
	if queue == alertQueue && w.losing > 0 {
		w.losing--
		w.losses = append(w.losses, d.MessageID)
		w.note("the broker loses %s", d.MessageID)
		w.cover("message lost by the broker")
		return w.bus.Complete(ctx, queue, d.LockToken)
	}
	var err error
	if queue == alertQueue {
		err = w.respond(by, d)
	} else {
		err = w.call(w.messengers, func(ctx context.Context) error { return w.messengers.outbox.Deliver(ctx, d.Body) })
	}
	if err != nil {
		w.note("%s failed: %v", d.MessageID, err)
		_ = w.bus.Abandon(ctx, queue, d.LockToken)
		return err
	}
	if w.chance(100) < redelivered && d.DeliveryCount == 1 && w.attempt(d) < 3 {
		w.cover("redelivery")
		return w.bus.Abandon(ctx, queue, d.LockToken)
	}
	return w.bus.Complete(ctx, queue, d.LockToken)
}

func (w *world) respond(by *instance, d *servicebus.Delivery) error {
	w.begins(by, d)
	return w.call(by, func(ctx context.Context) error { return by.responder.Respond(ctx, d.Body, d.DeliveryCount) })
}

// nextDue is when the next scheduled message becomes visible; zero if there is none.
func (w *world) nextDue() time.Time {
	var due time.Time
	for _, queue := range []string{alertQueue, noticeQueue} {
		if w.bus.Counts(queue).Scheduled == 0 {
			continue
		}
		for _, r := range w.bus.Records(queue) {
			if r.Fate == servicebus.Scheduled && (due.IsZero() || r.ScheduledFor.Before(due)) {
				due = r.ScheduledFor
			}
		}
	}
	return due
}

// settle waits for the end of all trouble, for everything that becomes visible late, and a day more for the sweeps.
func (w *world) settle() {
	w.note("the feed ends")
	rest := w.now
	for _, b := range w.down {
		rest = latest(rest, b.until)
	}
	if w.page != nil {
		rest = latest(rest, w.page.until)
	}
	w.pass(rest.Sub(w.now))
	w.glitches, w.planned = nil, nil
	for _, m := range w.sim.Machines() {
		if err := w.sim.SetOffline(m.ID, false); err != nil {
			w.broken("I1", "%v", err)
		}
	}
	rest = w.now
	for _, a := range w.later {
		rest = latest(rest, a.at)
	}
	for _, a := range w.sim.Alerts() {
		rest = latest(rest, a.VisibleAt.Add(-w.feed.Skew+w.feed.ListLag))
	}
	for _, b := range w.dead {
		if !b.until.Equal(forGood) {
			rest = latest(rest, b.until)
		}
	}
	if w.feed.Source != fromDefender {
		rest = rest.Add(w.feed.GraphLag)
	}
	w.pass(rest.Sub(w.now) + day + longestGap + time.Hour)
	for range 30 {
		if w.failed() || w.atRest() {
			return
		}
		w.pass(firstTick)
	}
}

// atRest reports whether nothing is on its way any more.
func (w *world) atRest() bool {
	for _, queue := range []string{alertQueue, noticeQueue} {
		if c := w.bus.Counts(queue); c.Active+c.Scheduled > 0 {
			return false
		}
	}
	return !slices.ContainsFunc(w.sim.Actions(), func(a defendersim.Action) bool { return !a.Status.Final() })
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// interrupted does what was planned for this moment of a call, once. What is inside another call is not interrupted.
func (p *instance) interrupted(endpoint string, after bool) {
	w := p.world
	if w.depth > 1 {
		return
	}
	i := slices.IndexFunc(w.planned, func(s *step) bool { return s.At == moment{endpoint, after} })
	if i < 0 {
		return
	}
	s := w.planned[i]
	w.planned = slices.Delete(w.planned, i, i+1)
	w.note("in the middle of %s of the %s (after %v): %s", endpoint, p.name, after, s.Do)
	w.intruded = true
	switch s.Do {
	case doPoll:
		w.runPoll(w.second)
		w.cover("two pollers at once")
	case doFollow:
		w.runFollow()
	case doRespond:
		w.respondBeside(p)
	default:
		w.alter(s.Nth, s.Change, false)
		if endpoint == listAlerts {
			w.cover("update while paging")
		}
	}
}

// respondBeside lets a responder that is not in the middle of something answer the next message.
func (w *world) respondBeside(p *instance) {
	free := slices.IndexFunc(w.responders[:], func(r *instance) bool { return !r.busy && r != p })
	if _, asleep := w.isDown(theResponder); asleep || free < 0 {
		return
	}
	var none []*servicebus.Delivery
	if next := w.take(&none); next != nil {
		w.cover("two responders at once")
		_ = w.handle(alertQueue, next, w.responders[free])
	}
}

// attempt is how many copies led to a message.
func (w *world) attempt(d *servicebus.Delivery) int {
	m, err := alert.DecodeMessage(d.Body)
	if err != nil {
		return 0
	}
	return m.Attempt
}
