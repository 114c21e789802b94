package act_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"cordon/handler/act"
	"cordon/handler/internal/world"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// TestAPlaceThatCannotBeGivenBackEndsNoProcess has the ledger out of reach after the machine could not be read again.
func TestAPlaceThatCannotBeGivenBackEndsNoProcess(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	l := ledger.Latch{MachineID: "m1", Kind: ledger.Isolation, Desired: machine.Isolate, Episode: 1, HeldUntil: w.Clock().Add(time.Minute)}
	actor := act.New(act.Options{Ledger: p.Ledger, Log: slog.New(slog.DiscardHandler), Now: w.Clock})
	actor.Uncount(gone, l)
}
