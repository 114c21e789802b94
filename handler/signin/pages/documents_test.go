package pages

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestASignInOnItsWayCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	outgoingtest.Written(t, []any{flow{}})
	outgoingtest.ReadBack(t, flow{})
}
