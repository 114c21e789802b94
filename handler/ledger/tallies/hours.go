package tallies

import (
	"fmt"
	"time"

	"cordon/handler/ledger/rows"
)

// Hours are the hours of a UTC day, in order.
type Hours [24]Hour

// Hour is what was counted of the runs observed in one hour.
type Hour struct {
	Runs     int            `json:"runs,omitzero"`
	Outcomes map[string]int `json:"outcomes,omitempty"` // how many had each; of several each; empty: not over
	Took     Times          `json:"took,omitempty"`     // of those that Cordon isolated, from observed to isolated
}

// Times are how often something took how long: in seconds, rounded to two digits.
type Times map[int]int

// longest is what is counted of any longer time.
const longest = 30 * 24 * time.Hour

// mostOutcomes bounds the kinds of outcomes of an hour; Other stands for those behind.
const (
	mostOutcomes = 50
	Other        = "other"
)

// Add counts a run with its outcomes; none: it is not over.
func (h *Hour) Add(outcomes []string) {
	h.Runs++
	if h.Outcomes == nil {
		h.Outcomes = map[string]int{}
	}
	if len(outcomes) == 0 {
		outcomes = []string{""}
	}
	for _, outcome := range outcomes {
		_, known := h.Outcomes[outcome]
		if !known && len(h.Outcomes) >= mostOutcomes {
			outcome = Other
		}
		h.Outcomes[outcome]++
	}
}

// Isolated counts that a run of the hour led to an isolation, and how long that took.
func (h *Hour) Isolated(took time.Duration) {
	if h.Took == nil {
		h.Took = Times{}
	}
	h.Took[rounded(took)]++
}

// rounded is a time in seconds, to two digits.
func rounded(took time.Duration) int {
	took = max(0, min(took, longest))
	seconds := int(took.Round(time.Second) / time.Second)
	unit := 1
	for seconds/unit >= 100 {
		unit *= 10
	}
	return (seconds + unit/2) / unit * unit
}

// Runs is how many there are.
func (t Times) Runs() int {
	runs := 0
	for _, n := range t {
		runs += n
	}
	return runs
}

// Hourly are the hours of the day. A day that was counted without them has empty ones.
func (d Day) Hourly() (hours Hours, err error) {
	if len(d.Hours) == 0 {
		return hours, nil
	}
	err = rows.UnpackInto(d.Hours, &hours)
	if err != nil {
		err = fmt.Errorf("read the hours of %s: %w", d.Day, err)
	}
	return hours, err
}
