// Package judge says whether a played scenario kept its promises, from the records of the stand-ins alone: what the
// Defender simulator accepted, what stands in the tables, what arrived as mail. What the handler says of itself does
// not count.
package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Machine is a machine of the tenant with what was expected for it.
type Machine struct {
	ID        string
	Name      string
	Protected bool
	Offline   bool
}

// Alert is an alert that the tenant had.
type Alert struct {
	ID        string
	MachineID string
	Versions  int  // how many different views of it a rule could tell apart
	High      bool // at any time
}

// Action is a machine action that the simulator accepted.
type Action struct {
	ID        string
	Type      string // Isolate, Unisolate
	MachineID string
	History   []Change // every status with its time, oldest first
}

// Change is a status that an action took on.
type Change struct {
	Status string
	At     time.Time
}

// at is the status of the action at a time; "" before it existed.
func (a Action) at(t time.Time) string {
	status := ""
	for _, c := range a.History {
		if !c.At.After(t) {
			status = c.Status
		}
	}
	return status
}

// final is the newest status.
func (a Action) final() string {
	if len(a.History) == 0 {
		return ""
	}
	return a.History[len(a.History)-1].Status
}

// Call is a request that the simulator served.
type Call struct {
	Endpoint string // template, such as POST /api/machines/{id}/isolate
	Path     string
	Status   int
}

func (c Call) isolates() bool { return strings.HasSuffix(c.Endpoint, "/isolate") }

// Run is a run as it stands in the tables.
type Run struct {
	AlertID   string
	Version   int
	State     string
	Outcome   string
	Reason    string
	MachineID string
	Severity  string
	ChangedAt time.Time
	ClosedAt  time.Time
}

// Over reports whether nothing more comes of the run.
func (r Run) Over() bool { return r.State == "closed" || r.State == "parked" }

// Mail is a mail that arrived, with its plain text.
type Mail struct {
	ID      string // Message-ID; a repeat has the same
	At      time.Time
	Subject string
	Text    string
}

// Evidence is everything that the verdict rests on.
type Evidence struct {
	Machines   []Machine
	Alerts     []Alert
	Actions    []Action
	Calls      []Call
	Runs       []Run
	Mails      []Mail
	Sent       int      // notices that the tables say were sent
	Pushed     int      // alerts that the webhook accepted
	Hunts      int      // hunting queries that were answered
	GraphCalls int      // requests for Graph's alerts
	Hunted     []string // ids of the machines that the hunt finds
	Findings   []Finding
	Health     *Health // as it was answered in the end; nil: it was not asked
	Seconds    float64

	// Strict asks in addition for what is so only where no machine is offline and nobody meddles.
	Strict  bool
	Dead    []string       // dead letters, with their reasons
	Unheard map[string]int // by Message-ID, how many answers to a mail were lost
}

// Health is what the health function answered. What the handler says of itself proves nothing, but it has to be able to
// say it.
type Health struct {
	Status int
	OK     bool
	Body   string
}

// Verdict is the summary. Its JSON names are those that `make run ONCE=1` prints.
type Verdict struct {
	Alerts            int `json:"alerts"`
	High              int `json:"high"`
	MachinesToIsolate int `json:"machinesToIsolate"`
	MachinesIsolated  int `json:"machinesIsolated"`
	IsolateCalls      int `json:"isolateCalls"`     // served: a call refused by quota is not one
	WrongMachines     int `json:"wrongMachines"`    // isolated without need
	ProtectedTouched  int `json:"protectedTouched"` // protected machines with any action
	DefenderCalls     int `json:"defenderCalls"`
	GraphCalls        int `json:"graphCalls"` // for its alerts
	Pushed            int `json:"pushed"`     // alerts that the webhook accepted
	Hunts             int `json:"hunts"`      // hunting queries that were answered
	Findings          int `json:"findings"`   // rows of them that became work
	Mails             int `json:"mails"`
	UntrueMails       int `json:"untrueMails"`
	// alert versions without a recorded decision, machines without their isolation, outcomes that nobody was told
	Lost    int     `json:"lost"`
	Unwell  int     `json:"unwell"` // 1: the health function does not answer in the end that all is well
	Seconds float64 `json:"seconds"`

	// What only a strict judge counts.
	Doubled  int `json:"-"` // accepted isolations beyond one for each machine and what a failed one made due
	Missing  int `json:"-"` // machines that needed isolation and are not isolated
	Again    int `json:"-"` // mails that came twice with one Message-ID although no answer was lost
	Repeated int `json:"-"` // mails that came twice with one Message-ID because the answer was lost: allowed

	Problems []string `json:"-"` // every broken promise in words; empty when all were kept
}

// Judge weighs the evidence.
func Judge(e Evidence) Verdict {
	j := &judge{Evidence: e, machines: map[string]Machine{}, needed: map[string]bool{}}
	j.v = Verdict{
		Alerts:        len(e.Alerts),
		Pushed:        e.Pushed,
		DefenderCalls: len(e.Calls),
		GraphCalls:    e.GraphCalls,
		Mails:         len(e.Mails),
		Seconds:       e.Seconds,
	}
	for _, m := range e.Machines {
		j.machines[m.ID] = m
	}
	j.needs()
	j.actions()
	j.runs()
	j.hunting()
	j.mails()
	j.promises()
	if e.Strict {
		j.strictly()
	}
	return j.v
}

type judge struct {
	Evidence
	v        Verdict
	machines map[string]Machine
	needed   map[string]bool
}

func (j *judge) problem(format string, args ...any) {
	j.v.Problems = append(j.v.Problems, fmt.Sprintf(format, args...))
}

func (j *judge) needs() {
	for _, a := range j.Alerts {
		if !a.High {
			continue
		}
		j.v.High++
		if m, known := j.machines[a.MachineID]; known && !m.Protected {
			j.needed[m.ID] = true
		}
	}
	for _, id := range j.Hunted {
		if m, known := j.machines[id]; known && !m.Protected {
			j.needed[id] = true
		}
	}
	j.v.MachinesToIsolate = len(j.needed)
}

func (j *judge) actions() {
	isolated, wrong, touched := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, a := range j.Actions {
		if j.machines[a.MachineID].Protected {
			touched[a.MachineID] = true
		}
		switch {
		case a.Type != "Isolate":
		case !j.needed[a.MachineID]:
			wrong[a.MachineID] = true
		case a.final() == "Succeeded":
			isolated[a.MachineID] = true
		}
	}
	j.v.MachinesIsolated, j.v.WrongMachines, j.v.ProtectedTouched = len(isolated), len(wrong), len(touched)
	for _, c := range j.Calls {
		if c.isolates() && (c.Status < 300 || c.Status == 400) {
			j.v.IsolateCalls++
		}
	}
	for id := range j.needed {
		if !slices.ContainsFunc(j.Actions, func(a Action) bool { return a.Type == "Isolate" && a.MachineID == id }) {
			j.lost("machine %s needed an isolation and has none", j.machines[id].Name)
		}
	}
}

func (j *judge) lost(format string, args ...any) {
	j.v.Lost++
	j.problem(format, args...)
}

// runs asks for a recorded decision of every version: closed, or waiting for the outcome of an action.
func (j *judge) runs() {
	for _, a := range j.Alerts {
		answered := 0
		for _, r := range j.Runs {
			if r.AlertID == a.ID && r.Version > 0 && (r.State == "closed" || r.State == "waiting" && !j.Strict) {
				answered++
			}
		}
		for range a.Versions - answered {
			j.lost("alert %s has a version without a recorded decision (%d of %d)", a.ID, answered, a.Versions)
		}
	}
}

// mails holds what people were told against what was so at the time, and asks for every outcome to be told.
func (j *judge) mails() {
	told := map[string][]string{}
	for _, mail := range j.Mails {
		for _, claim := range Claims(mail.Text) {
			told[claim.MachineID] = append(told[claim.MachineID], claim.Outcome)
			if why := j.untrue(claim, mail.At); why != "" {
				j.v.UntrueMails++
				j.problem("untrue mail %q: %s", mail.Subject, why)
				break
			}
		}
	}
	arrived := map[string]bool{}
	for _, mail := range j.Mails {
		arrived[mail.ID] = true
	}
	for range j.Sent - len(arrived) {
		j.lost("a notice stands as sent and never arrived (%d sent, %d arrived)", j.Sent, len(arrived))
	}
	for id := range j.needed {
		want := "Isolation requested"
		for _, a := range j.Actions {
			if a.MachineID == id && a.Type == "Isolate" {
				switch a.final() {
				case "Succeeded":
					want = "Isolated"
				case "Failed", "TimeOut", "Cancelled":
					want = "Not isolated"
				}
			}
		}
		if !slices.ContainsFunc(told[id], func(outcome string) bool { return strings.HasPrefix(outcome, want) }) {
			j.lost("nobody was told %q about machine %s", want, j.machines[id].Name)
		}
	}
	for _, a := range j.Alerts {
		if a.High && j.machines[a.MachineID].Protected && len(told[a.MachineID]) == 0 {
			j.lost("nobody was told that machine %s was held", j.machines[a.MachineID].Name)
		}
	}
}

// untrue says why a claim was not so when the mail arrived; "" if it was.
func (j *judge) untrue(c Claim, at time.Time) string {
	m, known := j.machines[c.MachineID]
	if !known {
		return "it speaks of an unknown machine " + c.MachineID
	}
	isolation := ""
	for _, a := range j.Actions {
		if a.Type == "Isolate" && a.MachineID == m.ID && a.at(at) != "" {
			isolation = a.at(at)
		}
	}
	wants := map[string][]string{
		"Isolated":                        {"Succeeded"},
		"Isolation requested":             {"Pending", "InProgress", "Succeeded", "Failed", "TimeOut", "Cancelled"},
		"Not isolated: the action failed": {"Failed"},
		"Not isolated: the machine did not come back in":        {"TimeOut"},
		"Not isolated: the action was cancelled":                {"Cancelled"},
		"Not isolated: held":                                    {""},
		"Held for a person; isolation is in force all the same": {"Succeeded"},
		"Held for a person; isolation is under way all the same": {
			"", "Pending", "InProgress", "Succeeded", "Failed", "TimeOut", "Cancelled",
		},
		"Isolation waits for a release": {
			"", "Pending", "InProgress", "Succeeded", "Failed", "TimeOut", "Cancelled",
		},
		"Would isolate":                                  {""},
		"Not isolated: Defender refused":                 {""},
		"Not isolated yet":                               {""},
		"Not isolated: not found":                        {""},
		"Not isolated: it was released after this alert": {"Succeeded"},
		"Released":                            {"Succeeded"},
		"No longer isolated: Defender lifts":  {"Succeeded"},
		"A second isolation request was sent": {"Pending", "InProgress", "Succeeded", "Failed", "TimeOut", "Cancelled"},
	}
	for phrase, statuses := range wants {
		if strings.HasPrefix(c.Outcome, phrase) {
			if slices.Contains(statuses, isolation) {
				return ""
			}
			return fmt.Sprintf("it says %q of %s, whose isolation was %q then", c.Outcome, m.Name, isolation)
		}
	}
	return fmt.Sprintf("it says %q of %s, which is no known outcome", c.Outcome, m.Name)
}

// mostReissues is how often a failed isolation is to be asked for again.
const mostReissues = 2

// reissues is how many calls more than one are due for each machine because an action failed.
func (j *judge) reissues() map[string]int {
	due := map[string]int{}
	for _, a := range j.Actions {
		final := a.final()
		if a.Type == "Isolate" && j.needed[a.MachineID] && (final == "Failed" || final == "TimeOut") {
			due[a.MachineID] = min(due[a.MachineID]+1, mostReissues)
		}
	}
	return due
}

func (j *judge) promises() {
	if h := j.Health; h != nil && (h.Status != 200 || !h.OK) {
		j.v.Unwell = 1
		j.problem("health does not say that all is well: %d %s", h.Status, h.Body)
	}
	offline := 0
	for id := range j.needed {
		if j.machines[id].Offline {
			offline++
		}
	}
	want := j.v.MachinesToIsolate
	for _, n := range j.reissues() {
		want += n
	}
	if j.v.IsolateCalls != want {
		j.problem("%d isolate calls for %d machines, of which %d failed and were to be asked for again",
			j.v.IsolateCalls, j.v.MachinesToIsolate, want-j.v.MachinesToIsolate)
	}
	if want := j.v.MachinesToIsolate - offline; j.v.MachinesIsolated != want {
		j.problem("%d machines are isolated, %d should be", j.v.MachinesIsolated, want)
	}
	if j.v.WrongMachines > 0 {
		j.problem("%d machines were isolated without need", j.v.WrongMachines)
	}
	if j.v.ProtectedTouched > 0 {
		j.problem("%d protected machines were touched", j.v.ProtectedTouched)
	}
}
