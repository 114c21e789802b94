package ledger

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryRowCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	rows := []any{Seen{}, Run{}, RunRef{}, budget{}, Finding{}, Held{}, HeldStep{}, Latch{}, Joiner{},
		OpenEpisode{}, neighbour{}, OpenRun{}, Release{}, StepState{}, Start{}, Stuck{}, Trip{}}
	outgoingtest.Written(t, rows)
	outgoingtest.ReadBack(t, rows...)
	outgoingtest.Kept(t, rows...)
}
