package console

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"cordon/handler/ledger/journal"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/signin"
)

// TestEachRequestIsAskedForAsMuchProofAsItNeeds has a page, one that refreshes itself, and an order that is looked at and
// given: with a refreshing page's header too, which anybody can send.
func TestEachRequestIsAskedForAsMuchProofAsItNeeds(t *testing.T) {
	t.Parallel()
	var use signin.Use
	var by journal.Author
	s := &site{t: t}
	s.server = New(Options{
		Who: func(_ context.Context, _ *http.Request, asked signin.Use) (signin.Person, error) {
			use = asked
			return signin.Person{Name: "ann", ObjectID: "o-1", Roles: []wire.Role{wire.Operator}}, nil
		},
		As: func(_ wire.Me, author journal.Author) operate.Desk {
			by = author
			return hostile{t: t, empty: true}
		},
		Log: slog.New(slog.DiscardHandler),
		Now: time.Now,
	})
	const header = "X-Cordon-Refresh"
	for _, c := range []struct {
		method, path, refresh string
		want                  signin.Use
	}{
		{http.MethodGet, Base, "", signin.Looking},
		{http.MethodGet, Base, "1", signin.Refreshing},
		{http.MethodGet, releasePath, "", signin.Preparing},
		{http.MethodGet, releasePath, "1", signin.Preparing},
		{http.MethodPost, releasePath, "", signin.Acting},
		{http.MethodPost, releasePath, "1", signin.Acting},
	} {
		s.ask(c.method, c.path, "", header, c.refresh, "X-Forwarded-For", "198.51.100.1, 203.0.113.7:4711")
		if use != c.want {
			t.Errorf("%s %s, refreshing %q: use %d, want %d", c.method, c.path, c.refresh, use, c.want)
		}
		if want := (journal.Author{Name: "ann", ID: "o-1", Client: "console", Address: "203.0.113.7"}); by != want {
			t.Errorf("%s %s is written down as by %+v", c.method, c.path, by)
		}
	}
}
