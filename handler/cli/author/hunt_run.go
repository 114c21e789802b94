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
		Long: "Asks Microsoft Graph and prints every row, also those that were seen before. It\n" +
			"records nothing, mails nothing and makes no findings; only the tenant's hunting\n" +
			"quota knows of it. Needs the settings of the app registration or managed\n" +
			"identity, which needs ThreatHunting.Read.All." +
			call.Exits("done", "it could not be done; the reason is said"),
		Example: "  cordon hunt run remote-access-tools\n" +
			"  cordon hunt run remote-access-tools --since 7d --json | jq '.rows[].DeviceName'\n" +
			"  cordon hunt run remote-access-tools --since 2026-03-02T10:00:00Z " +
			"--param tools=anydesk.exe,rustdesk.exe --csv > rows.csv",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return call.Usagef("run takes the name of one hunt, not %d", len(args))
			}
			if r.csv && r.json {
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
	values, err := r.values()
	if err != nil {
		return call.Usage(err)
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
	ctx, cancel := context.WithTimeout(
		cmd.Context(),
		hunt.QueryTime+10*time.Second,
	)
	defer cancel()
	table, err := api.Hunt(ctx, query, since, now)
	if err != nil {
		return fmt.Errorf("hunt %s: %w", h.Name, err)
	}
	return r.print(cmd.OutOrStdout(), h, since, now, table)
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

func (r *huntRun) print(
	w io.Writer,
	h *hunt.Hunt,
	since, until time.Time,
	table hunt.Table,
) error {
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
		return terminal.JSON(w, map[string]any{
			"hunt":    h.Name,
			"since":   since,
			"until":   until,
			"columns": names,
			"rows":    named(names, table.Rows),
			"cut":     len(table.Rows) >= hunt.MaxRows,
		})
	}
	err := terminal.Table(w, call.CellShown, append([][]string{names}, table.Rows...)...)
	if err != nil {
		return err
	}
	return call.Say(w, "\n%d rows since %s", len(table.Rows), call.Stamp(since))
}

// named are rows with the names of their columns.
func named(names []string, rows [][]string) []map[string]string {
	all := make([]map[string]string, len(rows))
	for i, row := range rows {
		all[i] = map[string]string{}
		for j, name := range names {
			all[i][name] = row[j]
		}
	}
	return all
}
