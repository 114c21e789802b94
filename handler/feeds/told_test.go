package feeds

import (
	"fmt"
	"strings"

	"cordon/handler/notice"
	"cordon/local/defendersim"
	"cordon/local/judge"
)

// judgeMails holds the last word that every group of people got against the simulator's final state, and asks for a
// word about every action and every run that a person must look at.
func (w *world) judgeMails() {
	last := map[string]judge.Claim{}
	var text strings.Builder
	for _, m := range w.mails {
		text.WriteString(m.Text)
		group := m.ID[:strings.LastIndexByte(m.ID[:strings.IndexByte(m.ID, '@')], '.')]
		for _, c := range judge.Claims(m.Text) {
			last[group+" "+c.MachineID] = c
		}
	}
	for _, c := range last {
		switch {
		case strings.HasPrefix(c.Outcome, "Isolation requested"):
			w.broken("I3", "the last word on machine %d is %q although its action ended", w.machineAt[c.MachineID],
				c.Outcome)
		case strings.HasPrefix(c.Outcome, "Isolated") && !w.sim.Isolated(c.MachineID) &&
			!w.sim.IsolatedAt(c.MachineID, w.now.Add(-longestGap)):
			w.broken("I3", "the last word on machine %d is that it is isolated, and it is not",
				w.machineAt[c.MachineID])
		}
	}
	for _, a := range w.sim.Actions() {
		if a.Type == defendersim.Isolate && a.RequestSource == defendersim.PublicAPI &&
			!strings.Contains(text.String(), fmt.Sprintf("Action %s is %s", a.ID, a.Status)) {
			w.broken("I3", "nobody was told that the isolation of machine %d ended as %s", w.machineAt[a.MachineID],
				a.Status)
		}
	}
	for id, runs := range w.runs() {
		for _, r := range runs {
			silent := r.Outcome != "held" && r.Outcome != "no machine" ||
				strings.Contains(r.Reason, "is still under way")
			if !silent && !strings.Contains(text.String(), "\n  "+id+" ") &&
				!strings.Contains(text.String(), "\n  "+id+"\n") {
				w.broken("I3", "nobody was told that %s is %s", id, r.Outcome)
			}
		}
	}
	for _, row := range w.tables.Rows("tnotices") {
		if strings.HasSuffix(row.PartitionKey, "|due") && row.Properties["State"] != string(notice.Kind("sent")) {
			w.broken("I4", "a notice is not sent")
		}
	}
}
