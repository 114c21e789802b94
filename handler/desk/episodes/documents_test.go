package episodes

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryDocumentCanBeWritten(t *testing.T) {
	t.Parallel()
	documents := []any{Episode{}}
	outgoingtest.Written(t, documents)
	outgoingtest.ReadBack(t, documents...)
}
