package budget

import (
	"cmp"
	"context"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/rows"
)

// Quota is how many requests of one kind the service at the other end takes, in sliding windows. Zero: no limit.
type Quota struct {
	PerMinute int
	PerHour   int
}

// Reservation asks for a slot to send one request. The caps count machines, each once in any window, whatever its
// requests; the same Key is counted once against the machine's own cap. The same Key and Request find the slot again
// that they were given. At is by the table service's clock, which is the same for all instances, see ServiceTime.
type Reservation struct {
	Action string // isolate
	Key    string // what it is for: machine and episode
	// Request tells the requests of one Key apart: one that is sent again is another call to the service.
	Request  string
	Severity alert.Severity // of the alert that asks; the higher one comes first
	At       time.Time      // now
	// Provisional takes a slot of the quota but leaves the caps as they are, though they must have room: something is
	// to be looked at before the request is sent, and then the slot is reserved for good.
	Provisional bool
	Cap         Rate   // the playbook's, for all machines together
	Machine     string // the one that is to be reached; empty: the Key stands for it
	MachineCap  Rate   // how often this machine may be reached
	Rule        string // whose step it is; empty: no cap of a rule
	RuleCap     Rate   // for this rule
	Group       string // of the machine; empty: no cap of a group
	GroupCap    Rate   // for this group
	Quota       Quota
}

// Rate bounds a count in sliding windows. Zero: that window has no bound.
type Rate struct{ PerMinute, PerHour, PerDay int }

// Slot answers a Reservation. The zero value lets the request be sent within slotGoodFor.
type Slot struct {
	CapReached string        // the cap that stands against it, in words; nothing was taken
	Cap        string        // the same cap as a name, such as isolate/rule contain/hour
	CapWindow  time.Duration // of that cap
	FreeAt     time.Time     // the quota is used up and nothing was taken, but a place is kept: ask again then
}

// Reserve takes a slot of an action's caps and of the service's quota in one conditional write, or says which cap is
// reached or when the quota has room again, and takes none. Both hold across instances. Reservations of one process
// take turns, because they write the same row. A repeat is safe.
func (s *Store) Reserve(ctx context.Context, r Reservation) (Slot, error) {
	began, at := time.Now(), r.At
	var slot Slot
	err := s.changeSlots(ctx, "reserve a slot for "+r.Action, r.Action, func(taken *slots) (changed bool) {
		r.At = at.Add(time.Since(began))
		slot, changed = taken.reserve(r)
		return changed
	})
	if err != nil {
		return Slot{}, err
	}
	return slot, nil
}

// GiveBack takes what was counted for a key out of the caps: nothing came of it, or it failed. The service counts a
// request whatever became of it, so the quota stays as it is. A repeat is harmless.
func (s *Store) GiveBack(ctx context.Context, action, key string) error {
	return s.changeSlots(ctx, "give back a place for "+action, action, func(taken *slots) (changed bool) {
		before := len(taken.entries)
		taken.entries = slices.DeleteFunc(taken.entries, func(e stamp) bool {
			return e.ID == idOf(key)
		})
		return len(taken.entries) != before
	})
}

// changeSlots changes the row of an action in a conditional write, and tries again while others write it.
func (s *Store) changeSlots(
	ctx context.Context,
	op, action string,
	change func(*slots) (changed bool),
) error {
	fresh := row{Keys: s.budgets.At(rows.Key(action))}
	return rows.ChangeInTurn(ctx, s.reserving, s.budgets, op, fresh, func(row *row) (bool, error) {
		taken, err := row.read()
		if err != nil || !change(taken) {
			return false, err
		}
		row.write(taken)
		return true, nil
	})
}

// slots is what the budget row of an action holds.
type slots struct {
	entries []stamp  // one per key, for the caps: those of the last day
	calls   []stamp  // one per request, for the quota: those of the last hour
	waiting []waiter // who found the quota used up and is to come again
}

// The windows of caps and quota. Those of the quota have a second to spare: two requests that are let through a minute
// apart may arrive closer together.
const (
	capMinute   = int64(time.Minute / time.Millisecond)
	capHour     = 60 * capMinute
	capDay      = 24 * capHour
	quotaMinute = capMinute + spare
	quotaHour   = capHour + spare
	spare       = int64(time.Second / time.Millisecond)
)

const (
	// slotGoodFor is how long a slot may be used after it was taken, in milliseconds. What comes later needs a new one,
	// because the quota counts requests when they arrive.
	slotGoodFor = 20_000
	// headStart is how much earlier those of a higher severity that had to wait get their slots, in milliseconds. With
	// its slot a request still has facts to read before it is sent, and others are not to be sent before it.
	headStart = 3_000
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
		slot := b.capReached(r, now)
		if slot.CapReached != "" {
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
	b.calls = append(b.calls, stamp{
		ID:   request,
		At:   now,
		Rule: b.waited(place),
	})
	b.count(r, now)
	b.leave(request)
	return Slot{}, true
}

// given reports whether the request has a slot that may still be used.
func (b *slots) given(request uint64, now int64) bool {
	return slices.ContainsFunc(b.calls, func(c stamp) bool {
		return c.ID == request && now-c.At < slotGoodFor
	})
}

// count counts the key against the caps, once.
func (b *slots) count(r Reservation, now int64) (changed bool) {
	if r.Provisional || hasID(b.entries, idOf(r.Key)) {
		return false
	}
	b.entries = append(b.entries, stamp{
		ID:      idOf(r.Key),
		At:      now,
		Rule:    nameOf(r.Rule),
		Group:   nameOf(r.Group),
		Machine: machineOf(r),
	})
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
	return cmp.Or(
		cmp.Compare(other.Rank, w.Rank),
		cmp.Compare(w.Since, other.Since),
	)
}

// waited is what a call keeps of the place that it waited in: one more than its rank, 0 if it did not wait.
func (b *slots) waited(w waiter) uint32 {
	if w.Rank < 0 || !slices.ContainsFunc(b.waiting, func(other waiter) bool { return other.ID == w.ID }) {
		return 0
	}
	return uint32(w.Rank) + 1
}

// due is when the request may be sent: now, or when there is room for it behind those who wait and come before it. One
// whose time has come and that is still on its way keeps those of a lower severity waiting.
func (b *slots) due(w waiter, q Quota, now int64) int64 {
	ahead := slices.SortedFunc(slices.Values(b.waiting), waiter.order)
	ahead = slices.DeleteFunc(ahead, func(other waiter) bool {
		return other.order(w) >= 0 || other.ID == w.ID
	})
	calls := slices.Clone(b.calls)
	for _, other := range ahead {
		call := stamp{
			At:   room(calls, other.Rank, q, now),
			Rule: b.waited(other),
		}
		calls = append(calls, call)
	}
	at := room(calls, w.Rank, q, now)
	for _, call := range calls {
		if int64(call.Rule) > w.Rank+1 {
			at = max(at, call.At+headStart)
		}
	}
	return at
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
