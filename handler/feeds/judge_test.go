package feeds

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/notice"
	"cordon/local/defendersim"
	"cordon/local/judge"
	"cordon/local/servicebus"
)

// judge holds what is left at the end against every promise.
func (w *world) judge() {
	if w.failed() {
		return
	}
	if !w.atRest() {
		w.broken("I1", "it does not come to rest")
	}
	runs := w.runs()
	for _, a := range w.sim.Alerts() {
		w.judgeAlert(a, runs[a.ID])
	}
	for _, s := range w.owed {
		w.judgeSight(s)
	}
	w.judgeActions()
	w.judgeMails()
	w.judgeRecord()
	for _, queue := range []string{alertQueue, noticeQueue} {
		for _, r := range w.bus.Records(queue) {
			if r.Fate == servicebus.DeadLettered && !strings.HasPrefix(r.Reason, "TTLExpired") {
				w.broken("I5", "a message of the queue %s is a dead letter: %s", queue, r.Reason)
			}
		}
	}
}

// runs are the runs of all alerts in the tables.
func (w *world) runs() map[string][]judge.Run {
	found := map[string][]judge.Run{}
	for _, r := range judge.Runs(w.tables, "t") {
		found[r.AlertID] = append(found[r.AlertID], r)
	}
	return found
}

// judgeAlert asks for one run a version, each with a recorded decision, and the newest version's in force; and for no
// run at all of what is older than Cordon.
func (w *world) judgeAlert(a defendersim.Alert, runs []judge.Run) {
	id, versions := a.ID, w.versions[a.ID]
	if a.Updated.Before(w.floor) {
		if len(runs)+len(versions) > 0 {
			w.broken("I1", "%s is older than the first poll reaches and was recorded", id)
		}
		return
	}
	if w.listed[id].Sub(a.Updated) < reach && w.recorded(id) != w.hash(a) {
		w.broken("I1", "%s is not recorded as the API shows it", id)
	}
	if len(runs) != len(versions) {
		w.broken("I1", "%s has %d versions and %d runs", id, len(versions), len(runs))
		return
	}
	for i, r := range runs {
		if r.Version != i+1 || r.State != "closed" || r.Outcome == "" {
			w.broken("I1", "%s version %d has no decision: it is %s", id, r.Version, r.State)
			continue
		}
		w.cover(r.Outcome)
		if strings.Contains(r.Reason, "asked for by analyst@example.com") {
			w.cover("joined an isolation by hand")
		}
		if why := w.wrongOutcome(r, versions[i], i == len(runs)-1); why != "" {
			w.broken("I2", "%s version %d of %d ended as %q: %s", id, i+1, len(runs), r.Outcome, why)
			w.note("%s: %s, closed %v after the first start", r.Reason, alert.RunID(id, r.Version),
				r.ClosedAt.Sub(epoch))
		}
	}
}

// wrongOutcome says why a run must not have ended as it did; "" if it may.
func (w *world) wrongOutcome(r judge.Run, v version, newest bool) string {
	a := w.facts[v.hash]
	asked := a.Severity == alert.High && a.Status != alert.StatusResolved
	at, known := w.machineAt[a.MachineID]
	stale := r.ClosedAt.Sub(a.Created) > staleAfter
	switch {
	case r.Outcome == "superseded" && newest:
		return "nothing is newer"
	case r.Outcome == "superseded":
		return ""
	case !asked && r.Outcome != "no rule":
		return "no rule asks for it"
	case !asked:
		return ""
	case !known && r.Outcome != "no machine":
		return "it names no machine"
	case !known:
		return ""
	case at == 2 && r.Outcome != "held":
		return "the machine is protected"
	case at == 2:
		return ""
	case w.fromBefore(a) && r.Outcome != "held":
		return "it is from before the ledger's beginning"
	case w.fromBefore(a):
		w.cover("from before the beginning")
		return ""
	}
	switch r.Outcome {
	case "isolated", "not isolated":
		if !w.hasEnded(a.MachineID, r.Outcome == "isolated", r.ClosedAt) {
			return "no action of the machine says so"
		}
		since := v.recorded
		if newest {
			since = since.Add(staleAfter) // who joins an isolation shortly before it is lifted is decided again
		}
		if r.Outcome == "isolated" && !w.stoodAfter(a.MachineID, since) {
			return "the isolation was lifted before, or shortly after the alert was seen"
		}
		return ""
	case "held":
		if !stale {
			return "the alert is not stale"
		}
		if w.hasEnded(a.MachineID, false, r.ClosedAt) || w.releasedBetween(a.MachineID, v.recorded, r.ClosedAt) {
			// an action failed, or a release that was not meant for the alert took effect, and by then it was too old
			return ""
		}
		spare := staleAfter - v.recorded.Sub(a.Created)
		inTheWay := w.outBetween(v.recorded, r.ClosedAt) + w.releasing(a.MachineID, v.recorded, r.ClosedAt) +
			w.lostFor(r)
		if spare > inTheWay+2*time.Hour {
			return "it became stale while nothing was in the way"
		}
		return ""
	case "released":
		if !w.releasedAfter(a.MachineID, w.versions[a.ID][0].recorded) {
			return "nobody released the machine after the alert was first seen"
		}
		return ""
	}
	return "the machine must be isolated"
}

// fromBefore reports whether an alert is older than the ledger's beginning: nobody knows what was done about it.
func (w *world) fromBefore(a alert.Alert) bool {
	for _, row := range w.tables.Rows("tswitches") {
		if row.RowKey != "beginning" {
			continue
		}
		text, _ := row.Properties["At"].(string)
		at, err := time.Parse(time.RFC3339Nano, text)
		return err == nil && a.Created.Before(at)
	}
	return false
}

// hasEnded reports whether an isolation of the machine had Succeeded by a time, or had ended otherwise.
func (w *world) hasEnded(machineID string, succeeded bool, by time.Time) bool {
	return slices.ContainsFunc(w.sim.Actions(), func(a defendersim.Action) bool {
		status := a.StatusAt(by.Add(w.feed.Skew))
		return a.Type == defendersim.Isolate && a.MachineID == machineID && status.Final() &&
			(status == defendersim.Succeeded) == succeeded
	})
}

// lifted is when the service lifts an isolation that Succeeded, by the API's clock.
func lifted(a defendersim.Action) time.Time { return a.Updated.Add(isolationLift) }

// apart is how far the clocks are apart, and a little more for what is read one after the other.
func (w *world) apart() time.Duration { return w.feed.Skew.Abs() + 2*time.Second }

// stoodAfter reports whether an isolation of the machine that Succeeded was not lifted before a time, by our clock.
func (w *world) stoodAfter(machineID string, at time.Time) bool {
	return slices.ContainsFunc(w.sim.Actions(), func(a defendersim.Action) bool {
		return a.Type == defendersim.Isolate && a.MachineID == machineID && a.Status == defendersim.Succeeded &&
			lifted(a).After(at.Add(-w.apart()))
	})
}

// listShared is how long a list of what is under way is shared by the runs of a process.
const listShared = 30 * time.Second

// isolatedAt reports whether a machine was isolated by Cordon alone at a time, by the API's clock, and not about to be
// lifted: it may be taken for lifted as much earlier as our clock is ahead. What somebody else did is not looked up for
// what is held.
func (w *world) isolatedAt(machineID string, at time.Time) bool {
	byHand := slices.ContainsFunc(w.sim.Actions(), func(a defendersim.Action) bool {
		return a.Type == defendersim.Isolate && a.MachineID == machineID && a.RequestSource == defendersim.Portal
	})
	return !byHand && w.sim.IsolatedAt(machineID, at) && w.sim.IsolatedAt(machineID, at.Add(w.apart()))
}

// askedJustBefore reports whether an isolation was asked for in the last moments before a lift, by the API's clock: the
// machine is taken for lifted as much earlier as our clock is ahead, and may be isolated again at once.
func (w *world) askedJustBefore(machineID string, lift time.Time) bool {
	return slices.ContainsFunc(w.sim.Actions(), func(a defendersim.Action) bool {
		return a.Type == defendersim.Isolate && a.MachineID == machineID && a.RequestSource == defendersim.PublicAPI &&
			!a.Created.After(lift) && a.Created.After(lift.Add(-w.apart()))
	})
}

// releasedAfter reports whether the machine was released no earlier than a time, by our clock. What a few seconds
// decide may go either way: the API's clock and ours are read one after the other.
func (w *world) releasedAfter(machineID string, at time.Time) bool {
	return slices.ContainsFunc(w.sim.Actions(), func(a defendersim.Action) bool {
		return a.Type == defendersim.Unisolate && a.MachineID == machineID &&
			!a.Created.Add(-w.feed.Skew).Before(at.Add(-2*time.Second))
	})
}

// releasedBetween reports whether a release of the machine took effect between two moments, by our clock.
func (w *world) releasedBetween(machineID string, from, to time.Time) bool {
	return slices.ContainsFunc(w.sim.Actions(), func(a defendersim.Action) bool {
		at := a.Updated.Add(-w.feed.Skew)
		return a.Type == defendersim.Unisolate && a.MachineID == machineID && a.Status == defendersim.Succeeded &&
			!at.Before(from) && !at.After(to)
	})
}

// releasing is how long a release of the machine was under way between two moments, at most: an isolation waits for it.
func (w *world) releasing(machineID string, from, to time.Time) time.Duration {
	var under time.Duration
	for _, a := range w.sim.Actions() {
		if a.Type != defendersim.Unisolate || a.MachineID != machineID {
			continue
		}
		begin, end := latest(a.Created.Add(-w.feed.Skew), from), to
		if ended := a.Updated.Add(-w.feed.Skew); a.Status.Final() && ended.Before(to) {
			end = ended
		}
		under += max(end.Sub(begin), 0)
	}
	return under
}

// outBetween is how long something was out of order between two moments, at most.
func (w *world) outBetween(from, to time.Time) time.Duration {
	var out time.Duration
	for _, b := range w.broke {
		if begin, end := latest(b.from, from), b.until; begin.Before(to) && end.After(begin) {
			out += min(end.Sub(begin), to.Sub(begin))
		}
	}
	return out
}

// lostFor is how long a run may take longer because messages about it were lost: each until the sweep finds that it
// stands still, which it looks at ever more rarely.
func (w *world) lostFor(r judge.Run) time.Duration {
	var wait time.Duration
	for _, id := range w.losses {
		if strings.HasPrefix(id+":", alert.MessageID(tenant, r.AlertID, r.Version)+":") {
			wait += 2 * time.Hour
		}
	}
	return wait
}

// judgeSight asks for a version for everything that a complete poll was shown: the one in force at its time, unless
// what came later was recorded first.
func (w *world) judgeSight(s sight) {
	if s.updated.Before(w.floor) {
		return
	}
	inForce := ""
	for _, v := range w.versions[s.id] {
		if !v.updated.After(s.updated) {
			inForce = v.hash
		}
	}
	if all := w.versions[s.id]; inForce == "" && len(all) > 0 {
		return
	}
	if inForce != s.hash {
		w.broken("I1", "%s was shown to a complete poll and has no version", s.id)
	}
}

// judgeActions asks for no isolation of ours while another one of the machine stands: one an episode.
func (w *world) judgeActions() {
	last := map[string]defendersim.Action{}
	released := map[string]time.Time{}
	actions := w.sim.Actions()
	slices.SortStableFunc(actions, func(a, b defendersim.Action) int { return a.Created.Compare(b.Created) })
	for _, a := range actions {
		if a.Type == defendersim.Unisolate {
			released[a.MachineID] = a.Created
			continue
		}
		before, again := last[a.MachineID]
		last[a.MachineID] = a
		if !again || a.RequestSource != defendersim.PublicAPI {
			continue
		}
		status := before.StatusAt(a.Created)
		if before.RequestSource == defendersim.Portal && a.Created.Sub(before.Updated) <= w.feed.ListLag+listShared {
			continue // the list that was looked at does not have it yet
		}
		over := released[a.MachineID].After(before.Created) || !a.Created.Before(lifted(before).Add(-w.apart()))
		if status == defendersim.Succeeded && !a.Created.Before(lifted(before)) {
			w.cover("isolated anew after a lift")
		}
		if !status.Final() || status == defendersim.Succeeded && !over {
			w.broken("I2", "machine %d is isolated a second time while its isolation is %s", w.machineAt[a.MachineID],
				status)
		}
	}
	for id, i := range w.machineAt {
		if _, touched := last[id]; touched && i == 2 {
			w.broken("I2", "the protected machine was isolated")
		}
	}
}

// mail is a mail with when it came.
type mail struct {
	notice.Mail
	at time.Time
}

// mailed holds a mail against what is so when it comes.
func (w *world) mailed(m notice.Mail) {
	w.note("mail: %s", m.Subject)
	if slices.ContainsFunc(w.mails, func(before mail) bool { return before.ID == m.ID }) {
		w.broken("I4", "a mail was sent twice")
	}
	w.mails = append(w.mails, mail{m, w.now})
	for _, c := range judge.Claims(m.Text) {
		if strings.HasPrefix(c.Outcome, "No longer isolated") {
			w.cover("lifted by the service")
		}
		if strings.HasPrefix(c.Outcome, "Nothing was done") && strings.Contains(m.Text, "It is asked for again") &&
			strings.Contains(m.Text, "It is not asked for again: ") {
			continue // a later version of the alert took the promise back
		}
		if why := w.untrue(c); why != "" {
			w.broken("I3", "a mail says %q of machine %d: %s", c.Outcome, w.machineAt[c.MachineID], why)
		}
	}
}

// follows reports whether FollowActions runs: nobody else knows what became of an action, and a mail says as of when.
func (w *world) follows() bool {
	_, asleep := w.isDown(theFollower)
	return !asleep
}

// untrue says why a claim is not so; "" if it is.
func (w *world) untrue(c judge.Claim) string {
	status := defendersim.Status("")
	released := false
	for _, a := range w.sim.Actions() {
		if a.ID == c.Action && a.Type == defendersim.Isolate {
			status = a.Status
		}
		released = released || a.MachineID == c.MachineID && a.Type == defendersim.Unisolate
	}
	for said, want := range map[string]defendersim.Status{
		"Isolated":                                    defendersim.Succeeded,
		"Not isolated: the action failed":             defendersim.Failed,
		"Not isolated: the machine did not come back": defendersim.TimeOut,
		"Not isolated: the action was cancelled":      defendersim.Cancelled,
	} {
		if strings.HasPrefix(c.Outcome, said) && status != want {
			return fmt.Sprintf("its action is %q", status)
		}
	}
	switch {
	case strings.HasPrefix(c.Outcome, "Isolation requested") && status == "":
		return "there is no such action"
	case strings.HasPrefix(c.Outcome, "Isolation requested") && c.AsOf.Before(w.now.Add(-day)) && status.Final() &&
		w.follows():
		return "its action ended long ago"
	case (c.Outcome == "Released" || strings.HasPrefix(c.Outcome, "Not isolated: it was released")) && !released:
		return "nobody released it"
	case strings.HasPrefix(c.Outcome, "Not isolated: held") &&
		w.isolatedAt(c.MachineID, c.AsOf.Add(w.feed.Skew-2*time.Second)):
		return "it was isolated"
	case strings.HasPrefix(c.Outcome, "No longer isolated") &&
		w.sim.IsolatedAt(c.MachineID, c.AsOf.Add(time.Second)) && !w.askedJustBefore(c.MachineID, c.AsOf):
		return "it was not lifted"
	}
	for _, never := range []string{
		"A second isolation", "Not isolated: Defender refused", "Not isolated: not found", "Not isolated yet",
		"Would isolate", "Nothing was done",
	} {
		if strings.HasPrefix(c.Outcome, never) {
			return "nothing of that kind happened"
		}
	}
	return ""
}
