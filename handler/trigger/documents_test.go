package trigger

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryAnswerCanBeWrittenWhateverIsInIt(t *testing.T) {
	t.Parallel()
	outgoingtest.Written(t, []any{problemBody{}, problemDetail{}, pushProblem{}, accepted{}})
}
