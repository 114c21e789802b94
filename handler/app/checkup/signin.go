package checkup

import (
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
	}
	return doctor.SigningIn(s)
}
