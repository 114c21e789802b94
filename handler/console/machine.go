package console

import (
	"context"
	"errors"
	"net/http"

	"cordon/handler/operate/wire"
)

// machinePage is what the page of a machine is given.
type machinePage struct {
	Asked   string
	Machine part[wire.Machine]
	Gone    bool                    // Defender knows no such machine, or several
	Names   part[wire.MachineNames] // those of the record that begin so, if it is gone
	Runs    part[wire.Runs]
	May     bool
}

func oneMachine(ctx context.Context, v visit) (shown, error) {
	which := text(v.query.Get("machine"))
	if which == "" {
		return shown{}, missing("machine")
	}
	p := machinePage{Asked: which, May: v.may()}
	var err error
	p.Machine.Is, err = v.desk.Machine(ctx, which)
	var problem *wire.Problem
	if err != nil {
		p.Machine.Trouble = err.Error()
		p.Gone = errors.As(err, &problem) && problem.Status == http.StatusNotFound
	} else {
		which = p.Machine.Is.ID
	}
	if p.Gone {
		into(&p.Names, func() (wire.MachineNames, error) { return v.desk.Machines(ctx, which) })()
	}
	into(&p.Runs, func() (wire.Runs, error) {
		return v.desk.Runs(ctx, wire.RunsAsked{Machine: which, Limit: runsShown})
	})()
	is := shown{page: p}
	if p.Machine.Is.Name != "" {
		is.title = p.Machine.Is.Name
	}
	return is, nil
}

// runsShown is how many runs a page shows that is about something else.
const runsShown = 20
