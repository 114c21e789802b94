package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"cordon/handler/config"
	"cordon/handler/entra"
	"cordon/handler/graph"
	"cordon/handler/hunt"
)

// holdsOfHunt is how many holds of a latch one invocation has a turn of a hunt to itself: by default five minutes, which is
// longer than a query may last.
const holdsOfHunt = 5

// loadHunts reads the catalogue. A folder that nobody named may be missing: there are no hunts then. Nothing that is remembered may be removed before it is forgotten.
func loadHunts(settings config.Config) (*hunt.Catalogue, error) {
	if _, err := os.Stat(settings.Hunts); settings.HuntsNamed && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("CORDON_HUNTS: the folder %s does not exist: name one that does, or leave the setting out if there are no hunts", settings.Hunts)
	}
	c, err := hunt.Load(os.DirFS(settings.Hunts), filepath.ToSlash(settings.Hunts))
	if err != nil {
		return nil, err
	}
	for _, h := range c.Hunts() {
		if h.Memory > settings.Retention && settings.Retention > 0 {
			return nil, fmt.Errorf("hunt %s has a memory of %s, CORDON_RETENTION is %s: shorten the one or raise the other", h.Name, h.Memory, settings.Retention)
		}
	}
	return c, nil
}

// hunter lets the hunt service ask Graph without knowing it.
type hunter struct{ api *graph.Client }

func newHunter(settings config.Config, transport http.RoundTripper, tokens *entra.Source, log *slog.Logger) hunter {
	return hunter{graphClient(settings, transport, tokens, log)}
}

func (h hunter) Hunt(ctx context.Context, query string, since, until time.Time) (hunt.Table, error) {
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

// portal is where people of a cloud hunt by hand ("Microsoft Defender XDR for US Government customers").
func portal(settings config.Config) string {
	host := map[string]string{"gcchigh": "security.microsoft.us", "dod": "security.apps.mil"}[settings.Cloud]
	if host == "" {
		host = "security.microsoft.com"
	}
	return "https://" + host + "/v2/advanced-hunting?tid=" + url.QueryEscape(settings.TenantID)
}

// huntRunner makes what RunHunts calls, and says whether there are hunts. A catalogue that cannot be read keeps hunts from
// running and nothing else: every call says why.
func huntRunner(settings config.Config, o hunt.Options) (run func(context.Context) error, some bool) {
	c, err := loadHunts(settings)
	if err != nil {
		return func(context.Context) error { return fmt.Errorf("the hunts are not run: %w", err) }, true
	}
	o.Catalogue = c
	return hunt.New(o).Run, len(c.Hunts()) > 0
}
