package doctor

import "context"

// SignIn is how people sign in.
type SignIn struct {
	URL        string                          // where they reach the app; empty: sign-in is off
	Keys       func(ctx context.Context) error // reads what tokens are signed with
	Credential func(ctx context.Context) error // has the authority take that of the registration
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
	const do = "check CORDON_AUTHORITY_URL, CORDON_CLOUD and CORDON_TENANT_ID, and that the app reaches the " +
		"authority; until its keys can be read nobody is believed"
	keys := func(ctx context.Context) Finding {
		if err := s.Keys(ctx); err != nil {
			return failed(do, "the keys that tokens are signed with cannot be read: %v", err)
		}
		return ok("at %s; the keys that tokens are signed with can be read", s.URL)
	}
	const mend = "see docs/identity.md, \"People who sign in\"; until then tokens are taken, and nobody signs in " +
		"with a browser"
	credential := func(ctx context.Context) Finding {
		if err := s.Credential(ctx); err != nil {
			return failed(mend, "the app cannot sign people in with a browser: %v", err)
		}
		return ok("the app registration's credential is taken")
	}
	return Area{
		{Name: name, Slow: do, Run: keys},
		{Name: name + " credential", Slow: do, Run: credential},
	}
}
