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
	well := func(context.Context) error { return nil }
	ill := func(context.Context) error { return errors.New("503") }
	at := func(keys, credential func(context.Context) error) SignIn {
		return SignIn{URL: "https://cordon.contoso.com", Keys: keys, Credential: credential}
	}
	for what, c := range map[string]struct {
		in     SignIn
		states []State
		seen   string
	}{
		"off":                  {SignIn{}, []State{OK}, "off: "},
		"on":                   {at(well, well), []State{OK, OK}, "at https://cordon.contoso.com"},
		"without keys":         {at(ill, well), []State{Fail, OK}, "signed with cannot be read: 503"},
		"without a credential": {at(well, ill), []State{OK, Fail}, "sign people in with a browser: 503"},
	} {
		found := Run(t.Context(), time.Minute, SigningIn(c.in))
		seen := ""
		for i, f := range found {
			if i >= len(c.states) || f.State != c.states[i] || f.State == Fail && f.Do == "" {
				t.Errorf("%s: %+v", what, f)
			}
			seen += f.Seen
		}
		if len(found) != len(c.states) || !strings.Contains(seen, c.seen) {
			t.Errorf("%s: %+v", what, found)
		}
	}
}
