package doctor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestSignInIsToldAsItIs holds what is said where it is off, where keys can be read, and where they cannot.
func TestSignInIsToldAsItIs(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		in    SignIn
		state State
		seen  string
	}{
		"off": {SignIn{}, OK, "off: "},
		"on": {SignIn{URL: "https://cordon.contoso.com", Keys: func(context.Context) error { return nil }}, OK,
			"at https://cordon.contoso.com"},
		"without keys": {SignIn{URL: "https://cordon.contoso.com", Keys: func(context.Context) error {
			return errors.New("503")
		}}, Fail, "cannot be read: 503"},
	} {
		found := Run(t.Context(), time.Minute, SigningIn(c.in))
		if len(found) != 1 || found[0].State != c.state || !strings.Contains(found[0].Seen, c.seen) ||
			found[0].State == Fail && found[0].Do == "" {
			t.Errorf("%s: %+v", what, found)
		}
	}
}
