package wire

import (
	"time"

	"cordon/handler/decided"
)

// Decision is how a run was decided, and on what.
type Decision = decided.Decision

// DecisionsAsked selects decisions by when their runs were observed.
type DecisionsAsked struct {
	Since time.Time // that moment and later; zero: from the oldest
	Until time.Time // before that moment; zero: to the newest
	Limit int       // of a page; 0: the default
	After string    // Next of the page before; empty: the first page
}

// Decisions is a page of them, newest run first.
type Decisions struct {
	Decisions []Decision `json:"decisions"`
	Next      string     `json:"next,omitempty"` // "after" of the next page; empty: this is the last
}
