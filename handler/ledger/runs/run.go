package runs

import (
	"encoding/json"
	"fmt"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/starts"
)

// State is where the run of one alert version stands. Closed and parked are final.
type State string

// The states of a run. The zero value is no state.
const (
	Observed State = "observed" // written by ingest, not begun
	Started  State = "started"  // a responder has begun; it may have been interrupted
	Waiting  State = "waiting"  // joined an episode and ends with its outcome
	Closed   State = "closed"   // ended with a recorded decision
	Parked   State = "parked"   // set aside: it seems to kill the process
)

// Final reports whether a run in this state is over.
func (s State) Final() bool { return s == Closed || s == Parked }

// Run is the record of how one version of an alert was answered.
type Run struct {
	rows.Keys
	AlertID    string
	Version    int
	State      State
	ObservedAt time.Time // by the API's clock as far as it is known
	StartedAt  time.Time `json:",omitzero"`
	ClosedAt   time.Time `json:",omitzero"`

	// DueAt is when it is expected to go on, by our clock. If it stands still long after that, it is sent again.
	DueAt    time.Time `json:",omitzero"`
	Sweeps   int       `json:",omitempty"` // times that it stood still and was sent again
	Opening  int       `json:",omitempty"` // times that it was opened again after it was closed
	Reissues int       `json:",omitempty"` // times that its machine action failed and was asked for again

	// AskedAt is when a machine action was first under way for it. The alert's age is not looked at afterwards.
	AskedAt time.Time `json:",omitzero"`

	// StuckSince is since when it has come back without getting on; zero: it gets on, or waits for what ends by itself.
	StuckSince time.Time `json:",omitzero"`
	LastTryAt  time.Time `json:",omitzero"`  // from when on its next try is the last; zero: there is no such time
	TurnSince  time.Time `json:",omitzero"`  // since when it comes back for its turn of a quota; zero: it does not
	StuckTold  bool      `json:",omitempty"` // people know that it makes no progress

	Begun starts.Starts `json:",omitempty"` // starts that did not end in good order, as far as is known
	// Attempt is of the message that began it last. A higher one proves an orderly end before it.
	Attempt  int       `json:",omitempty"`
	Copies   int       `json:",omitempty"` // scheduled copies so far
	CopyOf   string    `json:",omitempty"` // which message the last of them was made of
	Misses   int       `json:",omitempty"` // times that alert or machine were not found
	MissedAt time.Time `json:",omitzero"`  // when they were first not found

	MachineID   string `json:",omitempty"`
	MachineName string `json:",omitempty"` // as it was then
	Incident    int64  `json:",omitempty,string"`
	Title       string `json:",omitempty"`
	Severity    string `json:",omitempty"`
	// Status is the alert's, as far as Cordon saw it or made it so; empty in runs from before it was kept.
	Status  string `json:",omitempty"`
	Rule    string `json:",omitempty"`
	Mode    string `json:",omitempty"`
	Book    string `json:",omitempty"` // hash of the playbook that decided
	Episode int    `json:",omitempty"` // of the machine's isolation latch; 0: none
	// IsolatedAt is when the isolation that Cordon asked for reached the machine, by the API's clock; zero: none did
	// since the run was observed.
	IsolatedAt time.Time `json:",omitzero"`
	// Outcome is a word or two: isolated, held, no rule, superseded, …; of several steps each, separated by commas.
	Outcome string `json:",omitempty"`
	Reason  string `json:",omitempty"` // the sentence behind Outcome; while it waits, for what
	Trouble string `json:",omitempty"` // what kept the run from going on, last time

	Steps Steps `json:",omitempty"` // the acting steps of the plan; none: no step acts, or the run is older than steps

	Told string `json:",omitempty"` // what people were told, in order, see Tell

	Leave    string    `json:",omitempty"` // who let it go on after a rail had held it, and why; empty: nobody
	LeaveFor string    `json:",omitempty"` // digest of the machine as that person saw it; for another it counts nothing
	LeaveAt  time.Time `json:",omitzero"`
	Command  string    `json:",omitempty"` // of the person who let it go on or dropped it, in the journal; the last

	Listed   string `json:",omitempty"` // the lists that it is on, separated by blanks; empty: it was never entered
	Unlisted string `json:",omitempty"` // the lists that it was on before

	Plan     []byte `json:",omitempty"` // compressed JSON, see SetPlan
	PlanType string `json:"Plan@odata.type,omitempty"`
}

// ID names the run in logs, comments and mails.
func (r Run) ID() string { return alert.RunID(r.AlertID, r.Version) }

// Message is the message of a run that was opened again, under the id that its count of copies makes.
func (r Run) Message(tenant, reason string, at time.Time) alert.Envelope {
	return alert.Envelope{
		ID: fmt.Sprintf("%s:r%d", alert.MessageID(tenant, r.AlertID, r.Version), r.Copies),
		At: at,
		Message: alert.Message{
			Tenant:  tenant,
			AlertID: r.AlertID,
			Version: r.Version,
			Reason:  reason,
			Attempt: r.Attempt,
		},
	}
}

const runPrefix = "run:"

func runKey(version int) string {
	return fmt.Sprintf(runPrefix+"v%08d", version)
}

// SetPlan stores the plan and its explanation with the run, compressed. What does not fit into a table property is
// replaced by the given short form.
func (r *Run) SetPlan(full, short any) error {
	packed, err := rows.Pack(full)
	if err == nil && len(packed) > rows.MaxProperty {
		packed, err = rows.Pack(short)
	}
	if err != nil {
		return fmt.Errorf("store the plan of run %s: %w", r.ID(), err)
	}
	r.Plan, r.PlanType = packed, "Edm.Binary"
	return nil
}

// ReadPlan decodes the stored plan into v; false if none was stored.
func (r Run) ReadPlan(v any) (bool, error) {
	if len(r.Plan) == 0 {
		return false, nil
	}
	body, err := rows.Unpack(r.Plan)
	if err != nil {
		return false, fmt.Errorf("read the plan of run %s: %w", r.ID(), err)
	}
	return true, json.Unmarshal(body, v)
}
