package notice

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryDocumentCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	documents := []any{Event{}, Message{}}
	outgoingtest.Written(t, documents)
	outgoingtest.ReadBack(t, documents...)
}
