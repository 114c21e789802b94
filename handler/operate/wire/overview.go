package wire

import "time"

// Overview is the last 24 hours and what is under way.
type Overview struct {
	Since       time.Time      `json:"since"`            // the beginning of the first hour
	Until       time.Time      `json:"until"`            // now
	Counted     time.Time      `json:"counted,omitzero"` // when they were counted; left out: they were not, yet
	Runs        int            `json:"runs"`             // that were observed in these hours
	Hours       []HourCount    `json:"hours"`            // 24, oldest first; the last is not over
	Outcomes    []OutcomeCount `json:"outcomes"`         // the most first
	ToIsolation Spread         `json:"toIsolation"`      // how long it took from an alert to the isolation
	UnderWay    []RunLine      `json:"underWay"`         // runs that are not over, newest first, at most 50
	More        bool           `json:"more,omitzero"`    // there are more of them
}

// HourCount is one hour.
type HourCount struct {
	At       time.Time `json:"at"`       // its beginning
	Runs     int       `json:"runs"`     // that were observed in it
	Isolated int       `json:"isolated"` // of these, how many an isolation answered that Cordon asked for
	Held     int       `json:"held"`     // of these, how many a rail holds
}

// OutcomeCount is how many runs had an outcome. A run of several outcomes counts in several.
type OutcomeCount struct {
	Outcome string `json:"outcome,omitempty"` // empty: they are not over
	Runs    int    `json:"runs"`
}

// Spread is how long something took. Runs that found their machine isolated are not among them.
type Spread struct {
	Runs int `json:"runs"` // so many
	P50  int `json:"p50"`  // half of them took at most so many seconds
	P95  int `json:"p95"`  // 95 of 100
}
