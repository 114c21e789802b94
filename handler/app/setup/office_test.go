package setup

import (
	"testing"
	"time"

	"cordon/handler/ledger"
	"cordon/handler/ledger/rows"
	"cordon/local/tables"
)

// TestAWrongClockOfAComputerIsNotThatOfTheJournal has tables whose clock is three hours ahead.
func TestAWrongClockOfAComputerIsNotThatOfTheJournal(t *testing.T) {
	t.Parallel()
	const ahead = 3 * time.Hour
	server := tables.New(tables.Options{Now: func() time.Time { return time.Now().Add(ahead) }})
	store, err := ledger.Open(rows.Options{
		ConnectionString: server.ConnectionString("127.0.0.1:1"),
		Tenant:           "tenant",
		Transport:        server,
	})
	if err != nil {
		t.Fatal(err)
	}
	off := func() time.Duration { return time.Until(SharedTime(store)()) }
	if off := off().Abs(); off > time.Minute {
		t.Errorf("before any answer it is off by %s", off)
	}
	if err := store.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if off := (off() - ahead).Abs(); off > time.Minute {
		t.Errorf("after an answer it is off by %s", off)
	}
}
