package judge

import (
	"slices"
	"strings"
)

// Finding is a row of a hunt that became work.
type Finding struct {
	MachineID string
	Answered  bool // it has a recorded decision
}

// hunting asks for one answered finding of every machine that the hunt finds, and for one mail with its rows.
func (j *judge) hunting() {
	j.v.Hunts, j.v.Findings = j.Hunts, len(j.Findings)
	for _, id := range j.Hunted {
		if !slices.ContainsFunc(j.Findings, func(f Finding) bool { return f.MachineID == id && f.Answered }) {
			j.lost("the hunt found machine %s, and that has no recorded decision", j.machines[id].Name)
		}
	}
	if len(j.Findings) > len(j.Hunted) {
		j.problem("%d findings for %d rows", len(j.Findings), len(j.Hunted))
	}
	mails := 0
	for _, m := range j.Mails {
		// Mails about a finding have the hunt's name too, in the title of their alert.
		if strings.HasPrefix(m.Subject, "[Cordon] Hunt ") {
			mails++
		}
	}
	if len(j.Hunted) > 0 && mails != 1 {
		j.problem("the rows of the hunt were mailed %d times", mails)
	}
}
