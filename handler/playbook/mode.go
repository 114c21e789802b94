package playbook

import "fmt"

// Mode says whether acting steps are carried out or only reported. The zero value counts as Observe everywhere.
type Mode string

// The modes.
const (
	Observe Mode = "observe" // decide and record, act on nothing
	Enforce Mode = "enforce" // act
)

// ParseMode reads a mode as it is written in settings and playbooks; empty means Observe.
func ParseMode(s string) (Mode, error) {
	switch Mode(s) {
	case "", Observe:
		return Observe, nil
	case Enforce:
		return Enforce, nil
	}
	return Observe, fmt.Errorf("%q is no mode: observe or enforce", s)
}

// Lower is the more careful one of two modes; whatever is not exactly Enforce counts as Observe.
func Lower(a, b Mode) Mode {
	if a == Enforce && b == Enforce {
		return Enforce
	}
	return Observe
}
