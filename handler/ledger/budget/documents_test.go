package budget

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryRowCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	rows := []any{row{}, Trip{}}
	outgoingtest.Written(t, rows)
	outgoingtest.ReadBack(t, rows...)
	outgoingtest.Kept(t, rows...)
}
