package health

import (
	"fmt"
	"time"

	"cordon/handler/follow"
	"cordon/handler/ledger/backlog"
	"cordon/handler/ledger/trouble"
	"cordon/handler/poll"
)

// Report is the body of GET /api/health.
type Report struct {
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
	Sources      []poll.Standing      `json:"sources,omitempty"`  // of alerts, where there are two
	LastSuccess  map[string]time.Time `json:"lastSuccess"`        // of the functions on timers
	Lateness     poll.Lateness        `json:"lateness,omitzero"`  // the largest of about a week
	Runs         map[string]string    `json:"runs"`               // those that are not over, by state, "200+" at most
	Unanswered   *unansweredView      `json:"unanswered,omitempty"`
	Stuck        backlog.Stuck        `json:"stuck,omitzero"` // come back for half an hour without getting on
	OpenEpisodes int                  `json:"openEpisodes"`   // isolations and the like, and actions under way
	Notices      string               `json:"unsentNotices"`
	OldestNotice time.Time            `json:"oldestUnsentNotice,omitzero"` // when it was due
	Drift        follow.Drift         `json:"drift,omitzero"`
	Swept        poll.Swept           `json:"swept,omitzero"`
	LastError    lastError            `json:"lastError,omitzero"`
	Queues       map[string]string    `json:"queues"` // messages waiting, and dead letters, "100+" at most

	troubled trouble.Newest
}

// risk adds a reason why all is not well.
func (r *Report) risk(format string, args ...any) {
	r.Reasons = append(r.Reasons, fmt.Sprintf(format, args...))
}

// Pause is that a person has stopped all acting.
type Pause struct {
	Paused bool      `json:"paused"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// unansweredView is the oldest version of an alert that nobody has answered.
type unansweredView struct {
	Run   string        `json:"run"`
	Since time.Time     `json:"since"`
	For   time.Duration `json:"for"`
}

// lastError is the newest trouble that was noted.
type lastError struct {
	At        time.Time `json:"at"`
	Text      string    `json:"text"`
	OverSince time.Time `json:"overSince,omitzero"` // none: it is not known to be over
}
