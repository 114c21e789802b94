package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"cordon/handler/console/layout"
	"cordon/handler/operate/wire"
	"cordon/handler/signin"
)

// renew is the problem of somebody whose roles have to be read anew.
const renew = "renew"

// signIn is where a person signs in, and comes back to a page of the app: at its own address, because a sign-in ends
// there and in the browser's cookies of there, whatever name the app was asked by.
func (s *Server) signIn(back string, again bool) string {
	if !signin.OwnPath(back) {
		back = Base
	}
	q := url.Values{"returnTo": {back}}
	if again {
		q.Set("renew", "1")
	}
	return s.o.App + "/api/signin/start?" + q.Encode()
}

// problemPage is what the page of a problem is given.
type problemPage struct {
	*wire.Problem
	SignIn string // where to sign in; empty: that would not help
	Apart  bool   // in another tab: this one has what was chosen
}

// fail answers with a problem.
func (s *Server) fail(
	w http.ResponseWriter,
	r *http.Request,
	v visit,
	err error,
) {
	p := s.problem(r, err)
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	f := layout.Frame{Me: v.me.Name}
	if v.query.Get("did") != "" {
		// What the page was about may be gone by that very order.
		around, err := s.frame(r.Context(), v)
		if err == nil {
			f = around
		}
	}
	f.Title = p.Title
	f.Page = problemPage{Problem: p}
	s.write(w, r, p.Status, "problem", f)
}

// problem is an error as people read it.
func (s *Server) problem(r *http.Request, err error) *wire.Problem {
	var p *wire.Problem
	switch {
	case !errors.As(err, &p):
		p = wire.NewProblem(http.StatusInternalServerError, "broken", "something went wrong; the app's log has more")
		s.o.Log.ErrorContext(r.Context(), "the console failed",
			"path", r.URL.Path, "error", err.Error())
	case p.Status >= http.StatusInternalServerError:
		s.o.Log.WarnContext(r.Context(), "the console could not answer",
			"path", r.URL.Path, "code", p.Code, "error", p.Detail)
	}
	return p
}

func (s *Server) write(
	w http.ResponseWriter,
	r *http.Request,
	status int,
	name string,
	f layout.Frame,
) {
	f.Version = s.o.Version
	err := s.site.Write(w, status, name, f)
	if err != nil {
		s.o.Log.ErrorContext(r.Context(), "a page could not be written", "error", err.Error())
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// didMost is more than one order is about.
const didMost = 200

// frame is what stands around every page.
func (s *Server) frame(ctx context.Context, v visit) (f layout.Frame, err error) {
	f.Me = v.me.Name
	f.May = v.may()
	f.Pause, err = v.desk.Pause(ctx)
	command := v.query.Get("did")
	if err != nil || command == "" {
		return f, err
	}
	done, err := v.desk.Journal(ctx, wire.JournalAsked{Command: command, Limit: didMost})
	var p *wire.Problem
	if errors.As(err, &p) && p.Status < http.StatusInternalServerError {
		return f, nil // a command that is none says nothing
	}
	f.Did = done.Entries
	return f, err
}
