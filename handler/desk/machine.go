package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/desk/episodes"
	"cordon/handler/desk/isolated"
	"cordon/handler/isolation"
	"cordon/handler/ledger/journal"
	"cordon/handler/machine"
)

// Known is one machine, with all that Cordon and Defender know of it.
type Known struct {
	Machine   machine.Machine
	State     isolation.State
	Isolation *Explained // nil: it is not isolated, nor about to be
	Held      []HeldState
	Actions   []machine.Action // newest first
	More      bool             // there are more actions
	Commands  []journal.Entry  // newest first
	Episodes  []episodes.Episode
}

// shownBack is how far back the actions of a machine are shown.
const shownBack = 90 * 24 * time.Hour

// How many actions and commands of a machine are shown, and how many episodes.
const (
	mostShown     = 100
	episodesShown = 50
)

// Machine finds a machine by its id or its name. An error that is a refusal says that there is none, or several.
func (d *Desk) Machine(ctx context.Context, which string) (Known, error) {
	m, err := d.find(ctx, which)
	if err != nil {
		return Known{}, err
	}
	k := Known{Machine: m}
	found, err := d.Isolated(ctx)
	if err != nil {
		return Known{}, err
	}
	at := slices.IndexFunc(found, func(e Explained) bool {
		return e.MachineID == m.ID
	})
	if at >= 0 {
		k.Isolation = &found[at]
		k.State = found[at].State
	}
	k.Held, err = d.heldOn(ctx, m.ID)
	if err != nil {
		return Known{}, err
	}
	k.Actions, err = d.Seen.ActionsOn(ctx, m.ID, d.Now().Add(-shownBack))
	if err != nil {
		return Known{}, err
	}
	if k.Isolation == nil {
		k.State = isolated.Ended(k.Actions, d.Now(), d.Lift)
	}
	slices.SortStableFunc(k.Actions, func(a, b machine.Action) int {
		return b.Created.Compare(a.Created)
	})
	k.More = len(k.Actions) > mostShown
	k.Actions = k.Actions[:min(len(k.Actions), mostShown)]
	k.Commands, err = d.Journal.About(ctx, m.ID, mostShown)
	if err != nil {
		return Known{}, err
	}
	k.Episodes, err = episodes.Of(ctx, d.Latches, m.ID, episodesShown)
	return k, err
}

func (d *Desk) find(ctx context.Context, which string) (machine.Machine, error) {
	which = strings.TrimSpace(which)
	if isMachineID(which) {
		m, err := d.Seen.Machine(ctx, machine.ID(which))
		return m, refusedIfGone(err, "the machine")
	}
	found, err := d.Seen.MachinesNamed(ctx, which)
	switch {
	case err != nil:
		return machine.Machine{}, err
	case len(found) == 0:
		return machine.Machine{}, Refusef("Defender knows no machine with the id or name %s", which)
	case len(found) > 1:
		ids := make([]string, len(found))
		for i, m := range found {
			ids[i] = fmt.Sprintf("%s (%s, last seen %s)", m.ID, m.ComputerDNSName, m.LastSeen.Format("2006-01-02"))
		}
		return machine.Machine{}, Refusef("%d machines have the name %s; name one by its id: %s", len(found), which,
			strings.Join(ids, ", "))
	}
	return found[0], nil
}

// isMachineID reports whether a text has the form of a machine's id: 40 hexadecimal digits.
func isMachineID(text string) bool {
	const digits = 40
	return len(text) == digits && !strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("0123456789abcdefABCDEF", r)
	})
}
