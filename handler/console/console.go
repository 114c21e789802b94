// Package console is what people see of Cordon in a browser: pages over the operator API, made by the app itself. A page
// asks nothing that the API cannot, GET changes nothing, and everything works without JavaScript.
//
// Neighbours: handler/signin/pages says who sits there, handler/operate answers, handler/console/orders has what people
// can order, handler/console/layout makes HTML of it.
package console

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"cordon/handler/console/layout"
	"cordon/handler/console/orders"
	"cordon/handler/ledger/journal"
	"cordon/handler/notice/clock"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/signin"
)

//go:embed templates
var templates embed.FS

// Base begins the path of every page.
const Base = "/api/console"

// Options are the parts and settings of a Server, all of them set.
type Options struct {
	App string // address of the app: scheme and host
	// Who says who sent a request. Every error is a *wire.Problem; with status 401 the browser is sent to sign in.
	Who func(context.Context, *http.Request, signin.Use) (signin.Person, error)
	// As is the operator API for one person.
	As      func(wire.Me, journal.Author) operate.Desk
	Clock   clock.Clock
	Version string
	Log     *slog.Logger
	Now     func() time.Time
}

// Server answers the pages. It is safe for concurrent use.
type Server struct {
	o      Options
	site   *layout.Site
	pages  map[string]page
	orders map[string]orders.Order
}

// New makes a Server. It makes no request.
func New(o Options) *Server {
	s := &Server{
		o:      o,
		site:   layout.New(files(), o.Clock),
		pages:  map[string]page{},
		orders: map[string]orders.Order{},
	}
	for _, p := range pages() {
		s.pages[p.name] = p
	}
	for _, order := range orders.All() {
		s.orders[order.Name] = order
	}
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, Base), "/")
	if r.Method == http.MethodGet && s.site.Asset(w, r.URL.Path) {
		return
	}
	order, ordered := s.orders[name]
	use := signin.Looking
	switch {
	case ordered && r.Method == http.MethodPost:
		use = signin.Acting
	case ordered:
		use = signin.Preparing
	case r.Header.Get("X-Cordon-Refresh") != "":
		use = signin.Refreshing
	}
	me, err := s.o.Who(r.Context(), r, use)
	if err != nil {
		s.stranger(w, r, use, order, err)
		return
	}
	v := visit{
		desk:  s.o.As(s.asked(me, r)),
		me:    me,
		query: r.URL.Query(),
		now:   s.o.Now(),
		zone:  cmp.Or(s.o.Clock.Zone, time.UTC),
	}
	err = me.May(wire.Reader)
	switch {
	case err != nil:
	case ordered:
		err = s.order(w, r, v, order)
	case r.Method == http.MethodPost:
		err = wire.NewProblem(http.StatusMethodNotAllowed, "method", "this page changes nothing")
	default:
		err = s.show(w, r, v, name)
	}
	if err != nil {
		s.fail(w, r, v, err)
	}
}

// asked is who asks, as the operator API and the journal know that person.
func (s *Server) asked(who signin.Person, r *http.Request) (wire.Me, journal.Author) {
	me := wire.Me{
		Name:     who.Name,
		ObjectID: who.ObjectID,
		Tenant:   who.Tenant,
		Roles:    who.Roles,
		Until:    who.Until,
	}
	return me, journal.Author{
		Name:    who.Name,
		ID:      who.ObjectID,
		Client:  "console",
		Address: signin.Address(r.Header),
	}
}

// stranger answers somebody who is not known, or not freshly enough. Whoever asks for a page is sent to sign in and comes
// back to it; what was sent is not carried out.
func (s *Server) stranger(
	w http.ResponseWriter,
	r *http.Request,
	use signin.Use,
	order orders.Order,
	err error,
) {
	var p *wire.Problem
	if !errors.As(err, &p) {
		p = wire.NewProblem(http.StatusServiceUnavailable, "not_ready", "it cannot be told now who you are; try again")
	}
	unknown := p.Status == http.StatusUnauthorized
	back := Base
	if use == signin.Looking || use == signin.Preparing {
		back = r.URL.RequestURI()
	}
	to := s.signIn(back, p.Code == renew)
	tooMuch := unknown && use == signin.Preparing && !signin.OwnPath(back)
	switch {
	case unknown && use == signin.Acting:
		s.again(w, r, order, p)
		return
	case tooMuch: // to go along; nobody has to choose it once more
	case !unknown || use == signin.Refreshing:
	case r.Header.Get("Sec-Fetch-Site") == "same-origin":
		// A form may have led here, and from a form browsers follow no redirect to where the page's policy forbids forms
		// to be sent, as it does of Entra. They follow a page that goes on by itself.
		w.Header().Set("Refresh", "0; url="+to)
	default:
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	s.write(w, r, p.Status, "problem", layout.Frame{
		Title: p.Title,
		Page: problemPage{
			Problem: p,
			SignIn:  to,
			Apart:   tooMuch,
		},
	})
}
