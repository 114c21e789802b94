package entrasim

import (
	"net/http"
	"strings"
	"time"
)

// A browser's session, so that who has signed in once need not be asked again.
const (
	sessionCookie   = "ESTSAUTH"
	sessionLifetime = 24 * time.Hour
)

// session is who is signed in at a browser.
type session struct{ tenant, oid string }

// remember keeps a person signed in at the browser that asks.
func (s *Sim) remember(w http.ResponseWriter, p Person) {
	http.SetCookie(w, &http.Cookie{
		Name:     sessionCookie,
		Value:    s.sessions.put(s.options.Now(), sessionLifetime, session{p.TenantID, p.ObjectID}),
		Path:     "/",
		Secure:   true,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
}

// signedIn finds who of a tenant is signed in at the browser that asks. With a hint of somebody else it is nobody.
func (s *Sim) signedIn(r *http.Request, tenant, hint string) (Person, bool) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return Person{}, false
	}
	h, found := s.sessions.get(cookie.Value)
	if !found || !s.options.Now().Before(h.until) || !strings.EqualFold(h.what.tenant, tenant) {
		return Person{}, false
	}
	p, found := s.people.person(tenant, h.what.oid)
	return p, found && (hint == "" || strings.EqualFold(hint, p.Username))
}
