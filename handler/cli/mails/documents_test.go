package mails

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryDocumentCanBeWritten(t *testing.T) {
	t.Parallel()
	outgoingtest.Written(t, []any{listed{}})
}
