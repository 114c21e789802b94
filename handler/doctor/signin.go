package doctor

import "context"

// SignIn is how people sign in.
type SignIn struct {
	URL  string // where they reach the app; empty: sign-in is off
	Keys func(ctx context.Context) error
}

// SigningIn are the checks of what people need to sign in.
func SigningIn(s SignIn) Area {
	const name = "sign-in"
	if s.URL == "" {
		return Told(Finding{
			Check: name,
			State: OK,
			Seen: "off: commands reach the app with its settings only (--direct); CORDON_APP_URL and " +
				"CORDON_SIGNIN_CLIENT_ID turn it on",
		})
	}
	const do = "check CORDON_AUTHORITY_URL, CORDON_CLOUD and CORDON_TENANT_ID, and that the app reaches the authority; " +
		"until its keys can be read nobody is believed"
	return Area{{Name: name, Slow: do, Run: func(ctx context.Context) Finding {
		if err := s.Keys(ctx); err != nil {
			return failed(do, "the keys that tokens are signed with cannot be read: %v", err)
		}
		return ok("at %s; the keys that tokens are signed with can be read", s.URL)
	}}}
}
