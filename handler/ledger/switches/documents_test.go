package switches

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryRowCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	rows := []any{Met{}, metRow{}, Pause{}, endpointPause{}, Mark{}, Lookup{}, Lookups{}, Watermark{}, Beginning{}}
	outgoingtest.Written(t, rows)
	outgoingtest.ReadBack(t, rows...)
	outgoingtest.Kept(t, rows...)
}
