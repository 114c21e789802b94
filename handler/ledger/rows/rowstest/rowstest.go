// Package rowstest holds what is promised of rows over the stand-in for Azure Tables and over the vendor's storage
// emulator. Only tests use it.
package rowstest

import (
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"

	"cordon/handler/internal/long"
	"cordon/handler/ledger/rows"
	"cordon/local/azurite"
	"cordon/local/tables"
)

// Hold holds promises of what in opens, each against tables of its own.
func Hold[S any](t *testing.T, in func(*rows.Tables) S, promises map[string]func(*testing.T, S)) {
	t.Helper()
	overBoth(t, func(t *testing.T, connection string) {
		prefix := 0
		for name, promise := range promises {
			prefix++
			o := rows.Options{
				ConnectionString: connection,
				Prefix:           fmt.Sprintf("t%d", prefix),
				Tenant:           "tenant",
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				promise(t, in(open(t, o)))
			})
		}
	})
}

// HoldApart holds a promise of two tenants in the same tables.
func HoldApart[S any](t *testing.T, in func(*rows.Tables) S, promise func(t *testing.T, one, other S)) {
	t.Helper()
	overBoth(t, func(t *testing.T, connection string) {
		one := open(t, rows.Options{
			ConnectionString: connection,
			Prefix:           "t",
			Tenant:           "tenant",
		})
		other := open(t, rows.Options{
			ConnectionString: connection,
			Prefix:           "t",
			Tenant:           "tenant2",
		})
		promise(t, in(one), in(other))
	})
}

// overBoth runs a test over both services.
func overBoth(t *testing.T, test func(t *testing.T, connection string)) {
	t.Helper()
	t.Run("tables", func(t *testing.T) {
		t.Parallel()
		server := tables.New(tables.Options{PageSize: 3})
		web := httptest.NewServer(server)
		t.Cleanup(web.Close)
		test(t, server.ConnectionString(web.URL))
	})
	t.Run("azurite", func(t *testing.T) {
		long.Test(t)
		t.Parallel()
		test(t, azurite.Start(t))
	})
}

// open makes the tables, as many instances do that start at once.
func open(t *testing.T, o rows.Options) *rows.Tables {
	t.Helper()
	made, err := rows.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			if err := made.Prepare(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	return made
}
