package record

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// ShowRun makes the command that shows one run as the record has it.
func ShowRun(p call.Program) *cobra.Command {
	o := &call.Operator{Program: p}
	c := &cobra.Command{
		Use:   "show RUN|ALERT",
		Short: "Show how a version of an alert was answered, and why",
		Long: "As the record has it: what was decided then, with every rule, clause, value and\n" +
			"rail; the steps and what became of them; what people were told and did; the\n" +
			"other versions of the alert. Of an alert it is the newest version. Changes\n" +
			"nothing." +
			call.Exits,
		Example: "  cordon run show da638994417204415533_-1184209733\n" +
			"  cordon run show da638994417204415533_-1184209733:v2 --json | jq .plan.rails",
		Args: call.Exactly(1, "run show takes one run or alert"),
		RunE: func(cmd *cobra.Command, args []string) error {
			desk, done, err := o.Desk(cmd, config.Ledger)
			if err != nil {
				return err
			}
			defer done()
			r, err := desk.Run(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return o.Show(cmd, r, func(w io.Writer) error {
				return printRun(w, o.Clock(), r)
			})
		},
	}
	o.ReadFlags(c)
	return c
}

func printRun(w io.Writer, now call.Clock, r wire.Run) error {
	rows := [][]string{
		{"run", r.ID},
		{"alert", strings.TrimSpace(r.Severity + " " + r.Title)},
		{"machine", r.MachineID},
		{"state", r.State},
		{"outcome", r.Outcome},
		{"reason", r.Reason},
		{"trouble", r.Trouble},
		{"rule", r.Rule},
		{"playbook", r.Playbook},
		{"observed", now.Stamp(r.Observed)},
		{"started", now.Stamp(r.Started)},
		{"closed", now.Stamp(r.Closed)},
		{"continued", r.ContinuedBy},
	}
	for _, step := range r.Steps {
		rows = append(rows, []string{"step", strings.TrimSpace(step.Step + ": " + step.Outcome + " " + step.Reason)})
	}
	for _, told := range r.Told {
		what, said, _ := strings.Cut(told, "=")
		rows = append(rows, []string{"told", strings.ReplaceAll(what, "|", " ") + ": " + said})
	}
	for _, v := range r.Versions {
		if v.Run != r.ID {
			rows = append(rows, []string{"version", strings.TrimSpace(v.Run + " " + v.State + " " + v.Outcome)})
		}
	}
	var facts [][]string
	for _, row := range rows {
		if row[1] != "" {
			facts = append(facts, row)
		}
	}
	err := terminal.Pairs(w, call.FactShown, facts...)
	if err == nil && r.Decision != "" {
		err = printDecision(w, r.Decision)
	}
	if err != nil || len(r.Commands) == 0 {
		return err
	}
	if err := call.Say(w, "\nby hand:"); err != nil {
		return err
	}
	return PrintJournal(w, now, r.Commands)
}

func printDecision(w io.Writer, decision string) error {
	if err := call.Say(w, "\ndecided:"); err != nil {
		return err
	}
	for line := range strings.Lines(decision) {
		if err := terminal.Lines(w, call.FactShown, "  "+strings.TrimRight(line, "\n")); err != nil {
			return err
		}
	}
	return nil
}
