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

// named are the rows under which the machine of a run is found: under its id, and under its name if it has one.
func (s *Store) named(e Entry) (written []rows.Row) {
	if e.MachineID == "" {
		return nil
	}
	seen := e.ObservedAt
	if e.ClosedAt.After(seen) {
		seen = e.ClosedAt
	}
	for _, at := range namedAt(e.MachineID, e.MachineName) {
		n := Named{
			Keys:        s.lists.At(at, partition),
			MachineID:   e.MachineID,
			MachineName: e.MachineName,
			SeenAt:      seen.UTC(),
		}
		n.Overwrite = true
		written = append(written, &n)
	}
	return written
}

// called begins the keys of machines under their ids and names.
const called = "called|"

// namedAt are the keys of a machine under a name: that under the name goes first, if there is one.
func namedAt(id, name string) (at []string) {
	id, name = cut(spelled(id)), cut(spelled(name))
	if name != "" && name != id {
		at = append(at, called+name+"|"+id)
	}
	return append(at, called+id+"|"+name)
}

// spelled is a text as keys have it that are looked for by how they begin: in small letters, and without '~', which
// sorts behind all that begins with something.
func spelled(text string) string {
	return strings.ReplaceAll(rows.Key(strings.ToLower(text)), "~", "=7E")
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

// ForgetNames removes the names of a machine. A repeat is harmless.
func (s *Store) ForgetNames(ctx context.Context, machineID string) error {
	under := called + cut(spelled(machineID)) + "|"
	known, err := rows.List[Named](ctx, s.lists, rows.Prefix(s.lists.Partition(partition), under))
	for _, n := range known {
		if n.MachineName == "" || !strings.EqualFold(n.MachineID, machineID) {
			continue // it is another's, whose name is this one's id
		}
		for _, at := range namedAt(n.MachineID, n.MachineName) {
			if err == nil {
				err = s.lists.Remove(ctx, s.lists.At(at, partition))
			}
		}
	}
	return err
}
