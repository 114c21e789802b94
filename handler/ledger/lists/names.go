package lists

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"cordon/handler/ledger/rows"
)

// Named is a machine under a name that it had.
type Named struct {
	rows.Keys
	MachineID   string
	MachineName string    `json:",omitempty"` // empty: no run on it said one
	SeenAt      time.Time // when the run that was listed for it last was observed, or ended
}

// named are the rows under which the machine of a run is found.
func (s *Store) named(e Entry) (written []rows.Row) {
	if e.MachineID == "" {
		return nil
	}
	seen := e.ObservedAt
	if e.ClosedAt.After(seen) {
		seen = e.ClosedAt
	}
	for _, at := range namedAt(e.MachineID, e.MachineName) {
		written = append(written, s.at(at, e.MachineID, e.MachineName, seen))
	}
	return written
}

// at is one of them.
func (s *Store) at(key, id, name string, seen time.Time) *Named {
	n := &Named{
		Keys:        s.lists.At(key, partition),
		MachineID:   id,
		MachineName: name,
		SeenAt:      seen.UTC(),
	}
	n.Overwrite = true
	return n
}

// called begins the keys of machines under their ids and names.
const called = "called|"

// namedAt are the keys of a machine under a name: under the name, if there is one, and under the id.
func namedAt(id, name string) (at []string) {
	id, name = cut(spelled(id)), cut(spelled(name))
	if name != "" && name != id {
		at = append(at, called+name+"|"+id)
	}
	return append(at, called+id+"|"+name)
}

// Named finds up to limit machines whose name or id begins with a text, in any letter case, by one query. more: there
// are others.
func (s *Store) Named(ctx context.Context, prefix string, limit int) (found []Named, more bool, err error) {
	begins := spelled(prefix)
	begins = called + begins[:min(len(begins), mostWhole)]
	found, err = rows.First[Named](ctx, s.lists, rows.Prefix(s.lists.Partition(partition), begins), lookedThrough)
	if err != nil {
		return nil, false, err
	}
	more = len(found) == lookedThrough
	found = eachOnce(slices.DeleteFunc(found, func(n Named) bool {
		return !n.begins(prefix)
	}))
	if len(found) > limit {
		found, more = found[:limit], true
	}
	return found, more, nil
}

func (n Named) begins(prefix string) bool {
	prefix = strings.ToLower(prefix)
	return strings.HasPrefix(strings.ToLower(n.MachineName), prefix) ||
		strings.HasPrefix(strings.ToLower(n.MachineID), prefix)
}

// eachOnce sorts machines by name, of one name the one that was seen last first, and leaves out what is said twice.
func eachOnce(found []Named) []Named {
	same := func(a, b Named) bool {
		return strings.EqualFold(a.MachineID, b.MachineID) && strings.EqualFold(a.MachineName, b.MachineName)
	}
	slices.SortFunc(found, func(a, b Named) int {
		return cmp.Or(
			cmp.Compare(strings.ToLower(a.MachineName), strings.ToLower(b.MachineName)),
			b.SeenAt.Compare(a.SeenAt),
			cmp.Compare(strings.ToLower(a.MachineID), strings.ToLower(b.MachineID)),
		)
	})
	found = slices.CompactFunc(found, same)
	hasName := map[string]bool{}
	for _, n := range found {
		hasName[strings.ToLower(n.MachineID)] = hasName[strings.ToLower(n.MachineID)] || n.MachineName != ""
	}
	return slices.DeleteFunc(found, func(n Named) bool {
		return n.MachineName == "" && hasName[strings.ToLower(n.MachineID)]
	})
}

// ForgetNames removes the names of a machine, which is found by its id afterwards. A repeat is harmless.
func (s *Store) ForgetNames(ctx context.Context, machineID string) error {
	under := called + cut(spelled(machineID)) + "|"
	known, err := rows.List[Named](ctx, s.lists, rows.Prefix(s.lists.Partition(partition), under))
	var last Named // that was seen
	var gone []string
	for _, n := range known {
		if !strings.EqualFold(n.MachineID, machineID) {
			continue // it is another's, whose name is this one's id
		}
		if n.SeenAt.After(last.SeenAt) {
			last = n
		}
		if n.MachineName != "" {
			gone = append(gone, namedAt(n.MachineID, n.MachineName)...)
		}
	}
	if err == nil && len(gone) > 0 {
		err = s.lists.Put(ctx, s.at(namedAt(last.MachineID, "")[0], last.MachineID, "", last.SeenAt))
	}
	for _, key := range gone {
		if err == nil {
			err = s.lists.Remove(ctx, s.lists.At(key, partition))
		}
	}
	return err
}
