package funchost

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// answerHeaders are what the host adds to every answer that has no such header, its own 401, 404 and 500 included.
type answerHeaders struct {
	custom map[string]string
	hsts   string   // the value of Strict-Transport-Security, "" for none
	plain  []string // hosts that are told nothing of it
}

// hstsJSON is extensions.http.hsts of host.json, with the defaults of ASP.NET's HstsOptions.
type hstsJSON struct {
	IsEnabled         bool     `json:"isEnabled"`
	MaxAge            string   `json:"maxAge"`
	IncludeSubDomains bool     `json:"includeSubDomains"`
	Preload           bool     `json:"preload"`
	ExcludedHosts     []string `json:"excludedHosts"`
}

func newAnswerHeaders(custom map[string]string, h hstsJSON) (answerHeaders, error) {
	a := answerHeaders{custom: custom}
	if !h.IsEnabled {
		return a, nil
	}
	age := 30 * 24 * time.Hour
	if h.MaxAge != "" {
		var err error
		if age, err = parseTimeSpan(h.MaxAge); err != nil {
			return a, fmt.Errorf("extensions.http.hsts.maxAge: %w", err)
		}
	}
	a.hsts = fmt.Sprintf("max-age=%d", age/time.Second)
	if h.IncludeSubDomains {
		a.hsts += "; includeSubDomains"
	}
	if h.Preload {
		a.hsts += "; preload"
	}
	a.plain = append([]string{"localhost", "127.0.0.1", "[::1]"}, h.ExcludedHosts...)
	return a, nil
}

// add puts them on an answer that is still empty, together with the host's own Server. Whatever the handler sends of
// the same names comes later and replaces them.
func (a answerHeaders) add(to http.Header, r *http.Request) {
	to.Set("Server", "Kestrel")
	for _, name := range slices.Sorted(maps.Keys(a.custom)) {
		to.Set(name, a.custom[name])
	}
	if a.hsts == "" || !secure(r) {
		return
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if !slices.ContainsFunc(a.plain, func(p string) bool { return strings.EqualFold(strings.Trim(p, "[]"), host) }) {
		to.Set("Strict-Transport-Security", a.hsts)
	}
}

// secure says whether the caller came by https. In Azure the front end ends TLS and says so in a header, which the host
// believes (AppServiceHeaderFixupMiddleware.cs).
func secure(r *http.Request) bool {
	if proto := r.Header.Get("X-Forwarded-Proto"); proto != "" {
		return strings.EqualFold(proto, "https")
	}
	return r.TLS != nil
}
