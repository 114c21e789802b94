package session

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"

	"cordon/handler/config"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// checkSignIn refuses what an app may not say of itself. Tokens come from the authority of its cloud; another one is
// believed of an app on this computer only, and has to be on this computer too. The API is an id, never the name of an
// API: a token for Microsoft Graph would be worth more than the app may have.
func checkSignIn(app *url.URL, says wire.SignIn) error {
	shown := func(s string) string { return terminal.Plain(s, 60) }
	for name, id := range map[string]string{"tenant": says.Tenant, "API": says.API, "command line": says.CLI} {
		if !isGUID(id) && (id != "" || name != "command line") {
			return fmt.Errorf("%s says that the id of its %s is %s, which is no id: it is not Cordon, or its set-up "+
				"is wrong", app.Host, name, shown(id))
		}
	}
	usual := config.Authority(says.Cloud)
	if usual == "" {
		return fmt.Errorf("%s says that it is in the cloud %s, which does not exist", app.Host, shown(says.Cloud))
	}
	if says.Authority == "" || says.Authority == usual {
		return nil
	}
	authority, err := Address(says.Authority)
	if err != nil ||
		!loopback(app.Hostname()) ||
		!loopback(authority.Hostname()) ||
		authority.Scheme != "https" ||
		authority.String() != says.Authority {
		return fmt.Errorf("%s wants you to sign in at %s instead of %s: do not", app.Host, shown(says.Authority), usual)
	}
	return nil
}

// authorityOf is where tokens for an app come from.
func authorityOf(says wire.SignIn) string {
	if says.Authority != "" {
		return says.Authority
	}
	return config.Authority(says.Cloud)
}

func isGUID(id string) bool {
	return regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`).MatchString(id)
}

// changed is an error if an app says something else than what was confirmed: a host that changed hands asks for
// sign-ins in another tenant.
func changed(name string, pin Pin, says wire.SignIn) error {
	was := pin.SignIn
	if was == says {
		return nil
	}
	what := ""
	for _, f := range []struct{ name, was, is string }{
		{"tenant", was.Tenant, says.Tenant},
		{"API", was.API, says.API},
		{"command line", was.CLI, says.CLI},
		{"cloud", was.Cloud, says.Cloud},
		{"authority", was.Authority, says.Authority},
	} {
		if f.was != f.is {
			what += fmt.Sprintf("; its %s was %s and is %s", f.name,
				orNone(f.was),
				orNone(f.is))
		}
	}
	return errors.New(pin.URL + " is not the app that was confirmed" + what + ". Ask whoever runs it. If that is " +
		"meant: cordon logout --app " + name + " --forget, then sign in again")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return terminal.Plain(s, 60)
}
