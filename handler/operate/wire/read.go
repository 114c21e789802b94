package wire

import (
	"time"

	"cordon/handler/doctor"
)

// Isolated are the machines that are isolated, or about to be.
type Isolated struct {
	Machines []Isolation `json:"machines"` // newest first
}

// Isolation is one machine that is isolated, or about to be: what the ledger believes against what the API lists.
type Isolation struct {
	MachineID   string    `json:"machineId"`
	MachineName string    `json:"machineName,omitempty"`
	State       string    `json:"state"`  // in one word, by both: an isolation.State, as mails say it too
	Ledger      string    `json:"ledger"` // isolated, isolation requested, request of unknown fate, not isolated
	API         string    `json:"api"`    // isolated, not isolated, isolation requested, release requested
	Since       time.Time `json:"since,omitzero"`
	Until       time.Time `json:"until,omitzero"` // when Defender lifts it by itself
	ActionID    string    `json:"actionId,omitempty"`
	By          string    `json:"by,omitempty"`        // cordon, person, automatic, unknown
	Requestor   string    `json:"requestor,omitempty"` // as the API names it
	RunID       string    `json:"runId,omitempty"`     // the run that began it; empty: it was not Cordon
	AlertID     string    `json:"alertId,omitempty"`
	Title       string    `json:"title,omitempty"` // of the alert
	Severity    string    `json:"severity,omitempty"`
	Rule        string    `json:"rule,omitempty"`   // which rule wanted it
	Reason      string    `json:"reason,omitempty"` // why, in a sentence
	Drift       string    `json:"drift,omitempty"`  // in what ledger and API differ
	Releasable  bool      `json:"releasable"`       // a release would be asked for now
	Obstacle    string    `json:"obstacle,omitempty"`
}

// Machine is one machine as Defender and the ledger know it.
type Machine struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	OS        string          `json:"os,omitempty"`
	Group     string          `json:"group,omitempty"`
	Tags      []string        `json:"tags"`
	Value     string          `json:"value,omitempty"`
	Health    string          `json:"health,omitempty"`
	LastSeen  time.Time       `json:"lastSeen,omitzero"`
	State     string          `json:"state"` // whether it is isolated: an isolation.State, as mails say it too
	Isolation *Isolation      `json:"isolation,omitempty"`
	Held      []HeldEntry     `json:"held"`
	Actions   []MachineAction `json:"actions"`       // newest first, of 90 days, at most 100
	Commands  []Entry         `json:"commands"`      // what people did to it by hand, newest first, at most 100
	More      bool            `json:"more,omitzero"` // there are more actions
	Episodes  []Episode       `json:"episodes"`      // newest first, at most 50
}

// MachineAction is one machine action.
type MachineAction struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	Status    string    `json:"status"`
	Requestor string    `json:"requestor,omitempty"`
	Comment   string    `json:"comment,omitempty"`
	Created   time.Time `json:"created,omitzero"`
	Updated   time.Time `json:"updated,omitzero"`
}

// Open reports whether the action is not over, as Defender's statuses say.
func (a MachineAction) Open() bool { return a.Status == "Pending" || a.Status == "InProgress" }

// Held is what rails held, newest first.
type Held struct {
	Held []HeldEntry `json:"held"`
}

// HeldEntry is what rails held of one alert.
type HeldEntry struct {
	AlertID     string     `json:"alertId"`
	Version     int        `json:"version"`
	MachineID   string     `json:"machineId"`
	MachineName string     `json:"machineName"`
	Title       string     `json:"title"`
	Severity    string     `json:"severity"`
	Rule        string     `json:"rule"`
	Steps       []HeldStep `json:"steps"`  // at least one
	Reason      string     `json:"reason"` // of all of them
	At          time.Time  `json:"at"`
	Over        string     `json:"over,omitempty"` // why it cannot be continued any more
}

// HeldStep is one step that is held.
type HeldStep struct {
	Step   string `json:"step"`
	Reason string `json:"reason"`
}

// Pause says whether acting is paused, and who changed that last.
type Pause struct {
	Paused bool      `json:"paused"`
	By     string    `json:"by,omitempty"` // empty: nobody ever changed it
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at,omitzero"`
}

// Hunts are the hunts of the app.
type Hunts struct {
	Hunts []Hunt `json:"hunts"`
}

// Hunt is a hunt and where it stands.
type Hunt struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Schedule    string    `json:"schedule"`
	Do          string    `json:"do"` // mail, findings, both
	Last        time.Time `json:"last,omitzero"`
	Next        time.Time `json:"next,omitzero"`
	Rows        int       `json:"rows"` // of the last turn that succeeded
	New         int       `json:"new"`  // of these, what was reported
	Trouble     string    `json:"trouble,omitempty"`
}

// DeadLetters are messages of a queue that were set aside.
type DeadLetters struct {
	Queue       string       `json:"queue"`
	DeadLetters []DeadLetter `json:"deadLetters"`
	More        bool         `json:"more"` // there are others behind the limit
}

// DeadLetter is one message that was set aside.
type DeadLetter struct {
	Number      int64     `json:"number"`
	ID          string    `json:"id"`
	SentAt      time.Time `json:"sentAt"`
	Deliveries  int       `json:"deliveries"`
	Bytes       int       `json:"bytes"`
	ContentType string    `json:"contentType,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Description string    `json:"description,omitempty"`
	Deferred    bool      `json:"deferred,omitzero"`
	Readable    bool      `json:"readable"`
	What        string    `json:"what,omitempty"`       // what it asks for
	Why         string    `json:"why,omitempty"`        // why it cannot be read
	AlertID     string    `json:"alertId,omitempty"`    // whom it is about
	Known       string    `json:"known,omitempty"`      // of one dead letter: what the ledger knows of it
	Body        string    `json:"body,omitempty"`       // of one dead letter: its text, at most 16 KiB
	BodyBase64  string    `json:"bodyBase64,omitempty"` // of a body that is no UTF-8
	BodyCut     bool      `json:"bodyCut,omitzero"`     // only its beginning is shown
}

// Doctor is what the app finds out about its own set-up.
type Doctor struct {
	OK       bool             `json:"ok"` // nothing failed
	Version  string           `json:"version"`
	Findings []doctor.Finding `json:"findings"`
}

// JournalAsked selects what people did by hand.
type JournalAsked struct {
	Command string // id: only what became of that command; empty: all of them
	Limit   int    // of a page; 0: the default
	After   string // Next of the page before; empty: the first page
}

// Journal is what people did by hand, newest first. One command that is asked for by its id has one entry for each
// thing that it is about; none yet: it was written down, and nothing was begun.
type Journal struct {
	Entries []Entry `json:"entries"`
	Next    string  `json:"next,omitempty"` // "after" of the next page; empty: this is the last
}

// Entry is one command in the journal. Its verb is release, cancel, continue, drop, pause, resume, replay, discard,
// enqueue, hunt, send or give up (a mail), or erase.
type Entry struct {
	Command string    `json:"command"`
	Verb    string    `json:"verb"`
	Object  string    `json:"object,omitempty"`
	Name    string    `json:"name,omitempty"`
	By      string    `json:"by"`
	ByID    string    `json:"byId,omitempty"`    // object id; empty: somebody with the ledger's own credentials
	Client  string    `json:"client,omitempty"`  // which program asked
	Address string    `json:"address,omitempty"` // from where
	Reason  string    `json:"reason,omitempty"`
	At      time.Time `json:"at"`
	State   string    `json:"state"` // begun, done, refused, failed, unknown
	Result  string    `json:"result,omitempty"`
	Action  string    `json:"action,omitempty"`
	Ended   time.Time `json:"ended,omitzero"`
}

// Run is one version of an alert and how it was answered, as the record has it.
type Run struct {
	ID          string       `json:"id"`
	AlertID     string       `json:"alertId"`
	Version     int          `json:"version"`
	State       string       `json:"state"` // observed, started, waiting, closed, parked
	Outcome     string       `json:"outcome,omitempty"`
	Reason      string       `json:"reason,omitempty"`
	Trouble     string       `json:"trouble,omitempty"` // what kept it from going on, last time
	MachineID   string       `json:"machineId,omitempty"`
	Title       string       `json:"title,omitempty"`
	MachineName string       `json:"machineName,omitempty"` // as it was then
	Incident    int64        `json:"incident,omitzero"`
	Severity    string       `json:"severity,omitempty"`
	Status      string       `json:"status,omitempty"` // of the alert
	Rule        string       `json:"rule,omitempty"`
	Mode        string       `json:"mode,omitempty"`
	Playbook    string       `json:"playbook,omitempty"` // digest of the one that decided
	Observed    time.Time    `json:"observed"`
	Started     time.Time    `json:"started,omitzero"`
	Closed      time.Time    `json:"closed,omitzero"`
	Due         time.Time    `json:"due,omitzero"` // when it is expected to go on
	Steps       []RunStep    `json:"steps"`
	Told        []RunTold    `json:"told"`                  // what people are told of it, and the mails, oldest first
	ContinuedBy string       `json:"continuedBy,omitempty"` // who let it go on after a rail had held it, and why
	ContinuedAt time.Time    `json:"continuedAt,omitzero"`
	Decision    string       `json:"decision,omitempty"` // every rule, clause, value and rail, for people; lines
	Plan        any          `json:"plan,omitempty"`     // the same for programs
	Versions    []RunVersion `json:"versions"`           // of the alert, newest first, this one among them
	Commands    []Entry      `json:"commands"`           // what people did about it and its machine, newest first
	Decided     *Decision    `json:"decided,omitempty"`  // with the facts; left out: they are not kept
	Today       *Today       `json:"today,omitempty"`    // left out: there are no facts, or no playbook is known here
	Links       Links        `json:"links"`
}

// RunStep is one acting step of a run.
type RunStep struct {
	Step    string `json:"step"`
	Outcome string `json:"outcome,omitempty"` // empty: it is not over
	Reason  string `json:"reason,omitempty"`  // behind the outcome, or what it waits for
	Waiting bool   `json:"waiting,omitzero"`  // for a machine action
	Action  string `json:"action,omitempty"`  // id of its machine action, the newest
	Again   int    `json:"again,omitzero"`    // how often its machine action failed and was asked for again
}

// RunVersion is one version of an alert, in short.
type RunVersion struct {
	Run      string    `json:"run"`
	State    string    `json:"state"`
	Outcome  string    `json:"outcome,omitempty"`
	Severity string    `json:"severity,omitempty"`
	Observed time.Time `json:"observed"`
}
