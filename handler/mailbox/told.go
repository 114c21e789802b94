package mailbox

import (
	"cmp"
	"context"
	"slices"
	"time"

	"cordon/handler/incoming"
	"cordon/handler/notice"
)

// Told is one thing that people are told of a run, and the mail that it goes with.
type Told struct {
	Kind    notice.Kind
	At      time.Time // when it happened
	Noted   time.Time // when it was noted to be told
	Machine string    // name, or else id; empty: it is about none
	Step    string    // key of the step or latch; empty: an isolation, or no step
	Detail  string    // why, or what to do; written in part by others
	Mail    Mail      // its zero value: it goes with the next mail, for which nothing else has asked yet
}

// textShown bounds each text of what was told, in UTF-16 units.
const textShown = 1000

// Of finds what people are told of a run among the notices of some groups, oldest first. What was told already for
// another run, such as that a machine is isolated, is not told again and is not among it.
func (b *Mailbox) Of(ctx context.Context, runID string, groups []string) ([]Told, error) {
	var all []Told
	for _, group := range slices.Compact(slices.Sorted(slices.Values(groups))) {
		told, err := b.ofGroup(ctx, runID, group)
		if err != nil {
			return nil, err
		}
		all = append(all, told...)
	}
	slices.SortStableFunc(all, func(x, y Told) int {
		return cmp.Or(x.Noted.Compare(y.Noted), x.At.Compare(y.At))
	})
	return all, nil
}

func (b *Mailbox) ofGroup(ctx context.Context, runID, group string) ([]Told, error) {
	entries, err := b.Notices.Entries(ctx, group)
	if err != nil {
		return nil, err
	}
	events, err := notice.Events(entries)
	if err != nil {
		return nil, err
	}
	var all []Told
	mails := map[int]Mail{}
	for i, e := range events {
		if e.RunID != runID {
			continue
		}
		seq := entries[i].Seq
		if _, known := mails[seq]; !known {
			mails[seq], err = b.one(ctx, group, seq, events)
			if err != nil {
				return nil, err
			}
		}
		all = append(all, Told{
			Kind:    e.Kind,
			At:      e.At,
			Noted:   entries[i].At,
			Machine: incoming.Text(cmp.Or(e.MachineName, e.MachineID), textShown),
			Step:    incoming.Text(e.Step, textShown),
			Detail:  incoming.Text(e.Detail, textShown),
			Mail:    mails[seq],
		})
	}
	return all, nil
}

// one reads a mail of a group, of which events are all that it tells; none for what goes with the next mail that
// something else makes.
func (b *Mailbox) one(ctx context.Context, group string, seq int, events []notice.Event) (Mail, error) {
	n, found, err := b.Notices.Notice(ctx, group, seq)
	switch {
	case err != nil:
		return Mail{}, err
	case !found:
		return Mail{}, nil
	}
	m := b.mail(n)
	if len(m.To) == 0 {
		m.To = notice.Recipients(events, b.To)
	}
	return m, nil
}
