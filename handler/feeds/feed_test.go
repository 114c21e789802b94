package feeds

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// feed is what happens in a tenant, and to Cordon, as data: it is drawn whole before it is played, so that one that
// breaks a promise is printed as it is and played again from its seed.
type feed struct {
	Source   source        // where alerts are read
	GraphLag time.Duration // how long ago what Graph shows of the tenant was so
	OwnIDs   bool          // of two sources: Graph has ids of its own, and does not tell Defender's
	Skew     time.Duration // of the API's clock against ours
	ListLag  time.Duration // how much later than by id alerts and actions are listed
	Acting   time.Duration // how long a machine takes to carry an action out
	Window   time.Duration // of the broker's duplicate detection; 0: none
	Lookback time.Duration
	Fresh    bool   // the ledger begins with the feed; else it has known the tenant for long
	Order    order  // in which messages that wait are delivered
	Chance   uint64 // seeds what the broker does by chance: redelivery, and the order if it is shuffled
	Old      []step // what the tenant had before Cordon's first start; Gap is how long before
	Planned  []step // interrupts that wait from the beginning
	First    []step // alerts that come first
	Steps    []step
}

// order is the order in which messages that wait together are delivered.
type order string

const (
	oldestFirst order = "oldest first"
	newestFirst order = "newest first"
	shuffled    order = "shuffled"
)

// source is a setting of CORDON_ALERT_SOURCE.
type source string

const (
	fromDefender source = "defender"
	fromGraph    source = "graph"
	fromBoth     source = "both"
)

// kind is what a step does.
type kind string

const (
	addAlert   kind = "alert"       // the API has a new alert
	change     kind = "change"      // an alert changes
	lateChange kind = "late change" // an alert changes, and the API shows it later, with the time of the change
	// an alert's severity is raised, lowered and raised, or it is resolved and reopened, some time apart
	flap      kind = "flap"
	overtake  kind = "overtake"     // an alert is raised and then resolved while nobody answers
	meanwhile kind = "meanwhile"    // a machine is released while an alert on it waits for its answer
	outage    kind = "outage"       // a part is out of order for some time
	dying     kind = "dying"        // one of two sources of alerts shows none for some time, or for good
	hide      kind = "hide"         // Graph never shows an alert, of two sources
	glitch    kind = "glitch"       // a single call of a part fails
	pageFault kind = "page"         // the next lists of alerts repeat or lose an item at the edge
	loseNext  kind = "lost message" // the broker loses the next messages
	interrupt kind = "interrupt"    // something happens in the middle of the next call of the API
	release   kind = "release"      // somebody releases a machine in the portal
	byHand    kind = "by hand"      // somebody isolates a machine in the portal
	failNext  kind = "failure"      // the next action of a machine fails
	unplug    kind = "offline"      // a machine goes offline, or comes back
	wait      kind = "wait"         // time passes
)

// part is what can be out of order.
type part string

const (
	theAPI       part = "API"
	theQueue     part = "queue"
	theLedger    part = "ledger"
	thePoller    part = "poller" // its function does not run
	theResponder part = "responder"
	theFollower  part = "follower"
	everything   part = "everything"

	theAlerts part = "Defender's alerts" // the API does all else
	theGraph  part = "Graph"
)

// how is the way in which calls fail.
type how string

const (
	refused how = "refused" // no connection: certainly not carried out
	failing how = "failing" // an error of the service
	lost    how = "lost"    // carried out, the answer is lost
	cut     how = "cut"     // carried out, the answer breaks off

	// how a source of alerts dies
	gone   how = "gone"   // 410
	denied how = "denied" // 403
	empty  how = "empty"  // it lists nothing
)

// alteration is what a change does to an alert.
type alteration string

const (
	toHigh      alteration = "High"
	toMedium    alteration = "Medium"
	toLow       alteration = "Low"
	resolve     alteration = "Resolved"
	reopen      alteration = "New"
	writeBack   alteration = "write-back" // a comment and an assignee, by ourselves: no new version
	addEvidence alteration = "evidence"
)

// moment is where a call is interrupted.
type moment struct {
	Endpoint string // as the simulator names it
	After    bool   // after the API made its answer and before Cordon has it; else before the API looks
}

// step is one thing that happens. Which fields mean something depends on Kind.
type step struct {
	Gap  time.Duration // time before it
	Kind kind
	Nth  int // which alert or machine, modulo their number; how many, for faults

	Severity string
	Machine  int           // index of machines; past the end: none
	Incident int64         // 0: none
	Late     time.Duration // from lastUpdateTime, by the API's clock, until lists show it
	Dated    time.Duration // lastUpdateTime against the API's clock when it happens
	Same     bool          // exactly the lastUpdateTime of the alert before it
	Aged     time.Duration // how long before lastUpdateTime the alert was created

	Change alteration
	Back   bool // an alert dated in the future changes with the true time

	Part part
	How  how
	For  time.Duration

	Repeat bool // pages: an item twice; else one is missing
	At     moment
	Do     kind // of an interrupt: change, or one of the functions
}

// The functions that an interrupt may run, beside change.
const (
	doPoll    kind = "second poll"
	doRespond kind = "other responder"
	doFollow  kind = "follow"
)

const day = 24 * time.Hour

// profile weighs what feeds are made of. What stands several times is drawn that much more often.
type profile struct {
	Name   string
	Kinds  []kind
	Lates  []time.Duration
	Parts  []part          // of outages
	Fors   []time.Duration // of outages
	OldMax int             // alerts of the time before Cordon
	Plans  int             // interrupts from the beginning
}

// profiles cover together what the coverage table asks for.
func profiles() []profile {
	punctual := []time.Duration{0, 0, 0, 3 * time.Minute, 14 * time.Minute}
	return []profile{
		{
			Name: "late",
			Kinds: []kind{
				addAlert, addAlert, addAlert, change, change, lateChange, lateChange, flap, pageFault, pageFault,
				interrupt, wait, wait, loseNext,
			},
			Lates: append(punctual, 40*time.Minute, 6*time.Hour, 6*time.Hour, 23*time.Hour, 3*day, 3*day,
				7*day-time.Minute),
		},
		{
			Name: "outages",
			Kinds: []kind{
				addAlert, addAlert, addAlert, addAlert, change, change, change, outage, outage, outage, outage, glitch,
				glitch, lateChange, flap,
			},
			Lates: append(punctual, 6*time.Hour, 3*day, 3*day),
			Parts: []part{
				theAPI, theAPI, theQueue, theQueue, theLedger, theLedger, everything, thePoller, theResponder,
				theFollower,
			},
			Fors: []time.Duration{20 * time.Minute, 6 * time.Hour, 6 * time.Hour, 3 * day, 3 * day, 30 * day, 30 * day},
		},
		{
			Name:  "races",
			Plans: 4,
			Kinds: []kind{
				addAlert, addAlert, addAlert, addAlert, change, change, change, flap, overtake, meanwhile, interrupt,
				interrupt, loseNext, release, release, byHand, failNext, failNext, unplug, outage, glitch,
			},
			Lates: append(punctual, 40*time.Minute),
			Parts: []part{theResponder, theResponder, theResponder, theFollower, theAPI},
			Fors:  []time.Duration{2 * time.Minute, 20 * time.Minute, 2 * time.Hour, 6 * time.Hour},
		},
		{
			Name:   "old tenant",
			OldMax: 6,
			Kinds: []kind{
				addAlert, addAlert, change, change, change, flap, lateChange, outage, outage, outage, pageFault,
				interrupt, release, wait,
			},
			Lates: append(punctual, 6*time.Hour, 3*day),
			Parts: []part{theAPI, theQueue, theLedger, thePoller, everything},
			Fors:  []time.Duration{20 * time.Minute, 6 * time.Hour, 3 * day, 30 * day},
		},
	}
}

// draw makes a feed.
func (p profile) draw(t *rapid.T) feed {
	var f feed
	f.First = rapid.SliceOfN(rapid.Custom(p.newAlert), 1, 4).Draw(t, "first")
	f.Steps = rapid.SliceOfN(rapid.Custom(p.step), 0, 10).Draw(t, "steps")
	if p.OldMax > 0 {
		f.Old = rapid.SliceOfN(rapid.Custom(p.oldAlert), 0, p.OldMax).Draw(t, "old")
	}
	if p.Plans > 0 {
		f.Planned = rapid.SliceOfN(rapid.Custom(p.interrupt), 0, p.Plans).Draw(t, "planned")
	}
	f.Source = pick(t, "source", sourcesPlayed()...)
	f.GraphLag = pick(t, "graph lags", 0, 0, 40*time.Second, 20*time.Minute, 7*time.Hour)
	if f.Source == fromBoth {
		f.OwnIDs = pick(t, "own ids", false, false, false, true)
		f.Steps = append(f.Steps, rapid.SliceOfN(rapid.Custom(betweenSources), 0, 3).Draw(t, "between sources")...)
		f.Steps = rapid.Permutation(f.Steps).Draw(t, "order of steps")
	}
	f.Skew = pick(t, "skew", 0, 0, 0, time.Second, -time.Second, 2*time.Minute, -2*time.Minute, 10*time.Minute,
		-10*time.Minute)
	f.ListLag = pick(t, "lag", 0, 0, 30*time.Second)
	f.Acting = pick(t, "acting", 3*time.Second, 3*time.Second, 20*time.Minute)
	f.Window = pick(t, "window", day, day, 10*time.Minute, 0)
	f.Lookback = pick(t, "lookback", time.Hour, time.Hour, day)
	f.Order = pick(t, "order", oldestFirst, newestFirst, shuffled)
	f.Chance = rapid.Uint64().Draw(t, "chance")
	if p.OldMax > 0 {
		f.Fresh = pick(t, "fresh", false, true)
	}
	return f
}

// betweenSources is what happens to one of two sources only.
func betweenSources(t *rapid.T) step {
	s := step{
		Gap:  pick(t, "gap", 0, time.Minute, 10*time.Minute, 8*time.Hour),
		Kind: pick(t, "kind", dying, dying, hide),
		Nth:  nth(t),
	}
	if s.Kind == dying {
		s.Part = pick(t, "part", theAlerts, theGraph)
		s.How = pick(t, "how", gone, denied, failing, empty)
		s.For = pick(t, "for", 20*time.Minute, 6*time.Hour, 3*day, 0) // 0: for good
	}
	return s
}

// pick draws one of several, each as often as the others; rapid's own choice would favour the first. Smaller feeds have
// the first.
func pick[T any](t *rapid.T, label string, from ...T) T {
	n := 0
	for range 8 {
		n *= 2
		if rapid.Bool().Draw(t, label) {
			n++
		}
	}
	return from[n*len(from)/256]
}

func (p profile) step(t *rapid.T) step {
	s := step{
		Gap: pick(t, "gap", 0, time.Second, 20*time.Second, time.Minute, 3*time.Minute, 10*time.Minute, 25*time.Minute,
			2*time.Hour, 8*time.Hour, 30*time.Hour),
		Kind: pick(t, "kind", p.Kinds...),
	}
	switch s.Kind {
	case addAlert:
		p.alert(t, &s)
	case change, flap, overtake:
		s.Nth = nth(t)
		s.Change = anAlteration(t)
		s.Back = rapid.Bool().Draw(t, "back")
	case lateChange:
		s.Nth = nth(t)
		s.Change = anAlteration(t)
		s.Late = pick(t, "late", p.Lates...)
	case outage, glitch:
		p.trouble(t, &s)
	case pageFault:
		s.Nth, s.Repeat = nth(t), rapid.Bool().Draw(t, "repeat")
		s.For = pick(t, "for", time.Minute, 5*time.Minute, 2*time.Hour)
	case interrupt:
		return p.interrupt(t)
	case loseNext, release, byHand, failNext, unplug, meanwhile:
		s.Nth = nth(t)
	case wait:
		s.For = pick(t, "for", 0, 0, isolationLift-2*time.Hour, isolationLift+2*time.Hour)
	}
	return s
}

// interrupts are what may happen in the middle of which call.
func interrupts() []struct {
	do kind
	in string
} {
	return []struct {
		do kind
		in string
	}{
		{change, listAlerts}, {change, listAlerts}, {doPoll, listAlerts}, {doPoll, listAlerts}, {doRespond, isolate},
		{doRespond, isolate},
		{doRespond, listActions}, {doRespond, getAlert}, {doFollow, isolate}, {change, isolate}, {change, getAlert},
		{change, listActions},
	}
}

func (p profile) interrupt(t *rapid.T) step {
	what := pick(t, "what", interrupts()...)
	return step{
		Kind:   interrupt,
		Nth:    nth(t),
		Change: anAlteration(t),
		Do:     what.do,
		At:     moment{what.in, rapid.Bool().Draw(t, "after")},
	}
}

func (p profile) newAlert(t *rapid.T) step {
	s := step{Kind: addAlert, Gap: pick(t, "gap", 0, time.Second, 20*time.Second, 2*time.Minute)}
	p.alert(t, &s)
	return s
}

func nth(t *rapid.T) int { return pick(t, "nth", 0, 1, 2, 3, 4, 5, 6, 7) }

func anAlteration(t *rapid.T) alteration {
	return pick(t, "change", toHigh, toHigh, toMedium, toLow, resolve, reopen, writeBack, addEvidence)
}

func (p profile) alert(t *rapid.T, s *step) {
	s.Severity = pick(t, "severity", "High", "High", "High", "Medium", "Low", "Informational")
	s.Machine = pick(t, "machine", 0, 0, 1, 1, 2, 3)
	s.Incident = pick(t, "incident", int64(0), 0, 7)
	s.Late = pick(t, "late", p.Lates...)
	s.Same = rapid.Bool().Draw(t, "same") && rapid.Bool().Draw(t, "really")
	s.Dated = pick(t, "dated", 0, 0, 0, 0, -time.Second, -10*time.Minute, 5*time.Minute, 3*time.Hour, 2*day)
	s.Aged = pick(t, "aged", 0, 0, 0, 2*time.Hour, 30*time.Hour)
}

func (p profile) oldAlert(t *rapid.T) step {
	s := step{Kind: addAlert}
	p.alert(t, &s)
	s.Same, s.Dated = false, 0
	s.Gap = pick(t, "before", 30*time.Minute, time.Hour, time.Hour+time.Second, 2*time.Hour, 20*time.Hour, 3*day,
		40*day)
	return s
}

func (p profile) trouble(t *rapid.T, s *step) {
	s.How = pick(t, "how", refused, failing, lost, cut)
	if s.Kind == glitch {
		s.Part = pick(t, "part", theLedger, theAPI, theQueue)
		s.Nth = pick(t, "call", 0, 1, 2, 3, 5, 8, 13, 21)
		if s.Part == theQueue {
			s.Nth /= 5 // it is called the least
		}
		return
	}
	s.Part = pick(t, "part", p.Parts...)
	s.For = pick(t, "for", p.Fors...)
}

// GoString prints the feed as rapid shows what it drew: one line a step.
func (f feed) GoString() string {
	var b strings.Builder
	fmt.Fprintf(&b, "alerts from %s, Graph lags %v, has ids of its own: %v\n", f.Source, f.GraphLag, f.OwnIDs)
	fmt.Fprintf(&b, "API's clock %+v, lists lag %v, actions take %v, duplicate window %v, lookback %v, %s, chance %d, "+
		"fresh %v\n", f.Skew, f.ListLag, f.Acting, f.Window, f.Lookback, f.Order, f.Chance, f.Fresh)
	for _, s := range f.Old {
		fmt.Fprintf(&b, "  before the first start: %v\n", s)
	}
	for i, s := range slices.Concat(f.Planned, f.First, f.Steps) {
		fmt.Fprintf(&b, "  %d. %v\n", i+1, s)
	}
	return b.String()
}

// String is one step in words.
func (s step) String() string {
	text := fmt.Sprintf("after %v %s", s.Gap, s.Kind)
	switch s.Kind {
	case addAlert:
		text += fmt.Sprintf(" %s on machine %d, incident %d, dated %+v, visible after %v, created %v before",
			s.Severity, s.Machine, s.Incident, s.Dated, s.Late, s.Aged)
		if s.Same {
			text += ", at the time of the alert before"
		}
	case change:
		text += fmt.Sprintf(" %d: %s", s.Nth, s.Change)
		if s.Back {
			text += " (with the true time)"
		}
	case lateChange:
		text += fmt.Sprintf(" %d: %s, visible after %v", s.Nth, s.Change, s.Late)
	case outage:
		text += fmt.Sprintf(" of %s for %v, %s", s.Part, s.For, s.How)
	case dying:
		text += fmt.Sprintf(" of %s for %v, %s", s.Part, s.For, s.How)
	case hide:
		text += fmt.Sprintf(" %d", s.Nth)
	case glitch:
		text += fmt.Sprintf(" of %s at call %d, %s", s.Part, s.Nth, s.How)
	case pageFault:
		text += fmt.Sprintf(": item %d is missing for %v", s.Nth, s.For)
		if s.Repeat {
			text = strings.Replace(text, "is missing", "stands twice", 1)
		}
	case interrupt:
		text += fmt.Sprintf(" of %s (after the answer: %v): %s %d %s", s.At.Endpoint, s.At.After, s.Do, s.Nth, s.Change)
	case flap, overtake:
		text += fmt.Sprintf(" %d: %s", s.Nth, s.Change)
	case loseNext, release, byHand, failNext, unplug, meanwhile:
		text += fmt.Sprintf(" %d", s.Nth)
	case wait:
		text += fmt.Sprintf(" for %v", s.For)
	}
	return text
}
