package cases

import (
	"errors"
	"fmt"

	"cordon/handler/cli/cases/standing"
	"cordon/handler/playbook"
	"cordon/handler/playbook/explain"
)

// Report is what became of all cases.
type Report struct {
	Results   []Result  `json:"cases"`
	Broken    []Finding `json:"broken,omitempty"`    // files, or cases, that could not be tested
	Neglected []Finding `json:"neglected,omitempty"` // what passes by neglect
	Books     []string  `json:"-"`                   // the playbooks that were named
}

// Result is what became of one case, or of one moment of it.
type Result struct {
	File string `json:"file"`
	Line int    `json:"line"` // of the case in its file
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Diff string `json:"diff,omitempty"` // lines with - for what was wanted, + for what was decided
	plan playbook.Plan
	came []standing.Outcome
}

// Finding is something about a file that is no plan.
type Finding struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	What string `json:"what"`
}

// Explain says why the plan is what it is, and what its machine actions come to.
func (r Result) Explain() string {
	text := explain.Plan(r.plan)
	for _, o := range r.came {
		text += fmt.Sprintf("  %s: %s", o.Step, o.Word)
		if o.Why != "" {
			text += ", " + o.Why
		}
		text += "\n"
	}
	return text
}

// Failed is how many plans are not as wanted.
func (r Report) Failed() (n int) {
	for _, one := range r.Results {
		if !one.OK {
			n++
		}
	}
	return n
}

// Err says what is wrong, nil if nothing is.
func (r Report) Err() error {
	var wrong []error
	for _, one := range r.Broken {
		wrong = append(wrong, errors.New(one.What))
	}
	if n := r.Failed(); n > 0 {
		wrong = append(wrong, fmt.Errorf("%d of %d case(s) have another plan than wanted", n, len(r.Results)))
	}
	if n := len(r.Neglected); n > 0 {
		wrong = append(wrong, fmt.Errorf("%d thing(s) pass by neglect, and with --strict there may be none", n))
	}
	return errors.Join(wrong...)
}
