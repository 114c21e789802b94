package operate

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"cordon/handler/desk/erasure"
	"cordon/handler/incoming"
	"cordon/handler/ledger/journal"
	"cordon/handler/machine"
	"cordon/handler/operate/wire"
)

// userMost is how many characters the name of a person may have.
const userMost = 200

// Erase implements Desk.
func (p *person) Erase(ctx context.Context, o wire.EraseOrder) (wire.Erased, error) {
	c, err := p.command(o.Order)
	if err != nil {
		return wire.Erased{}, err
	}
	s, err := subject(o)
	if err != nil {
		return wire.Erased{}, err
	}
	done, err := p.office.Eraser.Erase(ctx, c, s, o.After)
	if err != nil {
		return wire.Erased{}, problem(err)
	}
	if done.State == journal.Failed || done.State == journal.Refused {
		return wire.Erased{}, wire.NewProblem(http.StatusConflict, "not_done", done.Result)
	}
	return wire.Erased{
		Command:  c.ID,
		Repeated: done.Before,
		Done:     done.State == journal.Done,
		Outcome:  done.Result,
		Erased:   done.Erased,
		Looked:   done.Looked,
		Open:     done.Open,
		Next:     done.Next,
	}, nil
}

// subject checks whom an order to erase is about.
func subject(o wire.EraseOrder) (s erasure.Subject, err error) {
	user := strings.TrimSpace(incoming.Text(o.User, userMost))
	switch {
	case (o.Machine == "") == (user == ""):
		return s, wrong("objects", "an order to erase names a machine, or a person, and not both")
	case o.Machine != "":
		err := machines().check(o.Machine)
		if err != nil {
			return s, wrong("objects", shown(err))
		}
		return erasure.Subject{Machine: machine.ID(o.Machine)}, nil
	case utf8.RuneCountInString(user) < erasure.LeastUser:
		return s, wrong("objects", fmt.Sprintf("user %q is too short: nearly all facts would have it; %d characters at "+
			"least", user, erasure.LeastUser))
	}
	return erasure.Subject{User: user}, nil
}
