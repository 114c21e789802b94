package pages

import (
	"net/http"
	"time"
)

// The cookies. The prefix has browsers take them from this very host only, over https, for the whole of it. Not every
// browser takes it over http, as an app on this computer is reached (Chromium does): there the names are plain.
const (
	sessionCookie = "cordon"
	flowCookie    = "cordon-signin"
	hostPrefix    = "__Host-"
)

func (s *Sessions) secure() bool {
	return s.o.AppURL.Scheme == "https"
}

func (s *Sessions) cookieName(name string) string {
	if s.secure() {
		return hostPrefix + name
	}
	return name
}

// setCookie gives the browser a value; empty: it takes the cookie back.
func (s *Sessions) setCookie(
	w http.ResponseWriter,
	name, value string,
	life time.Duration,
) {
	cookie := &http.Cookie{
		Name:     s.cookieName(name),
		Value:    value,
		Path:     "/",
		MaxAge:   int(life / time.Second),
		Secure:   s.secure(),
		HttpOnly: true,
		// Lax lets the cookies come along when Entra sends the browser back, and with no other request of a foreign
		// page that could change anything.
		SameSite: http.SameSiteLaxMode,
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

// cookie is the value of the one cookie of a name; empty: there is none, or more than one.
func (s *Sessions) cookie(r *http.Request, name string) string {
	found := r.CookiesNamed(s.cookieName(name))
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}
