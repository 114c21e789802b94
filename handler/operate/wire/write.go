package wire

import "time"

// ReleaseOrder asks for releases.
type ReleaseOrder struct {
	Order
	// Machines are ids of isolated machines, 1 to 100. Whoever has names looks them up first (GET /isolated): a name may
	// be another machine's by the time the order arrives, or is sent again.
	Machines []string `json:"machines"`
}

// CancelOrder asks for the end of a machine action that is not over.
type CancelOrder struct {
	Order
	Action string `json:"action"`
}

// HeldOrder continues with what is held, or drops it.
type HeldOrder struct {
	Order
	Alerts []string `json:"alerts"` // ids, 1 to 100; of each the newest version counts
}

// PauseOrder stops all acting, or lets it go on.
type PauseOrder struct {
	Order
}

// PauseResult is what became of it.
type PauseResult struct {
	Pause
	Changed bool `json:"changed"` // false: it was so before
}

// DeadLetterOrder sends dead letters again, or drops them.
type DeadLetterOrder struct {
	Order
	Queue   string  `json:"queue"`   // alerts or notices
	Numbers []int64 `json:"numbers"` // 1 to 100
}

// EnqueueOrder has alerts answered now.
type EnqueueOrder struct {
	Order
	Alerts []string `json:"alerts"` // ids, 1 to 100
}

// HuntOrder asks a hunt's query now.
type HuntOrder struct {
	Order
	Hunt   string            `json:"hunt"`
	Since  string            `json:"since,omitempty"`  // 90m, 24h, 7d or a time; empty: the hunt's timespan
	Params map[string]string `json:"params,omitempty"` // other values of its parameters
}

// HuntRows are what a query answered with.
type HuntRows struct {
	Hunt    string     `json:"hunt"`
	Since   time.Time  `json:"since"`
	Until   time.Time  `json:"until"`
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
	Cut     bool       `json:"cut"` // there are more rows
}

// EraseOrder erases what runs were decided on, where that is about a machine or names a person. One of the two is given.
type EraseOrder struct {
	Order
	Machine string `json:"machine,omitempty"` // id
	User    string `json:"user,omitempty"`    // a text that facts may have: a name, an address, a SID; 3 characters at least
	After   string `json:"after,omitempty"`   // next of the order before; empty: from the newest
}

// Erased is how far one order came.
type Erased struct {
	Command  string `json:"command"`
	Repeated bool   `json:"repeated,omitzero"` // it had been carried out before; only outcome says what became of it
	Done     bool   `json:"done"`
	Outcome  string `json:"outcome"` // in a sentence
	Erased   int    `json:"erased"`
	Looked   int    `json:"looked"` // at so many runs or decisions
	Open     int    `json:"open"`   // that were left, because they are not over
	Next     string `json:"next,omitempty"`
}
