package pages

import (
	"context"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"cordon/handler/ledger/sessions"
	"cordon/handler/operate/wire"
	"cordon/handler/signin"
)

// How long a session is good for. Its roles are read anew by a sign-in that asks nobody anything: so no refresh token,
// which would be as good as a password for weeks, is kept anywhere.
const (
	longest   = 8 * time.Hour
	idle      = time.Hour
	rolesRead = time.Hour        // how old the roles may be to look
	rolesAct  = 15 * time.Minute // how old they may be to change anything
	formTime  = 10 * time.Minute // so long a form may be filled in before they are too old
	noteUse   = time.Minute      // a use is noted at most so often
)

// session is one that a browser has and that is not over.
type session struct {
	sessions.Session
	id string
}

// Who says who sent a request, by its cookie alone. To act the request has to come from a page of this app, and the roles
// have to be fresh; to prepare that they have to stay fresh for a while. A page that refreshes itself keeps no session
// from ending. Every error is a *wire.Problem; with the code renew the browser is to be sent to
// /api/signin/start?renew=1&returnTo=, which asks the person nothing if it can.
func (s *Sessions) Who(
	ctx context.Context,
	r *http.Request,
	use signin.Use,
) (signin.Person, error) {
	if use == signin.Acting && !s.sameOrigin(r) {
		return signin.Person{}, crossSite()
	}
	found, err := s.find(ctx, r)
	if err != nil {
		return signin.Person{}, err
	}
	now := s.o.Now()
	if now.Sub(found.At) >= fresh(use) {
		return signin.Person{}, unauthorized("renew", "what you may do has to be read anew; sign in again")
	}
	if use != signin.Refreshing && now.Sub(found.Used) >= noteUse {
		err := s.o.Ledger.Use(ctx, found.id, now)
		if err != nil {
			return signin.Person{}, s.noLedger(ctx, err)
		}
	}
	who := signin.Person{
		Name:     found.Name,
		ObjectID: found.ObjectID,
		Tenant:   s.o.Tenant,
		Client:   s.o.ClientID,
		Until:    found.Since.Add(longest),
	}
	for role := range strings.FieldsSeq(found.Roles) {
		who.Roles = append(who.Roles, wire.Role(role))
	}
	return who, nil
}

// fresh is how old the roles may be.
func fresh(use signin.Use) time.Duration {
	switch use {
	case signin.Acting:
		return rolesAct
	case signin.Preparing:
		return rolesAct - formTime
	}
	return rolesRead
}

// find reads the session of a request. A cookie that is not sealed by this deployment is no reason to look.
func (s *Sessions) find(ctx context.Context, r *http.Request) (session, error) {
	text := s.cookie(r, sessionCookie)
	if text == "" {
		return session{}, unauthorized(notSignedIn, "you are not signed in; sign in")
	}
	value, sealed, err := s.seals.open(ctx, sessionCookie, text)
	if err != nil {
		return session{}, s.noLedger(ctx, err)
	}
	if !sealed {
		return session{}, unauthorized(notSignedIn, "you are not signed in here; sign in")
	}
	id, secret, _ := strings.Cut(value, ".")
	found, there, err := s.o.Ledger.Find(ctx, id)
	if err != nil {
		return session{}, s.noLedger(ctx, err)
	}
	right := there &&
		subtle.ConstantTimeCompare([]byte(found.Digest), []byte(digest(secret))) == 1
	if !right {
		return session{}, unauthorized(notSignedIn, "you are not signed in here; sign in")
	}
	now := s.o.Now()
	over := !found.Ended.IsZero() ||
		now.Sub(found.Since) >= longest ||
		now.Sub(found.Used) >= idle
	if over {
		return session{}, unauthorized("session_over", "your session is over; sign in again")
	}
	return session{Session: found, id: id}, nil
}

func crossSite() *wire.Problem {
	return wire.NewProblem(http.StatusForbidden, "cross_site",
		"this was not sent by a page of this app")
}

// sameOrigin says whether a page of this app sent a request. Pages that tell no referrer send an origin of "null", so
// what browsers say of the two sites counts first.
func (s *Sessions) sameOrigin(r *http.Request) bool {
	if site := r.Header.Values("Sec-Fetch-Site"); len(site) > 0 {
		return len(site) == 1 &&
			site[0] == "same-origin"
	}
	origin := r.Header.Values("Origin")
	return len(origin) == 1 &&
		origin[0] == s.o.AppURL.String()
}

// signedOut is the value of the cookie of somebody who has just signed out. Chromium keeps whole pages for its button
// that goes back, also those that are not to be stored, and drops them only if a cookie was written since: that one was
// taken back does not count.
const signedOut = "out"

// signOut ends the session and makes the cookie worthless. Whoever is not signed in is signed out as well.
func (s *Sessions) signOut(w http.ResponseWriter, r *http.Request) {
	if !s.sameOrigin(r) {
		s.refuse(w, r, crossSite())
		return
	}
	found, err := s.find(r.Context(), r)
	if err == nil {
		_, err = s.o.Ledger.End(r.Context(), found.id, s.o.Now(), "signed out")
		if err != nil {
			s.refuse(w, r, s.noLedger(r.Context(), err))
			return
		}
	} else if p := problem(err); p.Status >= http.StatusInternalServerError {
		s.refuse(w, r, p)
		return
	}
	s.setCookie(w, sessionCookie, signedOut, time.Minute)
	send(w, s.o.AppURL.String()+under+"out")
}

// send sends the browser to another page by GET.
func send(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}
