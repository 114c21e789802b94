package notices

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryRowCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	rows := []any{head{}, Notice{}, Entry{}, thread{}}
	outgoingtest.Written(t, rows)
	outgoingtest.ReadBack(t, rows...)
	outgoingtest.Kept(t, rows...)
}
