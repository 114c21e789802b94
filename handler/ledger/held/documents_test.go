package held

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryRowCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	rows := []any{Entry{}, Step{}}
	outgoingtest.Written(t, rows)
	outgoingtest.ReadBack(t, rows...)
	outgoingtest.Kept(t, rows...)
}
