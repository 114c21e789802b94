package wire

import "time"

// Health says whether all that should happen does.
type Health struct {
	OK           bool                 `json:"ok"`
	Reasons      []string             `json:"reasons,omitempty"`  // why not
	Starting     map[string]time.Time `json:"starting,omitempty"` // functions that have not run yet: when first due
	Mode         string               `json:"mode"`
	Pause        *Pause               `json:"pause,omitempty"`       // a person has stopped all acting
	Held         int                  `json:"held"`                  // alerts of which rails still hold something
	CapsReached  []string             `json:"capsReached,omitempty"` // that hold machine actions now
	Met          Met                  `json:"met,omitzero"`          // about machines that protect might have meant
	Version      string               `json:"version"`
	Watermark    time.Time            `json:"watermark,omitzero"` // every alert change before it is enqueued
	Sources      []Source             `json:"sources,omitempty"`  // of alerts, where there are two
	LastSuccess  map[string]time.Time `json:"lastSuccess"`        // of the functions on timers
	Lateness     Lateness             `json:"lateness,omitzero"`  // the largest of about a week
	Runs         map[string]string    `json:"runs"`               // those that are not over, by state, "200+" at most
	Unanswered   *Unanswered          `json:"unanswered,omitempty"`
	Stuck        Stuck                `json:"stuck,omitzero"` // come back for half an hour without getting on
	OpenEpisodes int                  `json:"openEpisodes"`   // isolations and the like, and actions under way
	Notices      string               `json:"unsentNotices"`
	OldestNotice time.Time            `json:"oldestUnsentNotice,omitzero"` // when it was due
	Drift        Drift                `json:"drift,omitzero"`
	Swept        Swept                `json:"swept,omitzero"`
	LastError    LastError            `json:"lastError,omitzero"`
	Queues       map[string]string    `json:"queues"` // messages waiting, and dead letters, "100+" at most
}

// Met is what decisions of the last 30 days met of machines: what protects them from nothing, although it looks so
// or might.
type Met struct {
	NearTags []string       `json:"nearTags,omitempty"` // tags that are almost protected ones
	NotGiven map[string]int `json:"notGiven,omitempty"` // machines of which the API left out a fact that protect lists
}

// Source is one of two sources of alerts.
type Source struct {
	Name   string    `json:"source"`          // defender or graph
	Since  time.Time `json:"since,omitzero"`  // when it ceased to work; zero: it works, as far as is known
	Why    string    `json:"why,omitempty"`   // it does not
	Told   bool      `json:"told,omitempty"`  // people are told
	Newest Sight     `json:"newest,omitzero"` // of Defender for Endpoint's alerts that it showed
	Lacks  Sight     `json:"lacks,omitzero"`  // the first that only the other source has shown
	LackAt time.Time `json:"lackAt,omitzero"` // since when
}

// Sight is an alert as a source showed it.
type Sight struct {
	ID      string    `json:"id,omitempty"`
	Updated time.Time `json:"updated,omitzero"`
}

// Lateness is how late a source showed an alert.
type Lateness struct {
	Longest string    `json:"longest"` // such as 1m30s
	AlertID string    `json:"alert"`
	At      time.Time `json:"at"` // when it was seen
}

// Unanswered is the oldest version of an alert that nobody has answered.
type Unanswered struct {
	Run   string    `json:"run"`
	Since time.Time `json:"since"`
	For   string    `json:"for"` // such as 1m30s
}

// Stuck are runs that do not get on.
type Stuck struct {
	Runs   int       `json:"runs"`
	Oldest string    `json:"oldest"`
	Since  time.Time `json:"since"`
	Why    string    `json:"why"` // of the oldest
}

// Drift is in what the ledger and Defender differ about isolated machines.
type Drift struct {
	NotIsolated int       `json:"notIsolated"` // that the ledger believes isolated, and Defender knows as released
	Elsewhere   int       `json:"elsewhere"`   // that are isolated and were not, or no longer, by Cordon
	Machines    []string  `json:"machines"`    // some of their ids, the first kind first
	At          time.Time `json:"at"`          // of the look
}

// Swept is what sweeps found in about a week.
type Swept struct {
	Resent int       `json:"resent"` // versions that stood still
	Late   int       `json:"late"`   // changes that no poll saw
	At     time.Time `json:"at"`     // of the last find
}

// LastError is the newest trouble that was noted.
type LastError struct {
	At        time.Time `json:"at"`
	Text      string    `json:"text"`
	OverSince time.Time `json:"overSince,omitzero"` // none: it is not known to be over
}
