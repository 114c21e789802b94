package answer

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryDocumentCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	documents := []any{ownChange{}}
	outgoingtest.Written(t, documents)
	outgoingtest.ReadBack(t, documents...)
}
