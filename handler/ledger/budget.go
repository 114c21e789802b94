package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"cordon/handler/alert"
)

// Quota is how many requests of one kind the service at the other end takes, in sliding windows. Zero: no limit.
type Quota struct {
	PerMinute int
	PerHour   int
}

// Reservation asks for leave to send one request. The same Key is counted once against the caps; the same Key and
// Request find the slot again that they were given.
type Reservation struct {
	Action   string         // isolate
	Key      string         // what it is for: machine and episode
	Request  string         // tells the requests of one Key apart: one that is sent again is another call to the service
	Severity alert.Severity // of the alert that asks; the higher one comes first
	At       time.Time      // now
	// Provisional takes a slot of the quota but leaves the caps as they are, though they must have room: something is to
	// be looked at before the request is sent, and then the slot is reserved for good.
	Provisional bool
	Cap         Rate   // the playbook's, for all together
	Rule        string // whose step it is; empty: no cap of a rule
	RuleCap     Rate   // for this rule
	Group       string // of the machine; empty: no cap of a group
	GroupCap    Rate   // for this group
	Quota       Quota
}

// Rate bounds a count in sliding windows. Zero: that window has no bound.
type Rate struct{ PerMinute, PerHour, PerDay int }

// Slot answers a Reservation. The zero value is the leave to send the request within slotGoodFor.
type Slot struct {
	CapReached string        // the cap that stands against it, in words; nothing was taken
	Cap        string        // the same cap as a name, such as isolate/rule contain/hour
	CapWindow  time.Duration // of that cap
	FreeAt     time.Time     // the quota is used up and nothing was taken, but a place is kept: ask again then
}

// reserveTries bounds how often a reservation is tried against other processes. Each conflict means that one of them got
// what it wanted, so that 64 writers at once are done in 64 tries; more than twice that is not a race but a fault.
const reserveTries = 150

// Pauses between those tries, at random up to a bound that doubles.
const (
	firstConflictPause = 10 * time.Millisecond
	lastConflictPause  = 320 * time.Millisecond
)

// Reserve takes a slot of an action's caps and of the service's quota in one conditional write, or says which cap is
// reached or when the quota has room again, and takes none. Both hold across instances. Reservations of one process take
// turns, because they write the same row. A repeat is safe.
func (s *Store) Reserve(ctx context.Context, r Reservation) (Slot, error) {
	began, at := time.Now(), r.At
	select {
	case s.reserving <- struct{}{}:
		defer func() { <-s.reserving }()
	case <-ctx.Done():
		return Slot{}, &Error{Op: "reserve a slot for " + r.Action, cause: ctx.Err()}
	}
	bound := firstConflictPause
	for range reserveTries {
		r.At = at.Add(time.Since(began))
		slot, err := s.reserve(ctx, r)
		if !errors.Is(err, ErrConflict) {
			return slot, err
		}
		select {
		case <-time.After(rand.N(bound)):
		case <-ctx.Done():
			return Slot{}, &Error{Op: "reserve a slot for " + r.Action, cause: ctx.Err()}
		}
		bound = min(2*bound, lastConflictPause)
	}
	return Slot{}, &Error{Op: "reserve a slot for " + r.Action, cause: ErrConflict}
}

func (s *Store) reserve(ctx context.Context, r Reservation) (Slot, error) {
	row := budget{keys: keys{PartitionKey: s.pk(), RowKey: key(r.Action)}}
	if err := s.get(ctx, tableBudgets, row.PartitionKey, row.RowKey, &row); err != nil && !errors.Is(err, errNotFound) {
		return Slot{}, err
	}
	taken, err := row.read()
	if err != nil {
		return Slot{}, err
	}
	slot, changed := taken.reserve(r)
	if !changed {
		return slot, nil
	}
	row.write(taken)
	return slot, s.save(ctx, tableBudgets, &row)
}

// slots is what the budget row of an action holds.
type slots struct {
	entries []stamp  // one per key, for the caps: those of the last day
	calls   []stamp  // one per request, for the quota: those of the last hour
	waiting []waiter // who found the quota used up and is to come again
}

// stamp is something that happened at a time. IDs stand for keys, see idOf. Times are milliseconds since 1970.
type stamp struct {
	ID          uint64
	At          int64
	Rule, Group uint32 // of an entry, see nameOf
}

// waiter is a request without a slot.
type waiter struct {
	ID    uint64
	Rank  int64 // of the severity
	Since int64 // when it first asked, no two the same: of equal rank the older one comes first
	Due   int64 // when it was told to ask again
}

// The windows of caps and quota. Those of the quota have a second to spare: two requests that are let through a minute
// apart may arrive closer together.
const (
	capMinute              = int64(time.Minute / time.Millisecond)
	capHour, capDay        = int64(time.Hour / time.Millisecond), int64(24 * time.Hour / time.Millisecond)
	quotaMinute, quotaHour = int64(61 * time.Second / time.Millisecond), int64((time.Hour + time.Second) / time.Millisecond)
)

const (
	// slotGoodFor is how long a slot may be used after it was taken, in milliseconds. What comes later needs a new one,
	// because the quota counts requests when they arrive.
	slotGoodFor = 20_000
	// placeGoodFor is how long after its time a place is kept for one that does not come, in milliseconds: its run was
	// closed, or the process that carried it is gone.
	placeGoodFor = 60_000
)

// reserve decides about one reservation; changed says that the row is to be written before the answer holds.
func (b *slots) reserve(r Reservation) (slot Slot, changed bool) {
	now, request := r.At.UnixMilli(), idOf(r.Key, r.Request)
	b.forget(now, request)
	counted := hasID(b.entries, idOf(r.Key))
	if !counted {
		if slot := b.capReached(r, now); slot.CapReached != "" {
			return slot, false
		}
	}
	if b.given(request, now) {
		return Slot{}, b.count(r, now)
	}
	place := b.place(request, r, now)
	due := b.due(place, r.Quota, now)
	if due > now {
		return b.wait(place, due, now)
	}
	b.calls = append(b.calls, stamp{ID: request, At: now})
	b.count(r, now)
	b.leave(request)
	return Slot{}, true
}

// given reports whether the request has a slot that may still be used.
func (b *slots) given(request uint64, now int64) bool {
	return slices.ContainsFunc(b.calls, func(c stamp) bool { return c.ID == request && now-c.At < slotGoodFor })
}

// count counts the key against the caps, once.
func (b *slots) count(r Reservation, now int64) (changed bool) {
	if r.Provisional || hasID(b.entries, idOf(r.Key)) {
		return false
	}
	b.entries = append(b.entries, stamp{ID: idOf(r.Key), At: now, Rule: nameOf(r.Rule), Group: nameOf(r.Group)})
	return true
}

// forget drops what is past. The place of the one that asks is kept, however late it comes.
func (b *slots) forget(now int64, request uint64) {
	b.entries = since(b.entries, now-capDay)
	b.calls = since(b.calls, now-quotaHour)
	kept := b.waiting[:0]
	for _, w := range b.waiting {
		if w.ID == request || w.Due+placeGoodFor > now {
			kept = append(kept, w)
		}
	}
	b.waiting = kept
}

// capReached is the first cap that has no room: of the rule, of the group, of all together.
func (b *slots) capReached(r Reservation, now int64) Slot {
	for _, scope := range []struct {
		name string
		cap  Rate
		mine func(stamp) bool
	}{
		{"rule " + r.Rule, ifNamed(r.RuleCap, r.Rule), func(s stamp) bool { return s.Rule == nameOf(r.Rule) }},
		{"group " + r.Group, ifNamed(r.GroupCap, r.Group), func(s stamp) bool { return s.Group == nameOf(r.Group) }},
		{"", r.Cap, func(stamp) bool { return true }},
	} {
		for _, w := range []struct {
			name   string
			length int64
			limit  int
		}{{"a minute", capMinute, scope.cap.PerMinute}, {"an hour", capHour, scope.cap.PerHour}, {"a day", capDay, scope.cap.PerDay}} {
			taken := count(since(b.entries, now-w.length), scope.mine)
			if w.limit <= 0 || taken < w.limit {
				continue
			}
			slot := Slot{CapReached: fmt.Sprintf("%d of at most %d %s are taken", taken, w.limit, w.name), CapWindow: time.Duration(w.length) * time.Millisecond}
			slot.Cap = r.Action + "/" + w.name
			if scope.name != "" {
				slot.CapReached += " for " + scope.name
				slot.Cap = r.Action + "/" + scope.name + "/" + w.name
			}
			return slot
		}
	}
	if day := len(b.entries); day >= maxEntries {
		return Slot{CapReached: fmt.Sprintf("%d are taken, more than the ledger counts in a day", day), Cap: r.Action + "/ledger", CapWindow: 24 * time.Hour}
	}
	return Slot{}
}

func ifNamed(cap Rate, name string) Rate {
	if name == "" {
		return Rate{}
	}
	return cap
}

func count(stamps []stamp, mine func(stamp) bool) (n int) {
	for _, s := range stamps {
		if mine(s) {
			n++
		}
	}
	return n
}

// place is the request's place among those that wait, a new one at the end if it has none. A second alert of a higher
// severity raises it.
func (b *slots) place(request uint64, r Reservation, now int64) waiter {
	rank := int64(r.Severity.Rank())
	last := now - 1
	for _, w := range b.waiting {
		last = max(last, w.Since)
		if w.ID == request {
			if w.Rank < rank {
				w.Rank, w.Due = rank, 0
			}
			return w
		}
	}
	return waiter{ID: request, Rank: rank, Since: last + 1}
}

// order is negative if w comes before other: the higher severity, then the one that has waited longer.
func (w waiter) order(other waiter) int {
	return cmp.Or(cmp.Compare(other.Rank, w.Rank), cmp.Compare(w.Since, other.Since))
}

// due is when the request may be sent: now, or when there is room for it behind those who wait and come before it.
func (b *slots) due(w waiter, q Quota, now int64) int64 {
	ahead := slices.SortedFunc(slices.Values(b.waiting), waiter.order)
	ahead = slices.DeleteFunc(ahead, func(other waiter) bool { return other.order(w) >= 0 || other.ID == w.ID })
	calls := slices.Clone(b.calls)
	for _, other := range ahead {
		calls = append(calls, stamp{At: room(calls, other.Rank, q, now)})
	}
	return room(calls, w.Rank, q, now)
}

// room is the earliest time from now on at which one more call fits into every window of the quota. Calls are in order of
// time.
func room(calls []stamp, rank int64, q Quota, now int64) int64 {
	at := now
	for _, w := range []struct {
		length int64
		limit  int
	}{{quotaMinute, share(q.PerMinute, rank)}, {quotaHour, share(q.PerHour, rank)}} {
		if w.limit > 0 && len(calls) >= w.limit {
			at = max(at, calls[len(calls)-w.limit].At+w.length)
		}
	}
	return at
}

// share is the part of a limit that alerts of a severity may use up: High all of it, the others four fifths, so that a
// High alert finds room whatever the others do.
func share(limit int, rank int64) int {
	if limit <= 0 || rank >= int64(alert.High.Rank()) {
		return limit
	}
	return max(limit*4/5, 1)
}

// wait keeps the place of a request that has no slot. Who asks before its time is told the same again.
func (b *slots) wait(w waiter, due, now int64) (Slot, bool) {
	if w.Due > now {
		return Slot{FreeAt: time.UnixMilli(w.Due).UTC()}, false
	}
	w.Due = due
	b.leave(w.ID)
	if len(b.waiting) < maxWaiting {
		b.waiting = append(b.waiting, w)
	}
	return Slot{FreeAt: time.UnixMilli(due).UTC()}, true
}

// leave takes a request out of those that wait.
func (b *slots) leave(request uint64) {
	kept := b.waiting[:0]
	for _, w := range b.waiting {
		if w.ID != request {
			kept = append(kept, w)
		}
	}
	b.waiting = kept
}
