// Package starts tells from the starts of a run that did not end in good order whether it kills the process. It is pure.
// Neighbours: handler/ledger/runs keeps them with the run, handler/respond notes and counts them.
package starts

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"cordon/handler/outgoing"
)

// Start is one start of a run whose end nobody has written down: whoever began is at work, or died.
type Start struct {
	Process string `json:"process"`
	// Attempt is of the message that it answers; deliveries of one message have the same.
	Attempt int       `json:"attempt,omitempty"`
	At      time.Time `json:"at"`
	Died    bool      `json:"died,omitempty"` // it is known to have ended, and not in good order
}

// Starts are the starts of a run that did not end in good order, as far as is known, oldest first. In a row they are a
// text, for a row holds no lists.
type Starts []Start

// startsKept bounds how many starts a run remembers.
const startsKept = 20

// MarshalText implements encoding.TextMarshaler.
func (s Starts) MarshalText() ([]byte, error) {
	return outgoing.Encode([]Start(s))
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Starts) UnmarshalText(text []byte) error {
	var starts []Start
	if err := json.Unmarshal(text, &starts); err != nil {
		return fmt.Errorf("starts of a run: %w", err)
	}
	*s = starts
	return nil
}

// Bury takes starts of other processes for deaths, but only those that are over: begun longer ago than an invocation
// can last, or by an earlier delivery of the message that is answered now. A start that is younger may be of a process
// that lives and answers another copy of the message.
func (s Starts) Bury(process string, now time.Time, life time.Duration, attempt, earlier int) Starts {
	buried := slices.Clone(s)
	for i := range buried {
		start := &buried[i]
		start.Died = start.Died || start.Process != process && now.Sub(start.At) > life
		if start.Died && start.Attempt == attempt {
			earlier--
		}
	}
	for i := range slices.Backward(buried) {
		if start := &buried[i]; earlier > 0 && !start.Died && start.Process != process && start.Attempt == attempt {
			start.Died = true
			earlier--
		}
	}
	return buried
}

// Deaths counts the starts that are known to have ended, and not in good order.
func (s Starts) Deaths() int {
	deaths := 0
	for _, start := range s {
		if start.Died {
			deaths++
		}
	}
	return deaths
}

// Begin adds a start. A process that begins again lives, so its start before was no death.
func (s Starts) Begin(start Start) Starts {
	begun := append(s.End(start.Process), start)
	return begun[max(len(begun)-startsKept, 0):]
}

// End takes the start of a process out, which ended in good order.
func (s Starts) End(process string) Starts {
	return slices.DeleteFunc(slices.Clone(s), func(start Start) bool { return start.Process == process })
}

// EndNewest takes the newest start out that is not known to be a death.
func (s Starts) EndNewest() Starts {
	for i := range slices.Backward(s) {
		if !s[i].Died {
			return slices.Delete(slices.Clone(s), i, i+1)
		}
	}
	return s
}

// ByOthers reports whether a process other than this one began and did not end in good order, as far as is known.
func (s Starts) ByOthers(process string) bool {
	return slices.ContainsFunc(s, func(start Start) bool { return start.Process != process })
}
