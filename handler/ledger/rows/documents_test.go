package rows

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryRowCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	rows := []any{Keys{}, probe{}}
	outgoingtest.Written(t, rows)
	outgoingtest.ReadBack(t, rows...)
}
