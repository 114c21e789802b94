package looks

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestWhatIsKeptOfAnAlertCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	outgoingtest.Written(t, []any{Looks{}})
	outgoingtest.ReadBack(t, Looks{})
}
