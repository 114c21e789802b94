package main

import (
	"testing"

	"cordon/handler/alert"
	"cordon/handler/doctor"
	"cordon/handler/follow"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/outgoing/outgoingtest"
	"cordon/handler/playbook"
	"cordon/handler/poll"
)

func TestEveryDocumentOfTheProgramIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	outgoingtest.ReadBack(t, alert.Alert{}, alert.Message{}, machine.Machine{}, machine.Action{}, notice.Event{},
		notice.Message{}, poll.Swept{}, follow.Drift{}, doctor.Finding{}, playbook.Plan{})
}
