package budget

import (
	"fmt"
	"time"

	"cordon/handler/alert"
)

// bound is a count that a cap bounds: of one machine, rule or group, or of all together.
type bound struct {
	name  string // such as rule contain; empty: of all together
	words string // the same for people
	cap   Rate
	mine  func(stamp) bool
	unit  func(stamp) uint64 // what is counted once
}

// bounds are those of a reservation, in the order in which they are told.
func bounds(r Reservation) []bound {
	machine := machineOf(r)
	rule := nameOf(r.Rule)
	group := nameOf(r.Group)
	return []bound{
		{
			name:  "machine",
			words: "this machine",
			cap:   ifNamed(r.MachineCap, r.Machine),
			mine:  func(s stamp) bool { return s.machine() == machine },
			unit:  func(s stamp) uint64 { return s.ID },
		},
		{
			name:  "rule " + r.Rule,
			words: "rule " + r.Rule,
			cap:   ifNamed(r.RuleCap, r.Rule),
			mine:  func(s stamp) bool { return s.Rule == rule },
			unit:  stamp.machine,
		},
		{
			name:  "group " + r.Group,
			words: "group " + r.Group,
			cap:   ifNamed(r.GroupCap, r.Group),
			mine:  func(s stamp) bool { return s.Group == group },
			unit:  stamp.machine,
		},
		{
			cap:  r.Cap,
			mine: func(stamp) bool { return true },
			unit: stamp.machine,
		},
	}
}

func ifNamed(cap Rate, name string) Rate {
	if name == "" {
		return Rate{}
	}
	return cap
}

// capReached is the first cap that has no room: of the machine, of the rule, of the group, of all together. A machine
// that is in a window already takes no more room of it.
func (b *slots) capReached(r Reservation, now int64) Slot {
	for _, of := range bounds(r) {
		slot := b.boundReached(r, of, now)
		if slot.CapReached != "" {
			return slot
		}
	}
	if day := len(b.entries); day >= maxEntries {
		return Slot{
			CapReached: fmt.Sprintf("%d are taken, more than the ledger counts in a day", day),
			Cap:        r.Action + "/ledger",
			CapWindow:  24 * time.Hour,
		}
	}
	return Slot{}
}

// boundReached is capReached for one bound.
func (b *slots) boundReached(r Reservation, of bound, now int64) Slot {
	own := of.unit(stamp{ID: idOf(r.Key), Machine: machineOf(r)})
	for _, w := range []struct {
		name   string
		length int64
		limit  int
	}{
		{"a minute", capMinute, of.cap.PerMinute},
		{"an hour", capHour, of.cap.PerHour},
		{"a day", capDay, of.cap.PerDay},
	} {
		if w.limit <= 0 {
			continue
		}
		taken, there := count(since(b.entries, now-w.length), of.mine, of.unit, own)
		if there || taken < w.limit {
			continue
		}
		slot := Slot{
			CapReached: fmt.Sprintf("%d of at most %d %s are taken", taken, w.limit, w.name),
			Cap:        r.Action + "/" + w.name,
			CapWindow:  time.Duration(w.length) * time.Millisecond,
		}
		if of.name != "" {
			slot.CapReached += " for " + of.words
			slot.Cap = r.Action + "/" + of.name + "/" + w.name
		}
		return slot
	}
	return Slot{}
}

// count counts the units among the stamps that are mine, each once, and says whether own is one of them.
func count(
	stamps []stamp,
	mine func(stamp) bool,
	unit func(stamp) uint64,
	own uint64,
) (n int, there bool) {
	seen := make(map[uint64]bool, len(stamps))
	for _, s := range stamps {
		if mine(s) {
			seen[unit(s)] = true
		}
	}
	return len(seen), seen[own]
}

// room is the earliest time from now on at which one more call fits into every window of the quota. Calls are in order
// of time.
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
