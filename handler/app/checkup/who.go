package checkup

import (
	"context"

	"cordon/handler/config"
	"cordon/handler/doctor"
	"cordon/handler/entra"
)

// tokensArea are the checks of the tokens that an identity gets for an audience, and of the roles in them.
func tokensArea(
	name string,
	source *entra.Source,
	audience string,
	roles ...doctor.Role,
) doctor.Area {
	return doctor.Tokens(doctor.API{
		Name:     name,
		Who:      source.Identity(),
		Audience: audience,
		Roles:    roles,
		Token: func(ctx context.Context) (doctor.Token, error) {
			token, err := source.Token(ctx, audience+"/.default")
			if err != nil {
				return doctor.Token{}, err
			}
			claims, unreadable := entra.ReadClaims(token.Value)
			return doctor.Token{
				Roles:      claims.Roles,
				Principal:  claims.Principal,
				Unreadable: unreadable,
			}, nil
		},
	})
}

func (c *Checkup) appSource() (*entra.Source, error) {
	if c.certErr != nil {
		return nil, c.certErr
	}
	return c.who.App()
}

// connection is the identity of a connection.
func (c *Checkup) connection(id config.Identity, setting string) (*entra.Source, error) {
	if !id.Managed && c.certErr != nil {
		return nil, c.certErr
	}
	return c.who.Of(id, setting)
}

// grants says how to grant permissions to whoever the app is.
func (c *Checkup) grants() doctor.Grants {
	return doctor.Grants{
		ClientID:   c.settings.ClientID,
		Registered: !c.settings.ClientSecret.IsZero() || c.settings.ClientCertificate != "",
		GraphURL:   c.settings.GraphURL,
	}
}
