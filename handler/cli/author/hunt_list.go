package author

import (
	"cmp"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/app/setup"
	"cordon/handler/cli/call"
	"cordon/handler/hunt"
	"cordon/handler/terminal"
)

// huntView is the JSON of one hunt.
type huntView struct {
	Name    string    `json:"name"`
	Do      hunt.Do   `json:"do"`
	Spec    string    `json:"schedule"`
	LastRun time.Time `json:"lastRun,omitzero"`
	NextRun time.Time `json:"nextRun"`
	Rows    int       `json:"rows"`
	New     int       `json:"new"`
	Trouble string    `json:"trouble,omitempty"`
}

func huntListCommand(getenv func(string) string) *cobra.Command {
	o := &call.Operator{Getenv: getenv}
	c := &cobra.Command{
		Use:   "list",
		Short: "List the hunts: when each ran last, when it runs next, and what it found",
		Long: "ROWS is what the query gave at its last turn that succeeded, NEW what of it was\n" +
			"reported. TROUBLE is why the newest turn came to no result. Needs the settings\n" +
			"of the ledger. Changes nothing." +
			call.Exits("done", "it could not be done; the reason is said"),
		Example: "  cordon hunt list\n" +
			"  cordon hunt list --json | jq '.hunts[] | select(.trouble)'",
		Args: call.NoOperand("list"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listHunts(cmd, o)
		},
	}
	o.JSONFlag(c)
	return c
}

func listHunts(cmd *cobra.Command, o *call.Operator) error {
	settings, store, err := o.Ledger(cmd.Context())
	if err != nil {
		return err
	}
	hunts, err := setup.Hunts(settings)
	if err != nil {
		return err
	}
	views := []huntView{}
	for _, h := range hunts.Hunts() {
		state, err := store.Hunts.Of(cmd.Context(), h.Name)
		if err != nil {
			return err
		}
		v := huntView{
			Name:    h.Name,
			Do:      h.Do,
			Spec:    h.Spec,
			LastRun: state.RanAt,
			NextRun: state.Due,
			Rows:    state.Rows,
			New:     state.New,
			Trouble: state.Trouble,
		}
		if v.NextRun.IsZero() || state.Spec != h.Spec {
			v.NextRun = h.Next(time.Now())
		}
		views = append(views, v)
	}
	return o.Show(cmd, map[string]any{"hunts": views}, func(w io.Writer) error {
		rows := [][]string{{"HUNT", "DO", "LAST RUN", "NEXT RUN", "ROWS", "NEW", "TROUBLE"}}
		for _, v := range views {
			rows = append(rows, []string{
				v.Name,
				string(v.Do),
				cmp.Or(call.Stamp(v.LastRun), "never"),
				call.Stamp(v.NextRun),
				strconv.Itoa(v.Rows),
				strconv.Itoa(v.New),
				v.Trouble,
			})
		}
		return terminal.Table(w, call.CellShown, rows...)
	})
}
