package setup

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"cordon/handler/alert"
	"cordon/handler/config"
	"cordon/handler/entra"
	"cordon/handler/graph"
	"cordon/handler/graph/alerts"
	"cordon/handler/httpretry"
	"cordon/handler/hunt"
)

// graphOptions stacks repeats over tokens over the connection, as Defender does.
func graphOptions(
	settings config.Config,
	transport http.RoundTripper,
	tokens *entra.Source,
	log *slog.Logger,
) graph.Options {
	authorized := &entra.Transport{
		Base:        transport,
		Source:      tokens,
		Scope:       settings.GraphAudience + "/.default",
		AllowedHost: settings.GraphURL.Host,
	}
	patient := httpretry.New(httpretry.Options{
		Base:    authorized,
		Budget:  graph.Budget,
		OnRetry: repeated(log),
	})
	return graph.Options{
		Base: settings.GraphURL,
		HTTP: &http.Client{Transport: patient},
	}
}

// NewAlerts makes the client that reads alerts at Graph and writes back to them.
func NewAlerts(
	settings config.Config,
	transport http.RoundTripper,
	tokens *entra.Source,
	log *slog.Logger,
) *alerts.Client {
	return alerts.New(graphOptions(settings, transport, tokens, log))
}

// Hunter lets the hunt service ask Graph without knowing it.
type Hunter struct{ api *graph.Client }

// NewHunter makes the client that asks hunting queries.
func NewHunter(
	settings config.Config,
	transport http.RoundTripper,
	tokens *entra.Source,
	log *slog.Logger,
) Hunter {
	return Hunter{graph.New(graphOptions(settings, transport, tokens, log))}
}

// Hunt asks a query about a span of time.
func (h Hunter) Hunt(ctx context.Context, query string, since, until time.Time) (hunt.Table, error) {
	result, err := h.api.RunHuntingQuery(ctx, query, since, until)
	if err != nil {
		return hunt.Table{}, err
	}
	t := hunt.Table{Rows: result.Rows}
	for _, c := range result.Columns {
		t.Columns = append(t.Columns, hunt.Column(c))
	}
	return t, nil
}

// AlertSources are the sources of alerts that the settings name, Defender first.
func AlertSources(settings config.Config) []alert.Source {
	switch settings.AlertSource {
	case "graph":
		return []alert.Source{alert.Graph}
	case "both":
		return []alert.Source{alert.Defender, alert.Graph}
	}
	return []alert.Source{alert.Defender}
}
