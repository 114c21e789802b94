package oncall

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"cordon/handler/cli/call"
	"cordon/handler/hunt"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// machineShown is how much is shown of what a person typed for a machine, in characters.
const machineShown = 100

// chosen are the isolated machines that a release is about.
type chosen struct {
	rule  string // isolated by this rule
	since string // isolated since then
	all   bool
}

// several: machines are chosen by what they have in common, not named.
func (c chosen) several() bool {
	return c.all || c.rule != "" || c.since != ""
}

// among finds the machines that are meant.
func (c chosen) among(
	ctx context.Context,
	desk operate.Desk,
	all []wire.Isolation,
	named []string,
) (found []wire.Isolation, err error) {
	if !c.several() {
		for _, which := range named {
			i, err := isolationOf(ctx, desk, all, which)
			if err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(found, func(other wire.Isolation) bool { return other.MachineID == i.MachineID }) {
				found = append(found, i)
			}
		}
		return found, nil
	}
	var from time.Time
	if c.since != "" {
		from, err = hunt.Since(time.Now(), c.since)
		if err != nil {
			return nil, call.Usagef("--since: %w", err)
		}
	}
	for _, i := range all {
		if (c.rule == "" || i.Rule == c.rule) && !i.Since.Before(from) {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no isolated machine is like that; cordon isolated lists them")
	}
	return found, nil
}

// isolationOf finds an isolated machine by its id, the beginning of it, or its name. A name is read again at Defender,
// for what the list remembers may be old.
func isolationOf(
	ctx context.Context,
	desk operate.Desk,
	all []wire.Isolation,
	which string,
) (wire.Isolation, error) {
	id, found, err := call.Meant(which, machineIDs(all))
	if err != nil {
		return wire.Isolation{}, err
	}
	if !found {
		id, err = named(ctx, desk, all, which)
	}
	if err != nil {
		return wire.Isolation{}, err
	}
	at := slices.IndexFunc(all, func(i wire.Isolation) bool {
		return i.MachineID == id
	})
	if at < 0 {
		return wire.Isolation{}, fmt.Errorf("no isolated machine has the id or name %s; cordon isolated lists them",
			terminal.Plain(which, machineShown))
	}
	return all[at], nil
}

// named is the id of the one isolated machine of a name; empty: there is none. Of each that may have it the name is
// read: those that the list calls so, and those of which it knows no name.
func named(
	ctx context.Context,
	desk operate.Desk,
	all []wire.Isolation,
	which string,
) (string, error) {
	var ids []string
	for _, i := range all {
		if i.MachineName != "" && !isNamed(i.MachineName, which) {
			continue
		}
		m, err := desk.Machine(ctx, i.MachineID)
		if err != nil {
			return "", fmt.Errorf("the name of isolated machine %s cannot be read; name the machine by its id: %w",
				i.MachineID, err)
		}
		if isNamed(m.Name, which) {
			ids = append(ids, i.MachineID)
		}
	}
	switch len(ids) {
	case 0:
		return "", nil
	case 1:
		return ids[0], nil
	}
	return "", fmt.Errorf("%d isolated machines have the name %s; name one by its id: %s", len(ids),
		terminal.Plain(which, machineShown), strings.Join(ids, ", "))
}

// isNamed compares with a whole name, and with its first part.
func isNamed(name, typed string) bool {
	first, _, _ := strings.Cut(name, ".")
	return name != "" && (strings.EqualFold(name, typed) || strings.EqualFold(first, typed))
}

// machineOf reads a machine by its id, its name, or the beginning of an id that a list shows.
func machineOf(ctx context.Context, desk operate.Desk, which string) (wire.Machine, error) {
	m, err := desk.Machine(ctx, which)
	var p *wire.Problem
	if !errors.As(err, &p) || p.Status != http.StatusNotFound {
		return m, err
	}
	isolated, listErr := desk.Isolated(ctx)
	held, heldErr := desk.Held(ctx)
	if errors.Join(listErr, heldErr) != nil {
		return m, err // what was said of the name counts
	}
	ids := machineIDs(isolated.Machines)
	for _, h := range held.Held {
		ids = append(ids, h.MachineID)
	}
	id, found, several := call.Meant(which, ids)
	if !found {
		return m, cmp.Or(several, err)
	}
	return desk.Machine(ctx, id)
}
