package tallies

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryRowCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	outgoingtest.Written(t, []any{Day{}, Count{}})
	outgoingtest.ReadBack(t, Day{}, Count{})
	outgoingtest.Kept(t, Day{}, Count{})
}
