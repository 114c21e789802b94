package setup

import (
	"context"
	"time"

	"cordon/handler/alert"
	"cordon/handler/config"
	"cordon/handler/defender"
	"cordon/handler/ledger/runs"
	"cordon/handler/poll"
	"cordon/handler/sources"
)

// API is the Defender API with its alerts read, and changed, by the sources that the settings name.
type API struct {
	*defender.Client
	reader *sources.Reader // nil: Defender is the only source
	listed poll.Source     // where a command lists alerts; the app has its own
}

// NewAPI puts the sources of alerts together. store tells what was seen of an alert; nil: it is not known, as for a
// command that has no ledger.
func NewAPI(
	settings config.Config,
	client *defender.Client,
	graph sources.Graph,
	store *runs.Store,
) *API {
	api := &API{Client: client}
	if settings.AlertSource == alert.Defender.String() {
		return api
	}
	api.reader = &sources.Reader{
		Graph: graph,
		Seen:  nothingSeen,
		Now:   time.Now,
	}
	if store != nil {
		api.reader.Seen = store.Seen
	}
	if settings.AlertSource == "both" {
		api.reader.Defender = client
	}
	return api
}

func nothingSeen(context.Context, string) (runs.Seen, bool, error) {
	return runs.Seen{}, false, nil
}

// Alert reads one alert.
func (a *API) Alert(ctx context.Context, id string) (alert.Alert, error) {
	if a.reader == nil {
		return a.Client.Alert(ctx, id)
	}
	return a.reader.Alert(ctx, id)
}

// AlertComments reads what was written on an alert.
func (a *API) AlertComments(ctx context.Context, id string) ([]string, error) {
	if a.reader == nil {
		return a.Client.AlertComments(ctx, id)
	}
	return a.reader.AlertComments(ctx, id)
}

// UpdateAlert changes an alert.
func (a *API) UpdateAlert(ctx context.Context, id string, change alert.Change) (alert.Alert, error) {
	if a.reader == nil {
		return a.Client.UpdateAlert(ctx, id, change)
	}
	return a.reader.UpdateAlert(ctx, id, change)
}

// AlertsUpdated hands over the alerts that were updated in a span, some at a time: from Graph where no other source is
// set, else from Defender.
func (a *API) AlertsUpdated(
	ctx context.Context,
	from, to time.Time,
	take func([]alert.Alert) error,
) error {
	return a.listed.Updated(ctx, from, to, take)
}
