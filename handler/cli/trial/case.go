// Package trial has the commands that hold playbooks against cases: one tries them, one makes a case of a run.
package trial

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cordon/handler/app/setup"
	"cordon/handler/cli/call"
	"cordon/handler/cli/cases"
	"cordon/handler/cli/cases/anonymous"
	"cordon/handler/cli/cases/fromrun"
	"cordon/handler/config"
	"cordon/handler/decided"
	"cordon/handler/incoming"
	"cordon/handler/playbook"
	"cordon/handler/playbook/explain"
	"cordon/handler/terminal"
)

// making is one call of case.
type making struct {
	call.Operator
	path      string // of the playbook
	anonymous bool
}

// Case makes the command that makes a case of a run.
func Case(p call.Program) *cobra.Command {
	x := &making{Operator: call.Operator{Program: p}}
	c := &cobra.Command{
		Use:   "case RUN|ALERT",
		Short: "Make a case of a run: its facts, and the plan as it was decided",
		Long: "Prints a file of cases, as cordon test reads it: the facts that the run was\n" +
			"decided on, and the plan of then, before a person let anything go on. Of an\n" +
			"alert it is the newest version. --playbook is the path that the file gets\n" +
			"(default: CORDON_PLAYBOOK or playbook.yaml); begin it in the folder where the\n" +
			"file will be. The case is tried with that playbook: if the plan is another, or\n" +
			"if not all facts were kept, the file says so at its top, and so does standard\n" +
			"error.\n\n" +
			"--anonymous gives names, users, addresses, ids and domains stand-ins, the same\n" +
			"one wherever a name stands. Texts that people or detections wrote may hold names\n" +
			"that nothing else in the facts does: read the case before you give it away." +
			call.Exits,
		Example: "  cordon case da638994417204415533_-1184209733:v2 > night.test.yaml\n" +
			"  cordon test night.test.yaml\n" +
			"  cordon case --anonymous da638994417204415533_-1184209733 > report.test.yaml\n" +
			"  cd playbooks && cordon case --playbook graduated.yaml RUN > graduated-night.test.yaml",
		Args: call.Exactly(1, "case takes one run or alert"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return x.run(cmd, args[0])
		},
	}
	x.AppFlag(c)
	c.Flags().BoolVar(&x.Direct, "direct", false, "go round the app, with its settings in the environment")
	c.Flags().StringVar(&x.path, "playbook", "", "path of the playbook, from the folder where the file will be")
	c.Flags().BoolVar(&x.anonymous, "anonymous", false, "give names, users, addresses and ids stand-ins")
	return c
}

func (x *making) run(cmd *cobra.Command, which string) error {
	d, err := x.read(cmd, which)
	if err != nil {
		return err
	}
	made := fromrun.Case{
		Playbook: cmp.Or(x.path, x.Getenv("CORDON_PLAYBOOK"), "playbook.yaml"),
		Decision: d,
	}
	if x.anonymous {
		made.Decision, err = anonymous.Of(d, patternsOf(made.Playbook))
		if err != nil {
			return err
		}
	}
	for _, left := range made.Decision.Left {
		made.Notes = append(made.Notes, "Its facts are not whole: "+terminal.Plain(left, call.FactShown))
	}
	text, err := tried(&made)
	if err != nil {
		return err
	}
	for _, note := range made.Notes {
		x.Tell(cmd, terminal.Plain(note, call.FactShown))
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}

func (x *making) read(cmd *cobra.Command, which string) (decided.Decision, error) {
	desk, done, err := x.Desk(cmd, config.Ledger)
	if err != nil {
		return decided.Decision{}, err
	}
	defer done()
	d, err := desk.Decision(cmd.Context(), which)
	if err == nil && d.Facts.Alert.ID == "" {
		err = fmt.Errorf("what run %s was decided on is lost: %s", d.Run, strings.Join(d.Left, "; "))
	}
	return d, err
}

// tried is a case as a file, tried with its playbook. If the plan is as it was, the case names steps as that playbook
// does, which for stand-ins has other addresses; if it is not, the case says so.
func tried(made *fromrun.Case) ([]byte, error) {
	book, err := setup.Book(made.Playbook)
	if err != nil {
		made.Notes = append(made.Notes, "It was not tried: the playbook "+made.Playbook+" cannot be read from here.")
		return made.YAML()
	}
	plan := book.Decide(made.Decision.Facts.Input())
	if alike(made.Decision, plan) {
		made.Decision.Steps = plan.Steps
		made.Why = whyOf(plan)
	}
	text, err := made.YAML()
	if err != nil {
		return nil, err
	}
	results, err := cases.Try(text, book)
	switch {
	case err != nil:
		made.Notes = append(made.Notes, "cordon test cannot read it: "+err.Error())
	case !results[0].OK:
		made.Notes = append(made.Notes,
			fmt.Sprintf("With the playbook %s the plan is another than it was: %s.", made.Playbook, said(plan)))
		if book.Hash() != made.Decision.Playbook {
			made.Notes = append(made.Notes, fmt.Sprintf("That playbook, digest %.12s, is not the one that decided; "+
				"--playbook names another.", book.Hash()))
		}
	default:
		return text, nil
	}
	return made.YAML()
}

// whyOf is why a step of a plan is held or skipped; empty if none is.
func whyOf(plan playbook.Plan) string {
	explained := explain.Plan(plan)
	for _, s := range plan.Steps {
		stopped := s.Verdict == playbook.Held || s.Verdict == playbook.Skipped
		if stopped && strings.Contains(explained, s.Why) {
			return s.Why
		}
	}
	return ""
}

// alike reports whether a plan wants what was decided.
func alike(d decided.Decision, plan playbook.Plan) bool {
	same := func(a, b playbook.Step) bool {
		return a.Kind == b.Kind && a.Scope == b.Scope && a.Verdict == b.Verdict && a.Remove == b.Remove
	}
	return plan.Rule == d.Rule && slices.EqualFunc(d.Steps, plan.Steps, same)
}

// said is a plan in a few words.
func said(plan playbook.Plan) string {
	text := "rule " + plan.Rule
	if plan.Rule == "" {
		text = "no rule"
	}
	for _, s := range plan.Steps {
		text += fmt.Sprintf(", %s: %s", s, s.Verdict)
	}
	return text
}

// patternsOf are the texts of a playbook that have a * or a ? in them.
func patternsOf(path string) []string {
	body, err := incoming.File(path)
	if err != nil {
		return nil // that it cannot be read is told otherwise
	}
	return regexp.MustCompile(`[A-Za-z0-9._*?-]*[*?][A-Za-z0-9._*?-]*`).FindAllString(string(body), -1)
}
