package episode

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
)

// Mark begins the comment of every machine action, so that it can be found again whatever became of the answer. It
// names the run, the episode and, where latches differ only by it, the scope.
func Mark(runID string, l latches.Latch) string {
	return fmt.Sprintf("[cordon %s %s]", runID, episodeMark(l))
}

func episodeMark(l latches.Latch) string {
	mark := fmt.Sprintf("e%d", l.Episode)
	_, scope, scoped := strings.Cut(l.Kind, ":")
	if scoped {
		mark += "/" + scope
	}
	return mark
}

var markPattern = regexp.MustCompile(`^\[cordon (\S+) (e\d+(?:/\w+)?)\]`)

// Asked is what the mark of an action says of who asked for it.
type Asked struct {
	RunID   string
	Latch   string // its kind; the machine is known from the action
	Episode int
}

// AskedBy reads the mark of an action; false if it carries none.
func AskedBy(a machine.Action) (Asked, bool) {
	match := markPattern.FindStringSubmatch(a.Comment)
	spec, known := machine.SpecOf(a.Type)
	if match == nil || !known {
		return Asked{}, false
	}
	number, scope, _ := strings.Cut(strings.TrimPrefix(match[2], "e"), "/")
	n, err := strconv.Atoi(number)
	return Asked{
		RunID:   match[1],
		Latch:   spec.LatchOf(machine.Scope(scope)),
		Episode: n,
	}, err == nil
}

// KnownTo reports whether a latch has asked for an action in that episode, or had a later one.
func (m Asked) KnownTo(l latches.Latch) bool {
	return l.Episode > m.Episode || l.Episode == m.Episode && !l.FirstIntentAt.IsZero()
}

// hasMark reports whether an action carries the whole mark of some run and episode.
func hasMark(a machine.Action) bool { return markPattern.MatchString(a.Comment) }

// Marks reports whether an action carries the mark of a latch's episode. The machine is known from the action.
func Marks(a machine.Action, l latches.Latch) bool {
	match := markPattern.FindStringSubmatch(a.Comment)
	return a.Type == l.Desired &&
		match != nil &&
		match[2] == episodeMark(l)
}

// IsOf reports whether an action was asked for by a run.
func IsOf(a machine.Action, runID string) bool {
	return strings.HasPrefix(a.Comment, "[cordon "+runID+" ")
}
