package health

import (
	"fmt"

	"cordon/handler/ledger/trouble"
	"cordon/handler/operate/wire"
	"cordon/handler/poll"
)

// report is a report while it is made.
type report struct {
	wire.Health
	troubled trouble.Newest
}

// risk adds a reason why all is not well.
func (r *report) risk(format string, args ...any) {
	r.Reasons = append(r.Reasons, fmt.Sprintf(format, args...))
}

func sourceOf(s poll.Standing) wire.Source {
	return wire.Source{
		Name:   s.Source,
		Since:  s.Since,
		Why:    s.Why,
		Told:   s.Told,
		Newest: wire.Sight(s.Newest),
		Lacks:  wire.Sight(s.Lacks),
		LackAt: s.LackAt,
	}
}

// latenessOf is zero if no alert was late.
func latenessOf(l poll.Lateness) wire.Lateness {
	if l == (poll.Lateness{}) {
		return wire.Lateness{}
	}
	return wire.Lateness{
		Longest: l.Longest.String(),
		AlertID: l.AlertID,
		At:      l.At,
	}
}
