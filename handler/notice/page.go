package notice

import (
	"cmp"
	"maps"
	"slices"

	"cordon/handler/alert"
	"cordon/handler/isolation"
	"cordon/handler/notice/clock"
	"cordon/handler/notice/oneline"
	"cordon/handler/portal"
)

// page is what one mail says.
type page struct {
	Subject  string
	Headline string
	Machines []machineLine
	Alerts   []alertLine
	Others   []Event // events about no machine
	Incident int64   // that the news is about; 0: none
	Clock    clock.Clock
	Portal   portal.Portal
	Console  portal.Console
}

// machineLine is the state of one machine in one respect, such as its isolation, as far as it was told.
type machineLine struct {
	Name, ID string
	Outcome  string // begins with one of the fixed words of outcomeOf
	Tone     string // good, wait, bad or calm: the colour of the outcome
	Event    Event
	Known    known
	What     string // what a person can do
	History  []Event
}

// alertLine is one alert that led to what is told.
type alertLine struct {
	ID, Title, Severity, Rule, Note string
	Key                             string // as the ledger has it: of a finding, or of an alert on several machines
}

// subject is what the event is about: a machine, and of it the isolation or the step. Of a machine the isolation comes
// first.
func (e Event) subject() string { return e.MachineID + " " + e.Step }

// summarize makes the page of one sequence: what is new in it, in the light of everything told before.
func summarize(events []Event, seq int) page {
	slices.SortStableFunc(events, inOrder)
	byMachine := map[string][]Event{}
	var p page
	alerts := map[string]alertLine{}
	for _, e := range events {
		if e.MachineID != "" {
			byMachine[e.subject()] = append(byMachine[e.subject()], e)
		} else if e.seq == seq {
			p.Others = append(p.Others, e)
		}
	}
	news := newsOf(byMachine, seq)
	for _, id := range slices.Sorted(maps.Keys(byMachine)) {
		if news[id] {
			line := lineOf(byMachine[id])
			line.Known = knownOf(events, line.ID)
			p.Machines = append(p.Machines, line)
		}
	}
	for _, e := range events {
		if e.AlertID != "" && (news[e.subject()] || (e.MachineID == "" && e.seq == seq)) {
			id := alert.APIID(e.AlertID) // an alert on several machines is one
			before, known := alerts[id]
			p.Incident = cmp.Or(e.Incident, p.Incident)
			if !known || e.Title != "" {
				alerts[id] = alertLine{
					ID:       id,
					Key:      e.AlertID,
					Title:    e.Title,
					Severity: e.Severity,
					Rule:     e.Rule,
					Note:     cmp.Or(e.Note, before.Note),
				}
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(alerts)) {
		p.Alerts = append(p.Alerts, alerts[id])
	}
	p.Headline = headline(p)
	p.Subject = "[Cordon] " + oneline.Of(p.Headline, 160)
	return p
}

// inOrder compares events by when they were told.
func inOrder(a, b Event) int {
	return cmp.Or(
		cmp.Compare(a.seq, b.seq),
		a.told.Compare(b.told),
		cmp.Compare(rank(a.Kind), rank(b.Kind)),
	)
}

// newsOf are the subjects that a sequence has news of. That something was asked for is none where an earlier sequence
// has told what became of it: it was recorded late, by a run that met trouble in between. A sequence of nothing else
// tells it all the same.
func newsOf(byMachine map[string][]Event, seq int) map[string]bool {
	news := map[string]bool{}
	late := map[string]bool{}
	for subject, events := range byMachine {
		for _, e := range events {
			overtaken := func(f Event) bool {
				return f.seq < seq &&
					f.Episode == e.Episode &&
					rank(f.Kind) > rank(e.Kind)
			}
			switch {
			case e.seq != seq:
			case e.Episode > 0 && slices.ContainsFunc(events, overtaken):
				late[subject] = true
			default:
				news[subject] = true
			}
		}
	}
	if len(news) == 0 {
		return late
	}
	return news
}

// rank orders events of the same episode, which may be recorded at the same moment: what is asked for comes before what
// became of it, and its end comes last.
func rank(k Kind) int {
	switch k {
	case Requested:
		return 0
	case StillPending:
		return 1
	case Released, ByRule, Lifted:
		return 3
	}
	return 2
}

func lineOf(events []Event) machineLine {
	last := events[len(events)-1]
	for _, e := range events {
		// Whatever was recorded last: once an episode has an outcome, it is no longer merely asked for.
		if e.Episode > 0 &&
			e.Episode == last.Episode &&
			rank(e.Kind) > rank(last.Kind) {
			last = e
		}
	}
	outcome, tone, what := outcomeOf(last)
	name := last.MachineName
	if name == "" {
		name = "machine without a name"
	}
	return machineLine{
		Name:    name,
		ID:      last.MachineID,
		Outcome: outcome,
		Tone:    tone,
		Event:   last,
		What:    what,
		History: events,
	}
}

// outcomeOf puts an event into words. The first words are fixed: people filter on them, and so do checks.
func outcomeOf(e Event) (outcome, tone, what string) {
	if e.Stands != "" {
		return standingOutcome(e)
	}
	if e.Step != "" {
		return stepOutcome(e)
	}
	switch e.Kind {
	case Requested:
		return isolation.Requested.Sentence() + ", not confirmed yet", "wait",
			"Nothing. A mail follows when Defender reports the outcome."
	case StillPending:
		return isolation.Requested.Sentence() + ", still not confirmed", "wait",
			"The machine may be offline. Defender keeps trying for up to three days. Take it off the network by " +
				"hand if that is too long."
	case Isolated:
		return isolation.Isolated.Sentence(), "good",
			"Investigate, then release the machine by cordon release or in the Defender portal."
	case Failed:
		return isolation.Not.Sentence() + ": the action failed", "bad",
			e.orAgain("Isolate the machine in the Defender portal or take it off the network.")
	case TimedOut:
		return isolation.Not.Sentence() + ": the machine did not come back in time", "bad",
			e.orAgain("Take the machine off the network, or isolate it again once it is back.")
	case Cancelled:
		return isolation.Not.Sentence() + ": the action was cancelled", "bad",
			"Ask who cancelled it. Isolate the machine in the Defender portal if it is still needed."
	case ByRule:
		return isolation.Released.Sentence(), "calm", "Nothing. A rule of the playbook asked for it."
	case Released:
		return isolation.Released.Sentence(), "calm",
			"Nothing. Cordon does not isolate it again for alerts seen before the release, unless one becomes more " +
				"severe or is opened again."
	case LiftsSoon:
		return isolation.Isolated.Sentence() + ", until Defender lifts it soon", "wait",
			"See to it that the machine is clean by then, or take it off the network. Cordon does not isolate it " +
				"again by itself: only for an alert that comes shortly before or after that."
	case Lifted:
		return isolation.Lifted.Sentence() + ": Defender lifts an isolation after a time", "bad",
			"Isolate the machine in the Defender portal if it is still needed. Cordon decides again about alerts that " +
				"came shortly before, and about new ones."
	case Duplicate:
		return "A second isolation request was sent", "bad", "Check the machine's actions in the Defender portal."
	}
	return notAsked(e)
}

// notAsked is outcomeOf for an isolation that was not asked for, or not taken.
func notAsked(e Event) (outcome, tone, what string) {
	switch e.Kind {
	case ReleasedEarly:
		return isolation.Not.Sentence() + ": it was released after this alert was seen", "calm",
			"Isolate the machine in the Defender portal if the release was too early."
	case Refused:
		return isolation.Not.Sentence() + ": Defender refused", "bad", "Isolate the machine in another way."
	case Denied:
		return isolation.Not.Sentence() + " yet: a permission is missing", "bad", grantIt
	case Held:
		return isolation.Not.Sentence() + ": held for a person", "wait", e.decide("isolate the machine")
	case Waits:
		return "Isolation waits for a release that is under way", "bad", waitOrAct
	case WouldIsolate:
		return "Would isolate (observe mode, nothing was done)", "calm",
			"Set CORDON_MODE and the playbook's mode to enforce when you trust the rules."
	case NotFound:
		if e.Rule == "" {
			// No rule was asked: whether one wanted an isolation is not known.
			return "Nothing was done: the machine was not found", "bad", lookUp
		}
		return isolation.Not.Sentence() + ": not found", "bad", lookUp
	}
	return "Nothing was done", "calm", ""
}

// Reported reports whether something that the page says of a machine is the API's word on an action.
func (p page) Reported() bool {
	return slices.ContainsFunc(p.Machines, func(l machineLine) bool {
		switch l.Event.Kind {
		case Requested, StillPending, Isolated, Failed, TimedOut, Cancelled, Released, ByRule:
			return true
		}
		return l.Event.Kind == Done && l.Event.Action != ""
	})
}
