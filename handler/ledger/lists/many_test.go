package lists

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/internal/long"
	"cordon/handler/ledger/rows"
	"cordon/handler/outgoing"
	"cordon/local/tables"
)

// counting counts requests.
type counting struct {
	*tables.Server
	calls int
}

func (c *counting) Do(r *http.Request) (*http.Response, error) {
	c.calls++
	return c.Server.Do(r)
}

// filled is a store with so many runs, a minute apart, and what counts its calls.
func filled(t *testing.T, runs int) (*Store, *counting) {
	t.Helper()
	server := &counting{Server: tables.New(tables.Options{PageSize: 1000})}
	made, err := rows.Connect(rows.Options{
		ConnectionString: server.ConnectionString("127.0.0.1:1"),
		Tenant:           "tenant",
		Transport:        server,
	})
	if err == nil {
		err = made.Prepare(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	s := In(made)
	var all []tables.Row
	for i := range runs {
		all = append(all, rowsOf(t, s, run(i))...)
	}
	slices.SortFunc(all, func(a, b tables.Row) int { return strings.Compare(a.RowKey, b.RowKey) })
	for _, row := range all {
		server.PutRow(rows.RunIndex, row)
	}
	server.calls = 0
	return s, server
}

// run is one of many: of a few machines, rules and outcomes, over 24 incidents.
func run(i int) Entry {
	return Entry{
		AlertID:     fmt.Sprintf("da%d", i),
		Version:     1,
		ObservedAt:  noon.Add(time.Duration(i) * time.Minute),
		ClosedAt:    noon.Add(time.Duration(i)*time.Minute + time.Second),
		MachineID:   fmt.Sprintf("m%d", i%5),
		MachineName: fmt.Sprintf("pc%d.contoso.com", i%5),
		Incident:    int64(1 + i%24),
		Title:       "A title of the usual length, as Defender writes them",
		Severity:    []string{"High", "Medium"}[i%2],
		Rule:        []string{"contain", "tell", ""}[i%3],
		Outcome:     []string{"isolated", "held", "no rule"}[i%3],
		Mode:        "enforce",
	}
}

// rowsOf are the rows of a run, as Enter writes them.
func rowsOf(t *testing.T, s *Store, e Entry) (all []tables.Row) {
	t.Helper()
	for _, list := range e.Lists() {
		again := e
		again.Keys = s.lists.At(list+"|"+e.place(), partition)
		all = append(all, stored(t, again))
	}
	return all
}

// stored is a row as the tables have it.
func stored(t *testing.T, row any) tables.Row {
	t.Helper()
	body, err := outgoing.Encode(row)
	if err != nil {
		t.Fatal(err)
	}
	var columns map[string]any
	if err := json.Unmarshal(body, &columns); err != nil {
		t.Fatal(err)
	}
	kept := tables.Row{
		PartitionKey: columns["PartitionKey"].(string),
		RowKey:       columns["RowKey"].(string),
		Properties:   columns,
	}
	delete(columns, "PartitionKey")
	delete(columns, "RowKey")
	for name, value := range columns {
		if n, isNumber := value.(float64); isNumber {
			columns[name] = int32(n)
		}
	}
	return kept
}

// TestAPageIsOneCallHoweverManyRunsThereAre reads the same pages over a hundred runs and over a hundred thousand.
func TestAPageIsOneCallHoweverManyRunsThereAre(t *testing.T) {
	long.Test(t)
	few, fewCalls := filled(t, 100)
	many, manyCalls := filled(t, 100_000)
	for name, q := range map[string]Query{
		"all":                  {},
		"machine":              {Machine: "m1"},
		"name":                 {Name: "pc1"},
		"incident":             {Incident: 7},
		"severity":             {Severity: "High"},
		"rule":                 {Rule: "contain"},
		"outcome":              {Outcome: "held"},
		"rule and outcome":     {Rule: "contain", Outcome: "isolated"},
		"machine and severity": {Machine: "m1", Severity: "High"},
		"everything":           {Machine: "m1", Incident: 2, Severity: "Medium", Rule: "tell", Outcome: "held"},
		"since":                {Since: noon.Add(10 * time.Minute)},
		"between":              {Since: noon.Add(10 * time.Minute), Until: noon.Add(20 * time.Minute)},
	} {
		q.Limit = 20
		fewCalls.calls, manyCalls.calls = 0, 0
		ofFew, _, err := few.Page(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		ofMany, _, err := many.Page(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d runs in %s", name, len(ofMany), time.Since(begun).Round(time.Millisecond))
		if fewCalls.calls != 1 || manyCalls.calls != 1 {
			t.Errorf("%s: %d calls for a hundred runs, %d for a hundred thousand", name, fewCalls.calls, manyCalls.calls)
		}
		if len(ofMany) < len(ofFew) {
			t.Errorf("%s: %d runs of a hundred, %d of a hundred thousand", name, len(ofFew), len(ofMany))
		}
		for _, e := range ofMany {
			if !q.wants(e) {
				t.Errorf("%s: %+v", name, e)
			}
		}
	}
}
