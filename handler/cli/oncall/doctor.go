package oncall

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
	"cordon/handler/terminal"
)

// Doctor makes the command that finds out what of a set-up works.
func Doctor(getenv func(string) string, version string) *cobra.Command {
	o, sendTest := &call.Operator{Getenv: getenv}, false
	var limit time.Duration
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check settings, tokens and roles, Defender, queues, tables, mail and the app's files",
		Long: "Reads the settings as the handler does and says, line by line, what works and\n" +
			"what to do about the rest. It acts on no machine and prints no secret. On each\n" +
			"queue it schedules two messages for a month ahead, looks at them and cancels\n" +
			"them, so that nobody receives one; in the tables it writes a row of its own and\n" +
			"removes it, and makes the tables that do not exist. \"not seen\" is what cannot be\n" +
			"told with the rights that the app has. Run it where the app runs, or with the\n" +
			"app's settings and in its folder." +
			call.Exits("nothing failed", "something did"),
		Example: "  cordon doctor\n" +
			"  cordon doctor --send-test\n" +
			"  cordon doctor --json | jq '.findings[] | select(.state == \"failed\")'",
		Args: call.Exactly(0, "doctor takes no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < time.Second || limit > 5*time.Minute {
				return call.Usagef("--timeout %s is out of bounds: expected 1s to 5m", limit)
			}
			set := checkup.New(getenv, sendTest)
			defer set.Close(cmd.Context())
			findings := doctor.Run(cmd.Context(), limit, set.Areas()...)
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			return report(cmd, o, version, findings)
		},
	}
	o.JSONFlag(c)
	c.Flags().BoolVar(&sendTest, "send-test", false, "send a mail to CORDON_OPERATOR_MAIL")
	c.Flags().DurationVar(&limit, "timeout", 10*time.Second, "how long each check may take, 1s to 5m")
	return c
}

// doctorReport is the JSON of doctor.
type doctorReport struct {
	OK       bool             `json:"ok"` // nothing failed
	Version  string           `json:"version"`
	Findings []doctor.Finding `json:"findings"`
}

// report shows what was found. That a check failed is an error.
func report(cmd *cobra.Command, o *call.Operator, version string, findings []doctor.Finding) error {
	well := doctor.Worst(findings) != doctor.Fail
	view := doctorReport{OK: well, Version: version, Findings: findings}
	err := o.Show(cmd, view, func(w io.Writer) error {
		return printFindings(w, findings)
	})
	if err == nil && !well {
		err = errors.New("something does not work; the lines marked \"failed\" say what to do")
	}
	return err
}

// printFindings prints a line for each check, and below it what to do.
func printFindings(w io.Writer, findings []doctor.Finding) error {
	width := 0
	for _, f := range findings {
		width = max(width, len(f.Check))
	}
	margin := strings.Repeat(" ", 8+2+width+2)
	var b strings.Builder
	counts := map[doctor.State]int{}
	for _, f := range findings {
		counts[f.State]++
		head := fmt.Sprintf("%-8s  %-*s  ", f.State, width,
			terminal.Plain(f.Check, call.FactShown))
		b.WriteString(hang(f.Seen, head, margin))
		if f.Do != "" {
			b.WriteString(hang(f.Do, margin+"-> ", margin+"   "))
		}
	}
	fmt.Fprintf(&b, "\n%d ok, %d warnings, %d failed, %d not seen\n",
		counts[doctor.OK], counts[doctor.Warn], counts[doctor.Fail], counts[doctor.NotSeen])
	_, err := io.WriteString(w, b.String())
	return err
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
