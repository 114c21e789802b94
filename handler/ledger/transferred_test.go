package ledger

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/transfer"
	"cordon/local/tables"
)

// TestEveryKindOfRowIsTakenAlong exports a ledger with a row of every kind and holds what is imported against it.
func TestEveryKindOfRowIsTakenAlong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // a reservation counts the time that passes
		was := openedIn(t, tables.New(tables.Options{}))
		was.Neighbours.Kept = true
		writeEveryKind(t, was)
		var file bytes.Buffer
		_, err := transfer.Ledger{Tables: was.Tables, Switches: was.Switches}.Export(t.Context(), &file,
			transfer.Made("t", "1", noon), nil)
		if err != nil {
			t.Fatal(err)
		}
		is := openedIn(t, tables.New(tables.Options{}))
		open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file.Bytes())), nil }
		_, err = transfer.Ledger{Tables: is.Tables, Switches: is.Switches}.Import(t.Context(), open,
			transfer.Import{Who: "alice", Complete: true, Now: noon})
		if err != nil {
			t.Fatal(err)
		}
		want := slices.DeleteFunc(everyRow(t, was), func(row string) bool {
			return strings.Contains(row, "|session") || strings.Contains(row, "signin-key")
		})
		got := slices.DeleteFunc(everyRow(t, is), func(row string) bool {
			return strings.Contains(row, `"RowKey":"import"`)
		})
		if len(want) < 30 || !slices.Equal(got, want) {
			t.Errorf("the rows were:\n%s\nand are:\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
		}
	})
}

// everyRow are all rows, as readable gives them.
func everyRow(t *testing.T, s *Store) []string {
	t.Helper()
	var all []string
	for _, name := range rows.Names() {
		for row, err := range rows.Each[map[string]any](t.Context(), s.Table(name), "PartitionKey ge '!'", "") {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, name+" "+readable(t, row))
		}
	}
	slices.Sort(all)
	return all
}

// openedIn is a ledger in some tables.
func openedIn(t *testing.T, server *tables.Server) *Store {
	t.Helper()
	s, err := Open(rows.Options{
		ConnectionString: server.ConnectionString("127.0.0.1:1"),
		Prefix:           "t",
		Tenant:           "ten/ant",
		Transport:        server,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}
