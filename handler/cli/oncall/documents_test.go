package oncall

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryDocumentCanBeWritten(t *testing.T) {
	t.Parallel()
	outgoingtest.Written(t, []any{
		deadLetterView{}, deadLetterList{}, deadLetterDetail{}, takenView{}, takenList{},
		doctorReport{}, heldView{}, heldStep{}, heldResult{}, isolationView{}, releaseView{}, pauseView{},
	})
}
