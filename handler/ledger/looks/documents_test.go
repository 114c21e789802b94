package looks

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestWhatIsKeptOfAnAlertCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	outgoingtest.Written(t, []any{Looks{}, Change{}, work{}})
	outgoingtest.ReadBack(t, Looks{}, Change{}, work{})
}
