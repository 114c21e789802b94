package deadletters

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryDocumentCanBeWritten(t *testing.T) {
	t.Parallel()
	outgoingtest.Written(t, []any{view{}, listed{}, detailed{}, fate{}, fates{}})
}
