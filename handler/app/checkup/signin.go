package checkup

import (
	"context"

	"cordon/handler/app/setup"
	"cordon/handler/doctor"
)

// signInArea looks at what people need to sign in.
func (c *Checkup) signInArea() doctor.Area {
	if c.transport == nil || c.problems != nil {
		return doctor.Shut("sign-in", "the settings above are wrong")
	}
	s := doctor.SignIn{}
	if verifier := setup.Verifier(c.settings, c.transport, c.log); verifier != nil {
		s.URL = c.settings.SignIn.AppURL.String()
		s.Keys = verifier.Check
		s.Credential = c.checkWeb
	}
	return doctor.SigningIn(s)
}

// checkWeb has the authority take the credential of the registration. The token that it answers with opens nothing.
func (c *Checkup) checkWeb(ctx context.Context) error {
	web, err := setup.Web(c.settings, c.transport)
	if err != nil {
		return err
	}
	return web.Check(ctx, c.settings.GraphAudience+"/.default")
}
