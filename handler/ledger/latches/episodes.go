package latches

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/machine"
)

// Asked reports whether anything was asked of Defender in the latch's episode, or found asked for.
func (l Latch) Asked() bool { return !l.FirstIntentAt.IsZero() || l.ActionID != "" }

// Begun is when the latch's state was asked for; by the API's clock, if the request was somebody else's.
func (l Latch) Begun() time.Time {
	if l.FirstIntentAt.IsZero() {
		return l.ActionAt
	}
	return l.FirstIntentAt
}

// past begins the keys of episodes that are over and that the latch has forgotten.
const past = "past"

// Keep writes an episode down that is over, before the next one takes its latch. It stands beside the latch as the
// latch was, without earlier releases. Nothing is kept of one in which nothing was asked for. A repeat is harmless.
func (s *Store) Keep(ctx context.Context, l Latch) error {
	if !l.Asked() {
		return nil
	}
	l.Keys = s.latches.At(rows.Key(past, rows.NewestFirst(l.Begun()), l.Kind, fmt.Sprint(l.Episode)), l.MachineID)
	l.Releases = nil
	return s.latches.Put(ctx, &l)
}

// Episodes reads the episodes of a machine in which something was asked for, newest first, n at most: those that its
// latches have, and those that are over. It makes a call for each kind of latch that there is, and one for the rest.
func (s *Store) Episodes(ctx context.Context, machineID string, n int) ([]Latch, error) {
	filter := rows.Prefix(s.latches.Partition(machineID), rows.Key(past)+"|")
	all, err := rows.First[Latch](ctx, s.latches, filter, int32(n))
	if err != nil {
		return nil, err
	}
	for _, kind := range machine.Latches() {
		l, err := s.Of(ctx, machineID, kind)
		if err != nil {
			return nil, err
		}
		// Whoever ends between keeping an episode and beginning the next leaves it in both places.
		kept := slices.ContainsFunc(all, func(p Latch) bool {
			return p.Kind == kind && p.Episode == l.Episode
		})
		if l.Asked() && !kept {
			all = append(all, l)
		}
	}
	slices.SortStableFunc(all, func(a, b Latch) int {
		return cmp.Or(b.Begun().Compare(a.Begun()), cmp.Compare(a.Kind, b.Kind))
	})
	return all[:min(len(all), n)], nil
}
