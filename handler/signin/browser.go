package signin

import (
	"net/http"
	"net/netip"
	"regexp"
	"strings"
)

// Use is what a person who sits in front of a browser is about to do. How fresh the proof has to be depends on it.
type Use int

// The uses, from the least to the most.
const (
	Refreshing Use = iota // a page that is open looks again by itself: the person may have gone
	Looking               // the person asks for a page
	Preparing             // the person is about to change something
	Acting                // the person changes something
)

// OwnPath says whether a browser that is sent to a path stays in this app. Only plain paths pass: no host, scheme,
// backslash, dot or escape, whatever browsers make of them.
func OwnPath(path string) bool {
	const longest = 1000
	plain := regexp.MustCompile(`^/api(/[A-Za-z0-9_-]+)+(\?[A-Za-z0-9_.~%&=+,:@-]*)?$`)
	return len(path) <= longest &&
		plain.MatchString(path)
}

// Address is where a request comes from, as the platform's front end saw it: it appends to what the caller sent. A zone,
// which may be any text, says nothing outside of the network that it is of. Empty: not known.
func Address(h http.Header) string {
	all := strings.Join(h.Values("X-Forwarded-For"), ",")
	last := strings.TrimSpace(all[strings.LastIndexByte(all, ',')+1:])
	if with, err := netip.ParseAddrPort(last); err == nil {
		return with.Addr().WithZone("").String()
	}
	alone, err := netip.ParseAddr(last)
	if err != nil {
		return ""
	}
	return alone.WithZone("").String()
}
