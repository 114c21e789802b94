package console

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/office"
	"cordon/handler/internal/world"
	"cordon/handler/machine"
	"cordon/handler/operate/wire"
	"cordon/handler/signin"
)

// machineID is the machine that is isolated.
var machineID = strings.Repeat("ab", 20)

// isolated is a world in which that machine is isolated for alert da1.
func isolated(t *testing.T) *world.World {
	t.Helper()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", machineID, alert.High)
	w.Drain(p, 3)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Advance(time.Minute)
	return w
}

// appURL is where people reach the app; tests ask it by another name.
const appURL = "https://cordon.contoso.com"

// site is the console over a world, as one person's browser sees it.
type site struct {
	t      *testing.T
	world  *world.World
	server *Server
	roles  []wire.Role // of who sits there; none: nobody signed in
	stale  bool        // the roles are too old to act
	log    *bytes.Buffer
}

func newSite(t *testing.T, w *world.World, roles ...wire.Role) *site {
	t.Helper()
	s := &site{t: t, world: w, roles: roles, log: &bytes.Buffer{}}
	o := office.New(t, w)
	s.server = New(Options{
		App:     appURL,
		Who:     s.who,
		As:      o.As,
		Version: "test",
		Log:     slog.New(slog.NewTextHandler(s.log, nil)),
		Now:     w.Clock,
	})
	return s
}

// who stands in for handler/signin/pages.
func (s *site) who(_ context.Context, r *http.Request, use signin.Use) (signin.Person, error) {
	switch {
	case use == signin.Acting && r.Header.Get("Sec-Fetch-Site") != "same-origin":
		return signin.Person{}, wire.NewProblem(http.StatusForbidden, "cross_site",
			"this was not sent by a page of this app")
	case len(s.roles) == 0:
		return signin.Person{}, wire.NewProblem(http.StatusUnauthorized, "not_signed_in",
			"you are not signed in; sign in")
	case s.stale && use >= signin.Preparing:
		return signin.Person{}, wire.NewProblem(http.StatusUnauthorized, renew, "what you may do has to be read anew")
	}
	return signin.Person{Name: "ann@contoso.com", ObjectID: "o-1", Roles: s.roles}, nil
}

// answer is what a browser gets.
type answer struct {
	*http.Response
	text string
}

func (s *site) ask(method, target, form string, headers ...string) answer {
	s.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(form))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	out := httptest.NewRecorder()
	s.server.ServeHTTP(out, r)
	body, err := io.ReadAll(out.Result().Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{out.Result(), string(body)}
}

func (s *site) get(target string) answer {
	s.t.Helper()
	return s.ask(http.MethodGet, target, "")
}

// fields are the values of the form of an order, as a browser would send them.
func (s *site) fields(a answer) url.Values {
	s.t.Helper()
	all := url.Values{}
	for part := range strings.SplitSeq(a.text, "<input ") {
		tag, _, _ := strings.Cut(part, ">")
		if strings.HasPrefix(tag, `type="hidden"`) {
			all.Add(attribute(tag, "name"), attribute(tag, "value"))
		}
	}
	if all.Get("command") == "" {
		s.t.Fatalf("%d has no form: %s", a.StatusCode, a.text)
	}
	return all
}

func attribute(tag, name string) string {
	_, after, _ := strings.Cut(tag, name+`="`)
	value, _, _ := strings.Cut(after, `"`)
	return value
}
