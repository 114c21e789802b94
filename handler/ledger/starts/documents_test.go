package starts

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryDocumentCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	outgoingtest.Written(t, []any{Start{}})
	outgoingtest.ReadBack(t, Start{})
	outgoingtest.Kept(t, Start{})
}
