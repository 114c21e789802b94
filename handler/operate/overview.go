package operate

import (
	"context"
	"time"

	"cordon/handler/history"
	"cordon/handler/ledger/runs"
	"cordon/handler/operate/wire"
)

// Overview implements Desk.
func (p *person) Overview(ctx context.Context) (wire.Overview, error) {
	is, err := p.office.History.Overview(ctx)
	took := is.ToIsolation()
	all := wire.Overview{
		Since:    is.Since,
		Until:    is.Until,
		Counted:  is.Counted,
		Runs:     is.Runs(),
		Outcomes: []wire.OutcomeCount{},
		ToIsolation: wire.Spread{
			Runs: took.Runs(),
			P50:  int(history.Within(took, 50) / time.Second),
			P95:  int(history.Within(took, 95) / time.Second),
		},
		UnderWay: lines(is.UnderWay),
		More:     is.More,
	}
	for i, hour := range is.Hours {
		all.Hours = append(all.Hours, wire.HourCount{
			At:       is.Since.Add(time.Duration(i) * time.Hour),
			Runs:     hour.Runs,
			Isolated: hour.Took.Runs(),
			Held:     hour.Outcomes[runs.HeldOutcome],
		})
	}
	for _, ended := range is.Outcomes() {
		all.Outcomes = append(all.Outcomes, wire.OutcomeCount(ended))
	}
	return all, problem(err)
}
