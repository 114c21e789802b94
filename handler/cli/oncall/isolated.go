package oncall

import (
	"cmp"
	"io"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/desk"
	"cordon/handler/machine"
	"cordon/handler/terminal"
)

// isolationView is the JSON of one isolated machine.
type isolationView struct {
	MachineID   string    `json:"machineId"`
	MachineName string    `json:"machineName,omitempty"`
	Ledger      string    `json:"ledger"`
	API         string    `json:"api"`
	Since       time.Time `json:"since,omitzero"`
	Until       time.Time `json:"until,omitzero"`
	ActionID    string    `json:"actionId,omitempty"`
	By          string    `json:"by,omitempty"`
	Requestor   string    `json:"requestor,omitempty"`
	RunID       string    `json:"runId,omitempty"`
	Drift       string    `json:"drift,omitempty"`
}

// Isolated makes the command that lists isolated machines.
func Isolated(getenv func(string) string) *cobra.Command {
	o := &call.Operator{Getenv: getenv}
	c := &cobra.Command{
		Use:   "isolated",
		Short: "List isolated machines: what the ledger believes against what the API lists",
		Long: "One list call at Defender for the machine actions of 90 days, or longer if an\n" +
			"isolation of Cordon's is older. The API has no field that says whether a machine\n" +
			"is isolated: the last isolation or release that was done decides, and how long\n" +
			"ago that was. UNTIL is when Defender lifts the isolation by itself\n" +
			"(CORDON_ISOLATION_LIFT), which the API does not show. BY is Cordon's run, or who\n" +
			"else asked for it. DRIFT is where the two differ. Needs the settings of the\n" +
			"ledger and of the app registration or managed identity. Changes nothing." +
			call.UsualExits(),
		Example: "  cordon isolated\n" +
			"  cordon isolated --json | jq '.machines[] | select(.drift)'",
		Args: call.NoOperand("isolated"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listIsolated(cmd, o)
		},
	}
	o.JSONFlag(c)
	return c
}

func listIsolated(cmd *cobra.Command, o *call.Operator) error {
	settings, store, api, err := o.Reach(cmd.Context())
	if err != nil {
		return err
	}
	all, err := desk.Isolations(
		cmd.Context(),
		store.Latches,
		api,
		time.Now(),
		settings.IsolationLift,
	)
	if err != nil {
		return err
	}
	views := []isolationView{}
	for _, i := range all {
		views = append(views, isolationView{
			MachineID:   i.MachineID,
			MachineName: i.MachineName,
			Ledger:      i.Ledger,
			API:         i.API,
			Since:       i.Since,
			Until:       i.Until,
			ActionID:    i.ActionID,
			By:          string(i.By),
			Requestor:   i.Requestor,
			RunID:       i.RunID,
			Drift:       i.Drift,
		})
	}
	return o.Show(cmd, map[string]any{"machines": views}, func(w io.Writer) error {
		return printIsolated(w, views)
	})
}

func printIsolated(w io.Writer, views []isolationView) error {
	if len(views) == 0 {
		return call.Say(w, "no machine is isolated")
	}
	rows := [][]string{{"MACHINE", "ID", "LEDGER", "API", "SINCE", "UNTIL", "BY", "DRIFT"}}
	for _, v := range views {
		rows = append(rows, []string{
			v.MachineName, v.MachineID, v.Ledger, v.API, call.Stamp(v.Since), call.Stamp(v.Until), v.asker(), v.Drift,
		})
	}
	return terminal.Table(w, call.CellShown, rows...)
}

// asker is who asked for the isolation, for people: a run of Cordon's, a name, or what is known of him.
func (v isolationView) asker() string {
	if v.By == string(machine.ByCordon) {
		return cmp.Or(v.RunID, v.By)
	}
	return cmp.Or(v.Requestor, v.By)
}
