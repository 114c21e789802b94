package setup

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"cordon/handler/config"
	"cordon/handler/defender"
	"cordon/handler/entra"
	"cordon/handler/httpretry"
	"cordon/handler/ledger/switches"
)

// Defender makes the client of the Defender API. pauses is what the processes of the app share; nil for a command,
// which shares nothing with them.
func Defender(
	settings config.Config,
	transport http.RoundTripper,
	tokens *entra.Source,
	pauses httpretry.Pauses,
	log *slog.Logger,
) *defender.Client {
	scope := settings.DefenderAudience + "/.default"
	authorized := &entra.Transport{
		Base:        transport,
		Source:      tokens,
		Scope:       scope,
		AllowedHost: settings.DefenderURL.Host,
	}
	lacks := func(ctx context.Context, permission string) bool {
		return entra.Lacks(ctx, tokens, scope, permission)
	}
	return DefenderOver(settings.DefenderURL, authorized, pauses, lacks, log)
}

// DefenderOver stacks waits for quotas and repeats of what is safe to repeat over a connection with tokens. It follows
// no redirect: a token goes to one host. lacks tells whether the token is known not to hold a permission; nil: it is
// not asked.
func DefenderOver(
	base *url.URL,
	authorized http.RoundTripper,
	pauses httpretry.Pauses,
	lacks func(context.Context, string) bool,
	log *slog.Logger,
) *defender.Client {
	patient := httpretry.New(httpretry.Options{
		Base:    authorized,
		Budget:  defender.Budget,
		Pauses:  pauses,
		OnRetry: repeated(log),
	})
	client := &http.Client{
		Transport: patient,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	return defender.New(defender.Options{
		Base:   base,
		HTTP:   client,
		SendBy: httpretry.SendBy,
		Lacks:  lacks,
	})
}

// repeated logs that a request is sent again.
func repeated(log *slog.Logger) func(httpretry.Retry) {
	return func(r httpretry.Retry) {
		log.Warn("request is repeated",
			"endpoint", r.Key, "attempt", r.Attempt, "status", r.Status, "wait", r.Wait.String())
	}
}

// Pauses lets the processes tell each other through the ledger that an endpoint wants no requests.
type Pauses struct {
	Switches *switches.Store
	Log      *slog.Logger
}

// PausedUntil is until when an endpoint is left alone; the zero time if it is not.
func (p *Pauses) PausedUntil(ctx context.Context, endpoint string) (time.Time, error) {
	until, err := p.Switches.EndpointPausedUntil(ctx, endpoint)
	if err != nil {
		const unknown = "it is not known whether others were told to leave the endpoint alone; " +
			"this process goes by its own answers"
		p.Log.WarnContext(ctx, unknown,
			"endpoint", endpoint,
			"error", err.Error())
	}
	return until, err
}

// Pause tells all processes to leave an endpoint alone until then.
func (p *Pauses) Pause(ctx context.Context, endpoint string, until time.Time) error {
	err := p.Switches.PauseEndpoint(ctx, endpoint, time.Now(), until)
	if err != nil {
		p.Log.WarnContext(ctx, "the others could not be told to leave the endpoint alone; each finds out for itself",
			"endpoint", endpoint, "until", until, "error", err.Error())
		return err
	}
	p.Log.InfoContext(ctx, "endpoint paused for all processes", "endpoint", endpoint, "until", until)
	return nil
}
