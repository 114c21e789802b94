package poll

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryDocumentCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	documents := []any{Swept{}, latenessNote{}, Standing{}, Sight{}}
	outgoingtest.Written(t, append(documents, Lateness{}))
	outgoingtest.ReadBack(t, documents...)
}
