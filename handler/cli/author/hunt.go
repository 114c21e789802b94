package author

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/app/setup"
	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/hunt"
	"cordon/handler/notice"
	"cordon/handler/terminal"
)

func Hunt(getenv func(string) string) *cobra.Command {
	c := &cobra.Command{
		Use:   "hunt",
		Short: "Check, run and list hunting queries",
		Long: "Hunts are files hunts/*.kql: a query with a header that says when it runs and what becomes of its rows.\n" +
			"docs/hunting.md has the header. RunHunts runs them on their schedule; these commands only look.",
		Example: "  cordon hunt check\n  cordon hunt run remote-access-tools --since 7d --csv > rows.csv\n  cordon hunt list",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return call.Usagef("hunt has no command %q: check, run or list", terminal.Plain(args[0], 40))
			}
			return call.Usagef("hunt wants one of: check, run, list")
		},
	}
	c.AddCommand(huntCheckCommand(getenv), huntRunCommand(getenv), huntListCommand(getenv))
	return c
}

// folderOf is the catalogue's folder as the settings say it, whatever else is wrong with them.
func folderOf(getenv func(string) string) config.Config {
	settings, _ := config.Load(getenv) // what is wrong with the others is not asked here
	return settings
}

func huntCheckCommand(getenv func(string) string) *cobra.Command {
	var strict bool
	c := &cobra.Command{
		Use:   "check [FOLDER]",
		Short: "Check every hunt of a folder",
		Long: "Reads every .kql file and prints each mistake as file:line, the line and the way out. Without FOLDER it is the one of\n" +
			"CORDON_HUNTS. Warns about hunts that look back for less than the time between two turns. Whether a query itself is right\n" +
			"only Defender knows: cordon hunt run asks it. Needs no settings." + call.Exits("done", "it could not be done; the reason is said"),
		Example: "  cordon hunt check\n  cordon hunt check --strict hunts",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return call.Usagef("check takes one folder, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			settings := folderOf(getenv)
			if len(args) == 1 {
				settings.Hunts, settings.HuntsNamed = args[0], false
			}
			hunts, err := setup.Hunts(settings)
			if err != nil {
				return err
			}
			if len(hunts.Hunts()) == 0 {
				return fmt.Errorf("there is no .kql file in %s", terminal.Plain(settings.Hunts, call.CellShown))
			}
			rows := [][]string{{"HUNT", "DO", "NEXT TURN", "FILE"}}
			for _, h := range hunts.Hunts() {
				rows = append(rows, []string{h.Name, string(h.Do), call.Stamp(h.Next(time.Now())), h.File})
			}
			err = terminal.Table(cmd.OutOrStdout(), call.CellShown, rows...)
			warnings := hunts.Warnings()
			if err != nil || len(warnings) == 0 {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "\n%d warning(s):\n\n%v\n", len(warnings), &hunt.Error{Problems: warnings})
			if err == nil && strict {
				err = fmt.Errorf("there are %d warning(s), and with --strict there may be none", len(warnings))
			}
			return err
		},
	}
	c.Flags().BoolVar(&strict, "strict", false, "fail on warnings too")
	return c
}

// huntRun is one run by hand.
type huntRun struct {
	getenv    func(string) string
	since     string
	params    []string
	csv, json bool
}

func huntRunCommand(getenv func(string) string) *cobra.Command {
	r := &huntRun{getenv: getenv}
	c := &cobra.Command{
		Use:   "run NAME",
		Short: "Ask a hunt's query now and print its rows",
		Long: "Asks Microsoft Graph and prints every row, also those that were seen before. It records nothing, mails nothing and makes no\n" +
			"findings; only the tenant's hunting quota knows of it. Needs the settings of the app registration or managed identity,\n" +
			"which needs ThreatHunting.Read.All." + call.Exits("done", "it could not be done; the reason is said"),
		Example: "  cordon hunt run remote-access-tools\n  cordon hunt run remote-access-tools --since 7d --json | jq '.rows[].DeviceName'\n" +
			"  cordon hunt run remote-access-tools --since 2026-03-02T10:00:00Z --param tools=anydesk.exe,rustdesk.exe --csv > rows.csv",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return call.Usagef("run takes the name of one hunt, not %d", len(args))
			}
			if r.csv && r.json {
				return call.Usagef("--csv and --json: only one of them")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd, args[0]) },
	}
	c.Flags().StringVar(&r.since, "since", "", "how far back: 90m, 24h or 7d, or a time such as 2026-03-02T10:00:00Z (default: the hunt's timespan)")
	c.Flags().StringArrayVar(&r.params, "param", nil, "another value of a parameter: name=value; may be repeated")
	c.Flags().BoolVar(&r.csv, "csv", false, "print CSV, for spreadsheets; what they would run as a formula gets an apostrophe")
	c.Flags().BoolVar(&r.json, "json", false, "print JSON, for programs")
	return c
}

func (r *huntRun) run(cmd *cobra.Command, name string) error {
	hunts, err := setup.Hunts(folderOf(r.getenv))
	if err != nil {
		return err
	}
	h, known := hunts.Find(name)
	if !known {
		return call.Usagef("there is no hunt %q; see cordon hunt list", terminal.Plain(name, 60))
	}
	now := time.Now().UTC().Truncate(time.Second)
	since, err := r.from(now, h)
	if err != nil {
		return call.Usage(err)
	}
	values := map[string]string{}
	for _, p := range r.params {
		key, value, found := strings.Cut(p, "=")
		if !found {
			return call.Usagef("--param %s: expected name=value", terminal.Plain(p, 60))
		}
		values[key] = value
	}
	query, err := h.Query(since, values)
	if err != nil {
		return call.Usage(err)
	}
	settings, err := config.LoadFor(r.getenv, config.Hunting)
	if err != nil {
		return err
	}
	api, err := setup.CommandHunter(settings)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), hunt.QueryTime+10*time.Second)
	defer cancel()
	table, err := api.Hunt(ctx, query, since, now)
	if err != nil {
		return fmt.Errorf("hunt %s: %w", h.Name, err)
	}
	return r.print(cmd.OutOrStdout(), h, since, now, table)
}

// from is the beginning of the time that the query is about.
func (r *huntRun) from(now time.Time, h *hunt.Hunt) (time.Time, error) {
	since := now.Add(-h.Timespan)
	if r.since != "" {
		var err error
		if since, err = hunt.Since(now, r.since); err != nil {
			return since, fmt.Errorf("--since: %w", err)
		}
	}
	if !since.Before(now) || now.Sub(since) > hunt.MaxLookBack {
		return since, fmt.Errorf("--since %s: Defender's tables hold 30 days, and nothing of the future", terminal.Plain(r.since, 40))
	}
	return since, nil
}

func (r *huntRun) print(w io.Writer, h *hunt.Hunt, since, until time.Time, table hunt.Table) error {
	names := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		names[i] = c.Name
	}
	switch {
	case r.csv:
		body, err := notice.CSV(names, table.Rows)
		if err == nil {
			_, err = w.Write(body)
		}
		return err
	case r.json:
		rows := make([]map[string]string, len(table.Rows))
		for i, row := range table.Rows {
			rows[i] = map[string]string{}
			for j, name := range names {
				rows[i][name] = row[j]
			}
		}
		return terminal.JSON(w, map[string]any{"hunt": h.Name, "since": since, "until": until, "columns": names, "rows": rows, "cut": len(rows) >= hunt.MaxRows})
	}
	if err := terminal.Table(w, call.CellShown, append([][]string{names}, table.Rows...)...); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d rows since %s\n", len(table.Rows), call.Stamp(since))
	return err
}

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
		Long: "ROWS is what the query gave at its last turn that succeeded, NEW what of it was reported. TROUBLE is why the newest turn\n" +
			"came to no result. Needs the settings of the ledger. Changes nothing." + call.Exits("done", "it could not be done; the reason is said"),
		Example: "  cordon hunt list\n  cordon hunt list --json | jq '.hunts[] | select(.trouble)'",
		Args:    call.NoOperand("list"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return listHunts(o, cmd) },
	}
	o.JSONFlag(c)
	return c
}

func listHunts(o *call.Operator, cmd *cobra.Command) error {
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
		state, err := store.Hunt(cmd.Context(), h.Name)
		if err != nil {
			return err
		}
		v := huntView{h.Name, h.Do, h.Spec, state.RanAt, state.Due, state.Rows, state.New, state.Trouble}
		if v.NextRun.IsZero() || state.Spec != h.Spec {
			v.NextRun = h.Next(time.Now())
		}
		views = append(views, v)
	}
	return o.Show(cmd, map[string]any{"hunts": views}, func(w io.Writer) error {
		rows := [][]string{{"HUNT", "DO", "LAST RUN", "NEXT RUN", "ROWS", "NEW", "TROUBLE"}}
		for _, v := range views {
			last := "never"
			if !v.LastRun.IsZero() {
				last = call.Stamp(v.LastRun)
			}
			rows = append(rows, []string{v.Name, string(v.Do), last, call.Stamp(v.NextRun), fmt.Sprint(v.Rows), fmt.Sprint(v.New), v.Trouble})
		}
		return terminal.Table(w, call.CellShown, rows...)
	})
}
