package lists

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryRowCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	rows := []any{Entry{}, Named{}}
	outgoingtest.Written(t, rows)
	outgoingtest.ReadBack(t, rows...)
	outgoingtest.Kept(t, rows...)
}
