package backtest

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryDocumentCanBeWritten(t *testing.T) {
	t.Parallel()
	documents := []any{
		Report{}, Count{}, Change{}, Side{}, Clause{}, Reason{}, Example{}, Rule{}, Tally{}, Unknown{}, Reach{}, Day{},
		Observe{},
	}
	outgoingtest.Written(t, documents)
	outgoingtest.ReadBack(t, documents...)
}
