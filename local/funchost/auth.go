package funchost

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
)

// authLevel is the key that a request must carry. The zero value is function, the host's default.
type authLevel int

const (
	levelFunction authLevel = iota
	levelAnonymous
	levelAdmin
)

func (l authLevel) String() string {
	return [...]string{"Function", "Anonymous", "Admin"}[l]
}

func parseAuthLevel(text string) (authLevel, error) {
	switch strings.ToLower(text) {
	case "", "function":
		return levelFunction, nil
	case "anonymous":
		return levelAnonymous, nil
	case "admin":
		return levelAdmin, nil
	}
	return 0, fmt.Errorf("authLevel is %q; it must be anonymous, function or admin", text)
}

// grant is what the key of a request is good for. The zero value is no key at all.
type grant struct {
	valid bool
	level authLevel
	keyID string
}

// granted reads the request's key: x-functions-key, else the query's code. Without Options.Keys everybody is the
// administrator, as under Core Tools.
func (h *Host) granted(r *http.Request, function string) grant {
	keys := h.o.Keys
	if keys == nil {
		return grant{valid: true, level: levelAdmin, keyID: "master"}
	}
	key := r.Header.Get("x-functions-key")
	if key == "" {
		for _, p := range queryParameters(r.URL.RawQuery) {
			if strings.EqualFold(p.name, "code") {
				key = p.values[0]
			}
		}
	}
	switch {
	case sameKey(key, keys.Master):
		return grant{valid: true, level: levelAdmin, keyID: "master"}
	case sameKey(key, keys.Host), sameKey(key, keys.Function[function]):
		return grant{valid: true, level: levelFunction, keyID: "default"}
	}
	return grant{}
}

func (g grant) covers(level authLevel) bool {
	return level == levelAnonymous || g.valid && (g.level == levelAdmin || level == levelFunction)
}

// sameKey compares in constant time; a key that is not set is no key.
func sameKey(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return want != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
