package ledger

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryRowCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	rows := []any{Seen{}, Run{}, RunRef{}, budget{}, Finding{}, Held{}, HeldStep{}, Hunt{}, HuntTurn{},
		HuntResult{}, huntPart{}, huntRow{}, Latch{}, Joiner{}, OpenEpisode{}, Met{}, metRow{}, neighbour{},
		noticeHead{}, Notice{}, NoticeEntry{}, OpenRun{}, Pause{}, endpointPause{}, Release{}, StepState{},
		Start{}, Stuck{}, Mark{}, Trip{}, Lookup{}, Lookups{}, Watermark{}}
	outgoingtest.Written(t, rows)
	outgoingtest.ReadBack(t, rows...)
}
