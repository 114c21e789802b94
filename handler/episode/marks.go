package episode

import (
	"fmt"
	"regexp"
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
