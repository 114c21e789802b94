package wire

import (
	"testing"

	"cordon/handler/outgoing/outgoingtest"
)

func TestEveryDocumentCanBeWritten(t *testing.T) {
	t.Parallel()
	documents := []any{
		Problem{}, Order{}, Result{}, Results{}, Me{}, SignIn{},
		Isolated{}, Isolation{}, Run{}, RunStep{}, RunVersion{}, Runs{}, RunLine{}, Counts{}, DayCount{}, Count{},
		Overview{}, HourCount{}, OutcomeCount{}, Spread{}, MachineNames{}, MachineName{},
		Today{}, Links{}, RunTold{}, Machine{},
		MachineAction{}, Held{}, HeldEntry{}, HeldStep{}, Pause{}, Hunts{}, Hunt{},
		DeadLetters{}, DeadLetter{}, Doctor{}, Journal{}, Entry{},
		ReleaseOrder{}, CancelOrder{}, HeldOrder{}, PauseOrder{}, PauseResult{}, DeadLetterOrder{}, EnqueueOrder{},
		HuntOrder{}, HuntRows{}, Decisions{}, EraseOrder{}, Erased{}, Mails{}, Mail{}, MailOrder{},
		Health{}, Met{}, Source{}, Sight{}, Lateness{}, Unanswered{}, Stuck{}, Drift{}, Swept{}, LastError{},
	}
	outgoingtest.Written(t, documents)
	outgoingtest.ReadBack(t, documents...)
}

// TestHealthIsWrittenAsItEverWas is for those who watch it with programs of their own.
func TestHealthIsWrittenAsItEverWas(t *testing.T) {
	t.Parallel()
	outgoingtest.Kept(t, Health{})
}
