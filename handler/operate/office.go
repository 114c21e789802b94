package operate

import (
	"context"
	"errors"
	"net/http"
	"time"

	"cordon/handler/deadletter"
	"cordon/handler/desk"
	"cordon/handler/desk/erasure"
	"cordon/handler/desk/post"
	"cordon/handler/doctor"
	"cordon/handler/history"
	"cordon/handler/hunt"
	"cordon/handler/incoming"
	"cordon/handler/ledger/hunts"
	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/notices"
	"cordon/handler/ledger/rows"
	"cordon/handler/machine"
	"cordon/handler/operate/wire"
)

// Office is the operator API where it is answered. What is nil cannot be asked for here, and says so.
type Office struct {
	Desk    *desk.Desk
	Letters deadletter.Broker
	Notices *notices.Store
	Post    *post.Office
	History *history.History
	Eraser  *erasure.Eraser
	Links   func(alertID string, incident int64, machineID string) wire.Links
	Tenant  string
	Version string

	Playbook func() (wire.Playbook, error)

	Hunts     *hunts.Store
	Catalogue *hunt.Catalogue
	Hunting   hunt.API

	Doctor func(ctx context.Context) ([]doctor.Finding, error)
	Health func(ctx context.Context) wire.Health
	Now    func() time.Time
}

// As is the operator API for one person, whose way in is known.
func (o *Office) As(me wire.Me, by journal.Author) Desk {
	return &person{
		office: o,
		me:     me,
		by:     by,
	}
}

// person is the office for one person.
type person struct {
	office *Office
	me     wire.Me
	by     journal.Author
}

// Me implements Desk.
func (p *person) Me(context.Context) (wire.Me, error) {
	me := p.me
	me.Version = p.office.Version
	return me, nil
}

// notHere says that a part of the office is missing.
func notHere(what string) error {
	return wire.NewProblem(http.StatusServiceUnavailable, "not_here",
		what+" cannot be asked for here; see cordon doctor")
}

// problem is an error of the desk as it is answered.
func problem(err error) error {
	var known *wire.Problem
	var api machine.APIError
	var table *rows.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case errors.Is(err, desk.ErrOtherOrder):
		return wire.NewProblem(http.StatusConflict, "other_order", err.Error())
	case desk.IsRefusal(err):
		return wire.NewProblem(http.StatusNotFound, "refused", shown(err))
	case errors.Is(err, context.DeadlineExceeded):
		return wire.NewProblem(http.StatusGatewayTimeout, "too_slow", "it took too long: "+shown(err))
	case errors.As(err, &api):
		p := wire.NewProblem(http.StatusBadGateway, "defender", shown(err))
		p.RetryAfter = int(api.RetryAfter() / time.Second)
		return p
	case errors.As(err, &table):
		p := wire.NewProblem(http.StatusServiceUnavailable, "ledger", shown(err))
		p.RetryAfter = 10
		return p
	}
	return wire.NewProblem(http.StatusServiceUnavailable, "trouble", shown(err))
}

// detailShown bounds what is said of an error, in characters.
const detailShown = 2000

func shown(err error) string {
	return incoming.Text(err.Error(), detailShown)
}
