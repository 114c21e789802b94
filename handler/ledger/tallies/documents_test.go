package tallies

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryRowCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	outgoingtest.Written(t, []any{Day{}, Count{}, Hour{}})
	outgoingtest.ReadBack(t, Day{}, Count{}, Hour{})
	outgoingtest.Kept(t, Day{}, Count{}, Hour{})
}
