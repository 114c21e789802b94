// Package inspect has the commands that show how the app itself is.
package inspect

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/app/checkup"
	"cordon/handler/cli/call"
	"cordon/handler/doctor"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// Doctor makes the command that finds out what of a set-up works.
func Doctor(p call.Program) *cobra.Command {
	o, sendTest := &call.Operator{Program: p}, false
	var limit time.Duration
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check what of the app's set-up works, and say what to do",
		Long: "Has the app check its own set-up and say, line by line, what works and what to\n" +
			"do about the rest. It acts on no machine and prints no secret. On each queue it\n" +
			"schedules two messages for a month ahead, looks at them and cancels them, so\n" +
			"that nobody receives one; in the tables it writes a row of its own and removes\n" +
			"it, and makes the tables that do not exist. \"not seen\" is what cannot be told\n" +
			"with the rights that the app has. With --direct the check is made here, with\n" +
			"the app's settings and in its folder: before the app runs, or where it does." +
			call.Exits,
		Example: "  cordon doctor\n" +
			"  cordon doctor --direct --send-test\n" +
			"  cordon doctor --json | jq '.findings[] | select(.state == \"failed\")'",
		Args: call.Exactly(0, "doctor takes no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			own := cmd.Flags().Changed("send-test") || cmd.Flags().Changed("timeout")
			switch {
			case own && !o.Direct:
				return call.Usagef("--send-test and --timeout go with --direct: the app has its own")
			case limit < time.Second || limit > 5*time.Minute:
				return call.Usagef("--timeout %s is out of bounds: expected 1s to 5m", limit)
			case o.Direct:
				return checkHere(cmd, o, sendTest, limit)
			}
			desk, done, err := o.Desk(cmd)
			if err != nil {
				return err
			}
			defer done()
			found, err := desk.Doctor(cmd.Context())
			if err != nil {
				return err
			}
			return reportDoctor(cmd, o, found)
		},
	}
	o.ReadFlags(c)
	c.Flags().BoolVar(&sendTest, "send-test", false, "with --direct: send a mail to CORDON_OPERATOR_MAIL")
	c.Flags().DurationVar(&limit, "timeout", 10*time.Second, "with --direct: how long each check may take, 1s to 5m")
	return c
}

// checkHere makes the check in this process.
func checkHere(cmd *cobra.Command, o *call.Operator, sendTest bool, limit time.Duration) error {
	set := checkup.New(o.Getenv, sendTest)
	defer set.Close(cmd.Context())
	findings := doctor.Run(cmd.Context(), limit, set.Areas()...)
	if err := cmd.Context().Err(); err != nil {
		return err
	}
	return reportDoctor(cmd, o, wire.Doctor{
		OK:       doctor.Worst(findings) != doctor.Fail,
		Version:  o.Version,
		Findings: findings,
	})
}

// reportDoctor shows what was found. That a check failed is an error.
func reportDoctor(cmd *cobra.Command, o *call.Operator, found wire.Doctor) error {
	err := o.Show(cmd, found, func(w io.Writer) error {
		return printFindings(w, found.Findings)
	})
	if err == nil && !found.OK {
		err = errors.New("something does not work; the lines marked \"failed\" say what to do")
	}
	return err
}

// printFindings prints a paragraph for each check: what was seen, and below it what to do. What to do may be a command
// to copy, so it is not folded.
func printFindings(w io.Writer, findings []doctor.Finding) error {
	counts := map[doctor.State]int{}
	for _, f := range findings {
		counts[f.State]++
		var rows [][]string
		state, check := fmt.Sprintf("%-8s", f.State), f.Check+": "
		for line := range strings.SplitSeq(f.Seen, "\n") {
			rows = append(rows, []string{state, check + strings.TrimSpace(line)})
			state, check = "", ""
		}
		err := terminal.Pairs(w, call.FactShown, rows...)
		if err == nil && f.Do != "" {
			_, err = io.WriteString(w, hang(f.Do, "          -> ", "             "))
		}
		if err != nil {
			return err
		}
	}
	return call.Say(w, "\n%d ok, %d warnings, %d failed, %d not seen",
		counts[doctor.OK], counts[doctor.Warn], counts[doctor.Fail], counts[doctor.NotSeen])
}

// hang writes the lines of a text, the first behind head, the others behind margin.
func hang(text, head, margin string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		line = terminal.Plain(strings.TrimRight(line, " \r"), call.FactShown)
		b.WriteString(strings.TrimRight(head+line, " ") + "\n")
		head = margin
	}
	return b.String()
}
