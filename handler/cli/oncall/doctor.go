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

// errUnwell ends doctor when a check failed; the report has said what.
var errUnwell = errors.New("something does not work; the lines marked \"failed\" say what to do")

func Doctor(getenv func(string) string, version string) *cobra.Command {
	var asJSON, sendTest bool
	var limit time.Duration
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check settings, tokens and roles, Defender, queues, tables, mail and the app's files",
		Long: "Reads the settings as the handler does and says, line by line, what works and what to do about the rest. It acts on no\n" +
			"machine and prints no secret. On each queue it schedules two messages for a month ahead, looks at them and cancels\n" +
			"them, so that nobody receives one; in the tables it writes a row of its own and removes it, and makes the tables that\n" +
			"do not exist. \"not seen\" is what cannot be told with the rights that the app has. Run it where the app runs, or with\n" +
			"the app's settings and in its folder." +
			call.Exits("nothing failed", "something did"),
		Example: "  cordon doctor\n  cordon doctor --send-test\n  cordon doctor --json | jq '.findings[] | select(.state == \"failed\")'",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return call.Usagef("doctor takes no arguments, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < time.Second || limit > 5*time.Minute {
				return call.Usagef("--timeout %s is out of bounds: expected 1s to 5m", limit)
			}
			checked := checkup.New(getenv, sendTest)
			defer checked.Close(cmd.Context())
			findings := doctor.Run(cmd.Context(), limit, checked.Areas()...)
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			var err error
			if asJSON {
				err = writeFindingsJSON(cmd.OutOrStdout(), version, findings)
			} else {
				err = writeFindings(cmd.OutOrStdout(), findings)
			}
			if err != nil {
				return err
			}
			if doctor.Worst(findings) == doctor.Fail {
				return errUnwell
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&sendTest, "send-test", false, "send a mail to CORDON_OPERATOR_MAIL")
	c.Flags().DurationVar(&limit, "timeout", 10*time.Second, "how long each check may take, 1s to 5m")
	return c
}

// maxSeen bounds a line of the report: what is longer was written by a server that should not be trusted with a terminal.
const maxSeen = 600

// writeFindings prints a line for each check, and below it what to do.
func writeFindings(w io.Writer, findings []doctor.Finding) error {
	width := 0
	for _, f := range findings {
		width = max(width, len(f.Check))
	}
	var b strings.Builder
	counts := map[doctor.State]int{}
	for _, f := range findings {
		counts[f.State]++
		head := fmt.Sprintf("%-8s  %-*s  ", f.State, width, terminal.Plain(f.Check, maxSeen))
		margin := strings.Repeat(" ", 8+2+width+2)
		for i, line := range strings.Split(f.Seen, "\n") {
			if i > 0 {
				head = margin
			}
			b.WriteString(strings.TrimRight(head+terminal.Plain(strings.TrimRight(line, " \r"), maxSeen), " ") + "\n")
		}
		for i, line := range strings.Split(f.Do, "\n") {
			if f.Do == "" {
				break
			}
			sign := "-> "
			if i > 0 {
				sign = "   "
			}
			b.WriteString(margin + sign + terminal.Plain(line, maxSeen) + "\n")
		}
	}
	fmt.Fprintf(&b, "\n%d ok, %d warnings, %d failed, %d not seen\n", counts[doctor.OK], counts[doctor.Warn], counts[doctor.Fail], counts[doctor.NotSeen])
	_, err := io.WriteString(w, b.String())
	return err
}

func writeFindingsJSON(w io.Writer, version string, findings []doctor.Finding) error {
	return terminal.JSON(w, struct {
		OK       bool             `json:"ok"` // nothing failed
		Version  string           `json:"version"`
		Findings []doctor.Finding `json:"findings"`
	}{doctor.Worst(findings) != doctor.Fail, version, findings})
}
