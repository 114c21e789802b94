package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cordon/local/defendersim"
	"cordon/local/funchost"
	"cordon/local/judge"
	"cordon/local/world"
)

// Verdict is what one run came to. Every figure but Repeated is a broken promise.
type Verdict struct {
	Reached  bool // the point was struck, or there was none
	Lost     int  // versions without exactly one recorded decision, notices not sent, news that nobody was told
	Doubled  int  // accepted isolations beyond one for each machine
	Missing  int  // machines that needed isolation and are not isolated
	Again    int  // mails that came twice with one Message-ID although the server's answer was not lost
	Repeated int  // mails that came twice with one Message-ID because the answer was lost with who asked: allowed
	Renamed  int  // news that came under two Message-IDs
	Untrue   int  // mails, records and health that say something else than the API
	Silent   int  // failures without a log line or a reason

	Problems []string // each of them in words
}

// Broken reports whether a promise was broken.
func (v Verdict) Broken() bool {
	return v.Lost+v.Doubled+v.Missing+v.Again+v.Renamed+v.Untrue+v.Silent > 0
}

// evidence is what the stand-ins and the host recorded of one run.
type evidence struct {
	story   story
	reached bool
	open    []string // what was not over in time
	actions []defendersim.Action
	calls   []defendersim.Call
	runs    []judge.Run
	mails   []judge.Mail
	notices []world.Notice
	dead    []string // dead letters, with their reasons
	health  health
	events  []funchost.Event
	errors  []string // the lines of the log that tell of a failure
	strike  *strike  // nil: none
	unheard map[string]int
	news    []world.News
}

func (a *act) evidence(open []string) evidence {
	e := evidence{
		story:   a.story,
		open:    open,
		actions: a.Defender.Actions(),
		calls:   a.Defender.Calls(),
		runs:    a.Runs(),
		notices: a.Notices(),
		health:  a.health,
	}
	e.events, e.strike, e.unheard = a.records()
	e.news = a.News()
	e.reached = a.gate.point.Kind == "" || e.strike != nil
	e.mails, e.dead = judge.Mails(a.Mail.Mails()), a.Dead()
	for l := range strings.Lines(a.log()) {
		if strings.Contains(l, `"level":"ERROR"`) || strings.Contains(l, `"level":"WARN"`) {
			e.errors = append(e.errors, l)
		}
	}
	return e
}

// weigh holds the promises against the evidence.
func weigh(e evidence) Verdict {
	j := &weighing{evidence: e}
	j.v.Reached = e.reached
	j.general()
	j.renamed()
	j.records()
	j.failures()
	return j.v
}

type weighing struct {
	evidence
	v Verdict
}

func (j *weighing) found(figure *int, format string, args ...any) {
	*figure++
	if text := fmt.Sprintf(format, args...); !slices.Contains(j.v.Problems, text) {
		j.v.Problems = append(j.v.Problems, text)
	}
}

// general asks the judge of played scenarios: what was lost or done twice, and which mails were not true when they
// arrived.
func (j *weighing) general() {
	e := judge.Evidence{
		Actions: judge.Actions(j.actions),
		Calls:   judge.Calls(j.calls),
		Runs:    j.runs,
		Mails:   j.mails,
		Strict:  true,
		Dead:    j.dead,
		Unheard: j.unanswered(),
	}
	for _, m := range j.story.machines {
		e.Machines = append(e.Machines, judge.Machine{ID: m.ID, Name: m.Name})
	}
	for _, a := range j.story.alerts {
		e.Alerts = append(e.Alerts, judge.Alert{
			ID:        a.ID,
			MachineID: a.MachineID,
			Versions:  j.story.versions(a.ID),
			High:      true,
		})
	}
	for _, n := range j.notices {
		if n.State == "sent" {
			e.Sent++
		}
	}
	verdict := judge.Judge(e)
	j.v.Lost, j.v.Untrue = verdict.Lost, verdict.UntrueMails
	j.v.Doubled, j.v.Missing = verdict.Doubled, verdict.Missing
	j.v.Again, j.v.Repeated = verdict.Again, verdict.Repeated
	j.v.Problems = append(j.v.Problems, verdict.Problems...)
	for _, what := range j.open {
		j.found(&j.v.Lost, "not over: %s", what)
	}
}

// unanswered counts by Message-ID the mails whose answer was lost: their client left before it heard, or the process
// that sends mail was killed when the mail had arrived and the ledger did not know yet.
func (j *weighing) unanswered() map[string]int {
	lost := map[string]int{}
	maps.Copy(lost, j.unheard)
	if s := j.strike; s != nil && s.mailer {
		for id, n := range s.arrived {
			if n > 0 && s.unsent[id] {
				lost[id] = max(lost[id], 1)
			}
		}
	}
	return lost
}

// renamed counts news that came under two Message-IDs: a mail of no notice in the ledger, or an outcome that an earlier
// notice has told and that is not the later one's to tell. A mail that is late tells what is so by then, so it may be
// ahead of the notice whose news that is, or behind.
func (j *weighing) renamed() {
	seqs := map[string]int{}
	for _, n := range j.notices {
		seqs[n.MessageID()] = n.Seq
	}
	type news struct{ machine, outcome string }
	told := map[news]string{}
	for _, m := range j.mails {
		seq, known := seqs[m.ID]
		if !known {
			j.found(&j.v.Renamed, "mail %s belongs to no notice", m.ID)
		}
		for _, c := range judge.Claims(m.Text) {
			this := news{c.MachineID, c.Outcome}
			first, again := told[this]
			if again && seq > seqs[first] && !j.owns(seq, c) {
				j.found(&j.v.Renamed, "%q of machine %s is told by mail %s and again by mail %s", c.Outcome,
					c.MachineID, first, m.ID)
			}
			if !again {
				told[this] = m.ID
			}
		}
	}
}

// owns reports whether an outcome is news of a notice.
func (j *weighing) owns(seq int, c judge.Claim) bool {
	kinds := map[string]string{"isolated": "Isolated", "requested": "Isolation requested"}
	return slices.ContainsFunc(j.news, func(n world.News) bool {
		return n.Seq == seq && n.Machine == c.MachineID && kinds[n.Kind] != "" &&
			strings.HasPrefix(c.Outcome, kinds[n.Kind])
	})
}

// records holds the newest news, record and health against the API's final state.
func (j *weighing) records() {
	isolated := 0
	for _, m := range j.story.machines {
		is := slices.ContainsFunc(j.actions, func(a defendersim.Action) bool {
			return a.MachineID == m.ID && a.Status == defendersim.Succeeded
		})
		if is {
			isolated++
		}
		if last := j.last(m.ID); last != "" && strings.HasPrefix(last, "Isolated") != is {
			j.found(&j.v.Untrue, "the last mail about machine %s says %q, it is isolated: %v", m.Name, last, is)
		}
		for _, a := range j.story.alerts {
			for _, r := range j.runs {
				if a.MachineID != m.ID || r.AlertID != a.ID || r.State != "closed" {
					continue
				}
				quiet := a.ID == j.story.raised().ID && r.Version == 1
				switch {
				case quiet && r.Outcome != "no rule" && r.Outcome != "superseded":
					j.found(&j.v.Untrue, "the record of the Medium version of alert %s says %q", a.ID, r.Outcome)
				case !quiet && (r.Outcome == "isolated") != is:
					j.found(&j.v.Untrue, "the record of version %d of alert %s says %q, the machine is isolated: %v",
						r.Version, a.ID, r.Outcome, is)
				}
			}
		}
	}
	if h := j.health; h.OpenEpisodes != isolated || h.UnsentNotices != "0" || !empty(h.Queues) ||
		(len(h.Runs) > 0 && !empty(h.Runs)) {
		j.found(&j.v.Untrue, "health says %s; %d machines are isolated and nothing is left to send", h.text, isolated)
	}
}

// last is what the mail that arrived last says about a machine; empty if none does.
func (j *weighing) last(machineID string) string {
	last := ""
	for _, m := range j.mails {
		for _, c := range judge.Claims(m.Text) {
			if c.MachineID == machineID {
				last = c.Outcome
			}
		}
	}
	return last
}

// empty reports whether health counts nothing, of something.
func empty(counts map[string]string) bool {
	for _, n := range counts {
		if n != "0" {
			return false
		}
	}
	return len(counts) > 0
}

// failures asks for a log line of every invocation that a living handler failed, and for a reason of every ending. What
// health answers holds its reasons itself.
func (j *weighing) failures() {
	for _, e := range j.events {
		if e.Status < 500 || e.Function == "Health" {
			continue
		}
		if !slices.ContainsFunc(j.errors, func(l string) bool { return strings.Contains(l, e.InvocationID) }) {
			j.found(&j.v.Silent, "an invocation of %s was answered %d and no log line says why", e.Function, e.Status)
		}
	}
	for _, r := range j.runs {
		if r.Over() && (r.Outcome == "" || r.Reason == "") {
			j.found(&j.v.Silent, "version %d of alert %s ended as %q without a reason", r.Version, r.AlertID, r.Outcome)
		}
	}
}
