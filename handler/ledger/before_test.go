package ledger

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/local/tables"
)

// stored is a row as readable shows it.
type stored struct {
	table      string
	properties map[string]any
}

func (s stored) key() string {
	return fmt.Sprint(s.table, " ", s.properties["PartitionKey"], " ", s.properties["RowKey"])
}

// storedIn reads a file of rows, by key.
func storedIn(t *testing.T, file string) map[string]stored {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]stored{}
	for line := range strings.Lines(string(text)) {
		table, body, _ := strings.Cut(line, " ")
		row := stored{table: table}
		if err := json.Unmarshal([]byte(body), &row.properties); err != nil {
			t.Fatal(err)
		}
		all[row.key()] = row
	}
	return all
}

// lostByOlder is what the version before does not know, and so takes off a row whenever it writes one, with what
// becomes of that. Nothing that keeps an alert from being lost or a machine from being reached twice may stand here:
// such a thing needs a row of its own.
func lostByOlder() map[string]string {
	return map[string]string{
		"Listed":   "lists of runs show an entry that is no longer so, until the run is written again",
		"Incident": "the run is on no list of its incident",
		"First":    "the next mail begins a thread, or goes with the first of its group",
	}
}

// unread is what only the version before kept, and this one finds otherwise: runs by day, now on lists.
func unread(key string) bool {
	return strings.HasPrefix(key, "runindex ten=2Fant|2026-")
}

// TestTheVersionBeforeReadsTheseRows holds what the version before would read: each of its rows stands where it looks,
// with every property that it knows in the form that it knows. testdata/before.txt is that version's testdata/rows.txt.
func TestTheVersionBeforeReadsTheseRows(t *testing.T) {
	t.Parallel()
	is := storedIn(t, "testdata/rows.txt")
	for key, was := range storedIn(t, "testdata/before.txt") {
		now, there := is[key]
		if !there {
			if !unread(key) {
				t.Errorf("the version before looks for the row %s", key)
			}
			continue
		}
		for name, value := range was.properties {
			if got := now.properties[name]; reflect.TypeOf(got) != reflect.TypeOf(value) {
				t.Errorf("%s: %s was %v and is %v", key, name, value, got)
			}
		}
		for name := range now.properties {
			_, known := was.properties[name]
			if plain, _, _ := strings.Cut(name, "@"); !known && lostByOlder()[plain] == "" {
				t.Errorf("%s: the version before takes %s off; say in lostByOlder what becomes of that", key, name)
			}
		}
	}
}

// TestRowsOfTheVersionBeforeAreRead puts the rows of the version before into tables and reads them.
func TestRowsOfTheVersionBeforeAreRead(t *testing.T) {
	t.Parallel()
	server := tables.New(tables.Options{})
	s := openedIn(t, server)
	before := storedIn(t, "testdata/before.txt")
	for _, key := range slices.Sorted(maps.Keys(before)) {
		server.PutRow("t"+before[key].table, entityOf(t, before[key].properties))
	}
	record, err := s.Runs.Alert(t.Context(), "da'1|x")
	run, found := record.Latest()
	if err != nil || !found || run.State != runs.Waiting || len(run.Steps) != 2 ||
		run.EpisodeOf(latches.Isolation) != 3 || run.AskedAt.IsZero() || run.ReissuesOf(latches.Isolation) != 1 {
		t.Errorf("the run of before is %+v, %v", run, err)
	}
	var plan string
	if is, err := run.ReadPlan(&plan); err != nil || !is || plan != "plan" {
		t.Errorf("its plan is %q, %v", plan, err)
	}
	l, err := s.Latches.Of(t.Context(), "m1", latches.Isolation)
	if err != nil || l.Episode != 3 || l.State != latches.Preparing || len(l.AllReleases()) != 1 {
		t.Errorf("the latch of before is %+v, %v", l, err)
	}
	if joiners, err := s.Latches.Joiners(t.Context(), l); err != nil || len(joiners) != 1 {
		t.Errorf("joiners %+v, %v", joiners, err)
	}
	if open, err := s.Latches.OpenEpisodes(t.Context()); err != nil || len(open) != 1 {
		t.Errorf("open episodes %+v, %v", open, err)
	}
	if h, found, err := s.Held.Of(t.Context(), "da'1|x", 1); err != nil || !found || len(h.Wanted()) != 1 {
		t.Errorf("held %+v, %v, %v", h, found, err)
	}
	if f, found, err := s.Findings.Of(t.Context(), "hunt:tools:0a"); err != nil || !found || f.MachineID != "m1" ||
		!f.Since.IsZero() {
		t.Errorf("finding %+v, %v, %v", f, found, err)
	}
	if pause, err := s.Switches.Pause(t.Context()); err != nil || !pause.Paused {
		t.Errorf("pause %+v, %v", pause, err)
	}
	if began, err := s.Switches.Beginning(t.Context()); err != nil || !began.At.Equal(noon) {
		t.Errorf("the beginning is %+v, %v; want where the first poll began", began, err)
	}
	if known, err := s.Hunts.Known(t.Context(), "tools", noon.Add(-time.Hour)); err != nil || len(known) != 1 {
		t.Errorf("rows that a hunt remembers: %v, %v", known, err)
	}
	if n, opened, err := s.Notices.Add(t.Context(), event("incident:7", "first"), noon); err != nil || opened {
		t.Errorf("a notice of before is told again: %+v, %v", n, err)
	}
	o, fresh, _, err := s.Journal.Give(t.Context(), journal.Order{Command: "c-1", Digest: "d", At: noon})
	if err != nil || fresh {
		t.Errorf("an order of before is given anew: %+v, %v", o, err)
	}

	// And they are written: what the version before knew stays.
	if _, err := s.Runs.Update(t.Context(), "da'1|x", 1, func(r *runs.Run) (bool, error) {
		r.Finish("isolate", "isolated", "by c", noon)
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	record, err = s.Runs.Alert(t.Context(), "da'1|x")
	run, _ = record.Latest()
	if err != nil || run.State != runs.Closed || !strings.Contains(run.Outcome, "isolated") || run.AskedAt.IsZero() {
		t.Errorf("the run is now %+v, %v", run, err)
	}
}

// entityOf makes the row of what readable shows.
func entityOf(t *testing.T, shown map[string]any) tables.Row {
	t.Helper()
	row := tables.Row{Properties: map[string]any{}}
	for name, value := range shown {
		text, isText := value.(string)
		kind := shown[name+"@odata.type"]
		switch {
		case name == "PartitionKey":
			row.PartitionKey = text
		case name == "RowKey":
			row.RowKey = text
		case strings.Contains(name, "@"):
		case kind == "Edm.Binary":
			body, err := base64.StdEncoding.DecodeString(text)
			if json.Valid([]byte(text)) { // readable unpacked it
				body, err = rows.Pack(json.RawMessage(text))
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			row.Properties[name] = body
		case kind == "Edm.Int64":
			number, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			row.Properties[name] = number
		case isText:
			row.Properties[name] = text
		default:
			row.Properties[name] = value
			if number, is := value.(float64); is {
				row.Properties[name] = int32(number)
			}
		}
	}
	return row
}
