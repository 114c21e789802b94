package author

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/alert"
	"cordon/handler/app/setup"
	"cordon/handler/cli/call"
	"cordon/handler/cli/facts"
	"cordon/handler/config"
	"cordon/handler/incoming"
	"cordon/handler/playbook"
	"cordon/handler/playbook/explain"
	"cordon/handler/terminal"
)

// explaining is one call of explain.
type explaining struct {
	alert, machine, actions string // files, or the id of an alert
	now                     string
	onMachine, inIncident   int // below 0: not known
	json                    bool
	getenv                  func(string) string
}

// Explain makes the command that shows what a playbook decides.
func Explain(getenv func(string) string) *cobra.Command {
	x := &explaining{getenv: getenv}
	c := &cobra.Command{
		Use:   "explain --alert FILE|ID [--machine FILE] [playbook]",
		Short: "Show what a playbook decides about an alert, and why",
		Long: "Shows every rule, every clause with the values seen, every rail and the plan.\n" +
			"Nothing is done, recorded or mailed. Files hold JSON as the Defender API answers\n" +
			"it: GET /api/alerts/{id}?$expand=evidence, GET /api/machines/{id}, and for\n" +
			"machine.isolated, machine.isolatedBy and machine.openActions GET\n" +
			"/api/machineactions?$filter=machineId eq '{id}'. With the id of an alert all of\n" +
			"that is read from the API; that needs the settings of the app registration or\n" +
			"managed identity. Of the ledger nothing is read: caps, pauses and isolations\n" +
			"under way are not known here, and alertsOnMachine and alertsInIncident only by\n" +
			"their flags.\n\n" +
			"CORDON_MODE is the ceiling, CORDON_STALE_AFTER the age limit and\n" +
			"CORDON_ISOLATION_LIFT how long an isolation stands, as for the handler." +
			call.Exits,
		Example: "  cordon explain --alert alert.json --machine machine.json\n" +
			"  cordon explain --alert alert.json --machine machine.json --now 2026-03-02T12:00:00Z " +
			"playbooks/workstations.yaml\n" +
			"  cordon explain --alert da638994417204415533_-1184209733 --json | jq .plan.steps",
		Args: call.AtMostOne("explain takes one playbook"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return x.run(
				cmd.Context(),
				cmd.OutOrStdout(),
				playbookPath(getenv, args),
			)
		},
	}
	c.Flags().StringVar(&x.alert, "alert", "", "file with the alert, or the id of one")
	c.Flags().StringVar(&x.machine, "machine", "",
		"file with the machine; without it that of an alert from a file counts as not read")
	c.Flags().StringVar(&x.actions, "actions", "", "file with the list of the machine's actions")
	c.Flags().IntVar(&x.onMachine, "alerts-on-machine", -1,
		"how many other alerts the machine had in the 24 hours before; default: not known")
	c.Flags().IntVar(&x.inIncident, "alerts-in-incident", -1,
		"how many other alerts the incident has; default: not known")
	c.Flags().StringVar(&x.now, "now", "",
		"time of the decision, such as 2026-03-02T12:00:00Z; default: the time it is")
	c.Flags().BoolVar(&x.json, "json", false, "print JSON, for programs")
	return c
}

// explained is the JSON of explain.
type explained struct {
	Playbook string        `json:"playbook"`
	AlertID  string        `json:"alertId"`
	Machine  string        `json:"machineId,omitempty"`
	Plan     playbook.Plan `json:"plan"`
}

func (x *explaining) run(ctx context.Context, out io.Writer, path string) error {
	if x.alert == "" {
		return call.Usagef("explain wants --alert with a file or the id of an alert; see cordon explain --help")
	}
	in, err := x.input()
	if err != nil {
		return call.Usage(err)
	}
	book, err := setup.Book(path)
	if err != nil {
		return err
	}
	if err := x.facts(ctx, book, &in); err != nil {
		return err
	}
	plan := book.Decide(in)
	if x.json {
		return terminal.JSON(out, explained{
			Playbook: path,
			AlertID:  in.Alert.ID,
			Machine:  in.Alert.MachineID,
			Plan:     plan,
		})
	}
	_, err = fmt.Fprintf(out, "alert %s\n%s",
		terminal.Plain(in.Alert.ID, call.CellShown),
		explain.Plan(plan))
	return err
}

// input is what the flags say of the decision.
func (x *explaining) input() (playbook.Input, error) {
	in := playbook.Input{
		Now:           time.Now(),
		AlertsMissing: "the ledger is not read here, see --alerts-on-machine and --alerts-in-incident",
	}
	if x.onMachine >= 0 {
		in.AlertsOnMachine = &x.onMachine
	}
	if x.inIncident >= 0 {
		in.AlertsInIncident = &x.inIncident
	}
	if x.now != "" {
		at, err := time.Parse(time.RFC3339, x.now)
		if err != nil {
			return in, fmt.Errorf("--now %q is no time; such as 2026-03-02T12:00:00Z", x.now)
		}
		in.Now = at
	}
	return in, nil
}

// facts gathers what the decision looks at, from files or from the API.
func (x *explaining) facts(ctx context.Context, book *playbook.Book, in *playbook.Input) error {
	needs := []config.Need{config.Deciding}
	body, err := incoming.File(x.alert)
	byID := errors.Is(err, fs.ErrNotExist) && alert.CheckID(x.alert) == nil
	if byID {
		needs = append(needs, config.Defender)
	} else if err != nil {
		return fmt.Errorf("the alert cannot be read: %w", err)
	}
	settings, err := config.LoadFor(x.getenv, needs...)
	if err != nil {
		if byID {
			return fmt.Errorf("there is no file %q, and to read the alert of that id: %w", x.alert, err)
		}
		return err
	}
	in.Ceiling = playbook.Mode(settings.Mode)
	in.StaleAfter = settings.StaleAfter
	if !byID {
		return facts.FromFiles(in, x.alert, body, x.machine, x.actions, settings.IsolationLift)
	}
	if x.machine != "" || x.actions != "" {
		return call.Usagef("--machine and --actions go with an alert from a file; " +
			"of an alert by its id they are read from the API")
	}
	api, err := setup.CommandAPI(settings, nil)
	if err != nil {
		return err
	}
	return facts.FromAPI(ctx, in, api, x.alert, book.Needs(), settings.IsolationLift)
}
