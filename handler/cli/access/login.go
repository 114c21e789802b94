// Package access has the commands of signing in and out. What they keep is kept by handler/cli/session.
package access

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/cli/session"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// signingIn is one call of login.
type signingIn struct {
	call.Operator
	name       string
	deviceCode bool
	az         bool
	byDefault  bool
}

// Login makes the command that signs a person in.
func Login(p call.Program) *cobra.Command {
	x := &signingIn{Operator: call.Operator{Program: p}}
	c := &cobra.Command{
		Use:   "login --app URL",
		Short: "Sign in at an app, so that every command works from this computer",
		Long: "Shows which app and tenant it is and asks once whether that is meant; from then\n" +
			"on the app has to be the same. Then a browser opens on this computer. With\n" +
			"--device-code the browser may be elsewhere: use it only where this computer has\n" +
			"none, for a code can be asked of you by somebody else. With --az the Azure CLI\n" +
			"says who you are, and nothing is kept here. What is kept is in a folder that\n" +
			"only you may read (CORDON_CONFIG_DIR, or cordon in your settings). A pipeline\n" +
			"sets CORDON_APP and CORDON_TOKEN instead." +
			call.Exits,
		Example: "  cordon login --app https://cordon-prod.azurewebsites.net --name prod\n" +
			"  cordon login --app prod --device-code\n" +
			"  cordon login --app https://cordon-test.azurewebsites.net --az --default",
		Args: call.NoOperand("login"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return x.run(cmd)
		},
	}
	x.AppFlag(c)
	x.YesFlag(c)
	c.Flags().StringVar(&x.name, "name", "", "what the app is called here (default: the first part of its host)")
	c.Flags().BoolVar(&x.deviceCode, "device-code", false, "sign in with a browser on another computer")
	c.Flags().BoolVar(&x.az, "az", false, "use the sign-in of the Azure CLI")
	c.Flags().BoolVar(&x.byDefault, "default", false, "use this app where no other is named")
	return c
}

func (x *signingIn) run(cmd *cobra.Command) error {
	way := session.Browser
	switch {
	case x.deviceCode && x.az:
		return call.Usagef("--device-code and --az: only one of them")
	case x.deviceCode:
		way = session.DeviceCode
	case x.az:
		way = session.AzureCLI
	}
	keeper, err := x.Keeper(cmd)
	if err != nil {
		return err
	}
	at, err := keeper.Login(cmd.Context(), session.Login{
		App:     x.App,
		Name:    x.name,
		Way:     way,
		Default: x.byDefault,
		Confirm: func(question string) error {
			if !x.Yes && !terminal.IsTerminal(cmd.InOrStdin()) {
				return call.Usagef("%s\nlogin asks that on a terminal; elsewhere it wants --yes", question)
			}
			return x.Confirm(cmd, question)
		},
	})
	if err != nil {
		return err
	}
	me, err := at.Client.Me(cmd.Context())
	if err != nil {
		return fmt.Errorf("you are signed in, but the app does not let you in: %w", err)
	}
	return call.Say(cmd.OutOrStdout(), "signed in at %s as %s, who may %s", at.Name,
		terminal.Plain(me.Name, call.CellShown),
		may(me.Roles))
}

// may says in words what roles allow.
func may(roles []wire.Role) string {
	known := map[wire.Role]string{
		wire.Reader:   "read",
		wire.Operator: "operate",
		wire.Approver: "approve",
	}
	var words []string
	for _, r := range roles {
		if known[r] != "" {
			words = append(words, known[r])
		}
	}
	if len(words) == 0 {
		return "do nothing: ask for the role Cordon.Reader or Cordon.Operator"
	}
	return strings.Join(words, ", ")
}

// Logout makes the command that signs a person out.
func Logout(p call.Program) *cobra.Command {
	o, forget := &call.Operator{Program: p}, false
	c := &cobra.Command{
		Use:   "logout",
		Short: "Forget the sign-in at an app",
		Long: "Removes what is kept of it on this computer. The app stays confirmed, unless\n" +
			"--forget is given: then the next login asks again whether it is the app that is\n" +
			"meant. Sessions of the browser and of the Azure CLI are not touched." +
			call.Exits,
		Example: "  cordon logout\n" +
			"  cordon logout --app prod --forget",
		Args: call.NoOperand("logout"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			keeper, err := o.Keeper(cmd)
			if err != nil {
				return err
			}
			name, err := keeper.Logout(o.App, forget)
			if err != nil {
				return err
			}
			return call.Say(cmd.OutOrStdout(), "signed out of %s", name)
		},
	}
	o.AppFlag(c)
	c.Flags().BoolVar(&forget, "forget", false, "forget that the app was confirmed, too")
	return c
}

// WhoAmI makes the command that says who a person is at an app.
func WhoAmI(p call.Program) *cobra.Command {
	o := &call.Operator{Program: p}
	c := &cobra.Command{
		Use:   "whoami",
		Short: "Show at which app you are signed in, as whom, and what you may do",
		Long:  "Asks the app, so that it also shows whether the sign-in still holds." + call.Exits,
		Example: "  cordon whoami\n" +
			"  cordon whoami --app prod --json | jq .roles",
		Args: call.NoOperand("whoami"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return whoAmI(cmd, o)
		},
	}
	o.AppFlag(c)
	o.JSONFlag(c)
	return c
}

// identity is the JSON of whoami.
type identity struct {
	App  string   `json:"app"`
	URL  string   `json:"url"`
	Way  string   `json:"way"`
	Apps []string `json:"apps"` // all that are known here
	wire.Me
}

func whoAmI(cmd *cobra.Command, o *call.Operator) error {
	keeper, err := o.Keeper(cmd)
	if err != nil {
		return err
	}
	at, err := keeper.Open(o.App)
	if err != nil {
		return err
	}
	me, err := at.Client.Me(cmd.Context())
	if err != nil {
		return err
	}
	is := identity{
		App:  at.Name,
		URL:  at.Pin.URL,
		Way:  at.Pin.Way,
		Apps: append([]string{}, at.Others...),
		Me:   me,
	}
	return o.Show(cmd, is, func(w io.Writer) error {
		rows := [][]string{
			{"app", fmt.Sprintf("%s (%s), Cordon %s", is.App, is.URL, is.Version)},
			{"you", me.Name},
			{"object id", me.ObjectID},
			{"tenant", me.Tenant},
			{"may", may(me.Roles)},
			{"by", is.Way},
		}
		if until := o.Clock().Stamp(me.Until); until != "" {
			rows = append(rows, []string{"token until", until})
		}
		if len(is.Apps) > 0 {
			rows = append(rows, []string{"apps here", strings.Join(is.Apps, ", ")})
		}
		return terminal.Pairs(w, call.FactShown, rows...)
	})
}
