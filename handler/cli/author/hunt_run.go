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
	"cordon/handler/notice/table"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// huntRun is one run by hand.
type huntRun struct {
	call.Operator
	since  string
	params []string
	csv    bool
}

func huntRunCommand(p call.Program) *cobra.Command {
	r := &huntRun{Operator: call.Operator{Program: p}}
	c := &cobra.Command{
		Use:   "run NAME",
		Short: "Ask a hunt's query now and print its rows",
		Long: "Has the app ask Microsoft Graph, and prints every row, also those that were seen\n" +
			"before. It mails nothing and makes no findings; the journal says who asked, and\n" +
			"the tenant's hunting quota knows of it. With --direct the hunt is one of the\n" +
			"folder here, whose query is asked with the settings of the app registration or\n" +
			"managed identity, which needs ThreatHunting.Read.All; that is not recorded." +
			call.Exits,
		Example: "  cordon hunt run remote-access-tools\n" +
			"  cordon hunt run remote-access-tools --since 7d --json | jq '.rows[].DeviceName'\n" +
			"  cordon hunt run remote-access-tools --since 2026-03-02T10:00:00Z " +
			"--param tools=anydesk.exe,rustdesk.exe --csv > rows.csv",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return call.Usagef("run takes the name of one hunt, not %d", len(args))
			}
			if r.csv && r.JSON {
				return call.Usagef("--csv and --json: only one of them")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.run(cmd, args[0])
		},
	}
	c.Flags().StringVar(&r.since, "since", "",
		"how far back: 90m, 24h or 7d, or a time such as 2026-03-02T10:00:00Z (default: the hunt's timespan)")
	c.Flags().StringArrayVar(&r.params, "param", nil, "another value of a parameter: name=value; may be repeated")
	c.Flags().BoolVar(&r.csv, "csv", false,
		"print CSV, for spreadsheets; what they would run as a formula gets an apostrophe")
	r.ReadFlags(c)
	c.Flags().StringVar(&r.Reason, "reason", "", "why; it is recorded")
	c.Flags().StringVar(&r.Command, "command-id", "", "the id that the journal has it under")
	return c
}

func (r *huntRun) run(cmd *cobra.Command, name string) error {
	values, err := r.values()
	if err != nil {
		return call.Usage(err)
	}
	var rows wire.HuntRows
	if r.Direct {
		rows, err = r.here(cmd, name, values)
	} else {
		rows, err = r.there(cmd, name, values)
	}
	if err != nil {
		return err
	}
	if rows.Cut {
		r.Tell(cmd, "there are more rows: ask about less time (--since), or for fewer")
	}
	return r.print(cmd.OutOrStdout(), rows)
}

// there has the app ask.
func (r *huntRun) there(cmd *cobra.Command, name string, values map[string]string) (wire.HuntRows, error) {
	r.Yes = true // it decides nothing
	if err := r.Check(cmd, false); err != nil {
		return wire.HuntRows{}, err
	}
	desk, done, err := r.Desk(cmd)
	if err != nil {
		return wire.HuntRows{}, err
	}
	defer done()
	return desk.RunHunt(cmd.Context(), wire.HuntOrder{
		Order:  r.Order(),
		Hunt:   name,
		Since:  r.since,
		Params: values,
	})
}

// here asks a query of the folder here.
func (r *huntRun) here(cmd *cobra.Command, name string, values map[string]string) (rows wire.HuntRows, err error) {
	hunts, err := setup.Hunts(folderOf(r.Getenv))
	if err != nil {
		return rows, err
	}
	h, known := hunts.Find(name)
	if !known {
		return rows, call.Usagef("there is no hunt %q; see cordon hunt list", terminal.Plain(name, 60))
	}
	now := time.Now().UTC().Truncate(time.Second)
	since, err := r.from(now, h)
	if err != nil {
		return rows, call.Usage(err)
	}
	query, err := h.Query(since, values)
	if err != nil {
		return rows, call.Usage(err)
	}
	settings, err := config.LoadFor(r.Getenv, config.Hunting)
	if err != nil {
		return rows, err
	}
	api, err := setup.CommandHunter(settings)
	if err != nil {
		return rows, err
	}
	ctx, cancel := context.WithTimeout(
		cmd.Context(),
		hunt.QueryTime+10*time.Second,
	)
	defer cancel()
	table, err := api.Hunt(ctx, query, since, now)
	if err != nil {
		return rows, fmt.Errorf("hunt %s: %w", h.Name, err)
	}
	for _, c := range table.Columns {
		rows.Columns = append(rows.Columns, c.Name)
	}
	rows.Hunt = h.Name
	rows.Since = since
	rows.Until = now
	rows.Rows = table.Rows
	rows.Cut = len(table.Rows) >= hunt.MaxRows
	return rows, nil
}

// values are the values of parameters that were given.
func (r *huntRun) values() (map[string]string, error) {
	values := map[string]string{}
	for _, p := range r.params {
		name, value, found := strings.Cut(p, "=")
		if !found {
			return nil, fmt.Errorf("--param %s: expected name=value", terminal.Plain(p, 60))
		}
		values[name] = value
	}
	return values, nil
}

// from is the beginning of the time that the query is about.
func (r *huntRun) from(now time.Time, h *hunt.Hunt) (time.Time, error) {
	since := now.Add(-h.Timespan)
	if r.since != "" {
		var err error
		since, err = hunt.Since(now, r.since)
		if err != nil {
			return since, fmt.Errorf("--since: %w", err)
		}
	}
	if !since.Before(now) || now.Sub(since) > hunt.MaxLookBack {
		return since, fmt.Errorf("--since %s: Defender's tables hold 30 days, and nothing of the future",
			terminal.Plain(r.since, 40))
	}
	return since, nil
}

func (r *huntRun) print(w io.Writer, found wire.HuntRows) error {
	switch {
	case r.csv:
		body, err := table.CSV(found.Columns, found.Rows)
		if err == nil {
			_, err = w.Write(body)
		}
		return err
	case r.JSON:
		return terminal.JSON(w, map[string]any{
			"hunt":    found.Hunt,
			"since":   found.Since,
			"until":   found.Until,
			"columns": found.Columns,
			"rows":    named(found.Columns, found.Rows),
			"cut":     found.Cut,
		})
	}
	if len(found.Columns) > 0 {
		err := terminal.Table(w, call.CellShown, append([][]string{found.Columns}, found.Rows...)...)
		if err != nil {
			return err
		}
	}
	return call.Say(w, "\n%d rows since %s", len(found.Rows), r.Clock().Stamp(found.Since))
}

// named are rows with the names of their columns.
func named(names []string, rows [][]string) []map[string]string {
	all := make([]map[string]string, len(rows))
	for i, row := range rows {
		all[i] = map[string]string{}
		for j, name := range names[:min(len(names), len(row))] {
			all[i][name] = row[j]
		}
	}
	return all
}
