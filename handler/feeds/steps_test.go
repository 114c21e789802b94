package feeds

import (
	"fmt"
	"slices"
	"time"

	"cordon/local/defendersim"
)

// do lets one step happen.
func (w *world) do(s *step) {
	w.note("%v", s)
	switch s.Kind {
	case addAlert:
		w.addNew(s)
	case change:
		w.alter(s.Nth, s.Change, s.Back)
	case lateChange:
		w.alterLater(s)
	case flap:
		w.flap(s)
	case overtake:
		w.nap(10 * time.Minute)
		w.alter(s.Nth, reopen, false)
		w.alter(s.Nth, toHigh, false)
		w.pass(2 * time.Minute)
		w.alter(s.Nth, resolve, false)
		w.pass(10 * time.Minute)
	case meanwhile:
		w.nap(20 * time.Minute)
		w.add(&step{Severity: "High", Machine: s.Nth % 2}, w.apiNow(), w.apiNow())
		w.pass(3 * time.Minute)
		w.onMachine(&step{Kind: release, Nth: s.Nth})
		w.pass(20 * time.Minute)
	case wait:
		w.pass(s.For)
	case outage:
		w.fail(s)
	case dying:
		w.die(s)
	case hide:
		if id := w.nth(s.Nth); id != "" && !w.deadForGood(theAlerts) {
			w.hiding[id] = true
			w.graph.HideAlert(id, true)
			w.hidden[id] = w.now
			w.cover("an alert that Graph never shows")
		}
	case glitch:
		w.glitches = append(w.glitches, &fault{part: s.Part, left: s.Nth, how: s.How})
	case pageFault:
		w.page = &fault{part: loses, left: s.Nth, until: w.now.Add(s.For)}
		if s.Repeat {
			w.page.part = repeats
		}
	case loseNext:
		w.losing = 1 + s.Nth%2
	case interrupt:
		w.planned = append(w.planned, s)
	case release, byHand, failNext, unplug:
		w.onMachine(s)
	}
}

// flap changes an alert back and forth, with a poll between.
func (w *world) flap(s *step) {
	what := []alteration{toHigh, toMedium, toHigh}
	if s.Change == resolve || s.Change == reopen {
		what = []alteration{resolve, reopen, resolve}
	} else {
		w.cover("severity raised, lowered and raised")
	}
	for _, alteration := range what {
		w.alter(s.Nth, alteration, false)
		w.pass(2 * time.Minute)
	}
}

// nap lets no responder answer for some time.
func (w *world) nap(d time.Duration) { w.fail(&step{Part: theResponder, For: d, How: refused}) }

// addNew shows a new alert, now or later.
func (w *world) addNew(s *step) {
	updated := w.apiNow().Add(s.Dated)
	if s.Same && !w.latest.IsZero() {
		updated = w.latest
		w.cover("equal timestamps")
	}
	w.add(s, updated, updated.Add(s.Late))
	if s.Dated > 0 && !s.Same {
		w.cover("dated in the future")
	}
	if w.feed.Skew != 0 {
		w.cover("clocks apart")
	}
}

// addOld puts an alert into the tenant before Cordon's first start.
func (w *world) addOld(s step) {
	updated := w.apiNow().Add(-s.Gap)
	w.add(&s, updated, updated.Add(s.Late))
	if s.Gap > w.feed.Lookback {
		w.cover("older than the first poll reaches")
	}
}

func (w *world) add(s *step, updated, visible time.Time) {
	id := fmt.Sprintf("da%d", len(w.alerts)+1)
	a := defendersim.Alert{
		ID:         id,
		Severity:   s.Severity,
		Title:      "t",
		Category:   "Malware",
		IncidentID: s.Incident,
		Updated:    updated,
		Created:    updated.Add(-s.Aged),
		Evidence: []defendersim.Evidence{{
			Kind:     "File",
			FileName: "a.exe",
			SHA1:     fmt.Sprintf("%040x", len(w.alerts)),
		}},
	}
	if m := w.sim.Machines(); s.Machine < len(m) {
		a.MachineID = m[s.Machine].ID
	}
	w.alerts, w.latest = append(w.alerts, id), updated
	if visible.Before(w.apiNow()) {
		visible = w.apiNow()
	}
	w.sim.AddAlert(a, visible)
	w.appeared(id, visible)
	w.coverLateness(updated, visible)
}

// coverLateness notes how late the API shows what happened, by the API's clock.
func (w *world) coverLateness(updated, visible time.Time) {
	late := visible.Sub(updated)
	for _, b := range w.broke {
		if from, until := b.from.Add(w.feed.Skew), b.until.Add(w.feed.Skew); b.until.Sub(b.from) >= 30*day &&
			updated.Before(from.Add(-overlap)) && visible.After(from) && visible.Before(until) {
			w.cover("visible late after an outage of a month")
		}
	}
	switch {
	case late >= 6*day:
		w.cover("visible almost seven days late")
	case late >= 3*day:
		w.cover("visible three days late")
	case late >= 6*time.Hour:
		w.cover("visible six hours late")
	case late >= 3*time.Minute:
		w.cover("visible minutes late")
	}
}

// nth is the alert that a step means; "" while there is none.
func (w *world) nth(n int) string {
	if len(w.alerts) == 0 {
		return ""
	}
	return w.alerts[n%len(w.alerts)]
}

// alter changes an alert now. One that is dated in the future stays ahead of itself, unless the true time is wanted.
func (w *world) alter(n int, what alteration, trueTime bool) {
	id := w.nth(n)
	if id == "" {
		return
	}
	at := time.Time{}
	if trueTime && w.stateOf(id).Updated.After(w.apiNow()) {
		at = w.apiNow()
		w.cover("dated in the future, then changed with the true time")
	}
	w.apply(id, what, at)
	w.appeared(id, w.apiNow())
}

func (w *world) apply(id string, what alteration, updated time.Time) {
	var was string
	err := w.sim.UpdateAlert(id, func(a *defendersim.Alert) {
		was = a.Status
		switch what {
		case toHigh, toMedium, toLow:
			a.Severity = string(what)
		case resolve, reopen:
			a.Status = string(what)
		case writeBack:
			a.AssignedTo = "cordon"
			a.Comments = append(a.Comments, defendersim.Comment{
				Text:      "isolated",
				CreatedBy: "cordon",
				Created:   w.apiNow(),
			})
		case addEvidence:
			a.Evidence = append(a.Evidence, defendersim.Evidence{
				Kind:        "Process",
				ProcessID:   int64(len(a.Evidence)),
				CommandLine: "b.exe",
			})
		}
		if !updated.IsZero() {
			a.Updated = updated
		}
	})
	if err != nil {
		w.broken("I1", "%v", err)
	}
	switch {
	case what == writeBack:
		w.cover("our own write-back")
	case what == resolve && was != string(resolve):
		w.cover("resolved")
	case what == reopen && was == string(resolve):
		w.cover("reopened")
	}
}

// alterLater changes an alert; the API shows it later, with the time of the change. If something else changed the alert
// meanwhile, that came with this change, and its time is the newer one.
func (w *world) alterLater(s *step) {
	id, updated := w.nth(s.Nth), w.apiNow()
	if id == "" {
		return
	}
	show := func() {
		at := updated
		if !w.stateOf(id).Updated.Before(updated) {
			at = time.Time{}
		}
		w.apply(id, s.Change, at)
		w.appeared(id, w.apiNow())
		w.coverLateness(updated, w.apiNow())
		w.cover("a change that is visible late")
	}
	w.later = append(w.later, appearance{w.now.Add(s.Late), show})
	slices.SortStableFunc(w.later, func(a, b appearance) int { return a.at.Compare(b.at) })
}

func (w *world) stateOf(id string) defendersim.Alert {
	for _, a := range w.sim.Alerts() {
		if a.ID == id {
			return a
		}
	}
	return defendersim.Alert{}
}

// fail puts a part out of order for some time.
func (w *world) fail(s *step) {
	until := latest(w.down[s.Part].until, w.now.Add(s.For))
	w.down[s.Part] = breakdown{w.now, until, s.How}
	w.broke = append(w.broke, w.down[s.Part])
	w.cover(string(s.Part) + " out")
	for _, length := range []time.Duration{30 * day, 3 * day, 6 * time.Hour} {
		if s.For >= length {
			w.cover(fmt.Sprintf("%s out for %s", s.Part, words(length)))
			return
		}
	}
}

// forGood is the end of a source that does not come back.
var forGood = epoch.AddDate(100, 0, 0)

// die lets a source of alerts show none. One of the two lives on, or comes back, and what only it shows stays there.
func (w *world) die(s *step) {
	other := theGraph
	if s.Part == theGraph {
		other = theAlerts
	}
	until := w.now.Add(s.For)
	if s.For == 0 {
		// Where only one source knows an alert its run waits for that source, however long it is away.
		only := w.feed.OwnIDs || s.Part == theAlerts && len(w.hiding) > 0
		if w.deadForGood(other) || only {
			return
		}
		until = forGood
	}
	w.dead[s.Part] = breakdown{w.now, latest(until, w.dead[s.Part].until), s.How}
	// What comes of it may be late by as much as if the part were out of order.
	w.broke = append(w.broke, breakdown{w.now, w.now.Add(s.For), s.How})
	w.cover(string(s.Part) + " dead: " + string(s.How))
	if s.For == 0 {
		w.cover(string(s.Part) + " dead for good")
	}
}

func (w *world) deadForGood(source part) bool { return w.dead[source].until.Equal(forGood) }

func words(d time.Duration) string {
	switch d {
	case 30 * day:
		return "a month"
	case 3 * day:
		return "three days"
	}
	return "six hours"
}

// onMachine does what happens to machines.
func (w *world) onMachine(s *step) {
	m := w.sim.Machines()[s.Nth%2]
	switch s.Kind {
	case release:
		if !w.sim.Isolated(m.ID) {
			return
		}
		if _, err := w.sim.PortalRelease(m.ID, "analyst@example.com", "clean"); err != nil {
			w.broken("I2", "%v", err)
		}
		w.cover("released in the portal")
	case byHand:
		if _, err := w.sim.PortalIsolate(m.ID, "analyst@example.com", "by hand"); err != nil {
			w.broken("I2", "%v", err)
		}
		w.cover("isolated in the portal")
	case failNext:
		for range 1 + s.Nth/2 {
			w.sim.FailNextAction(m.ID)
		}
		w.cover("an action that fails")
	case unplug:
		if err := w.sim.SetOffline(m.ID, !m.Offline); err != nil {
			w.broken("I2", "%v", err)
		}
		w.cover("machine offline")
	}
}
