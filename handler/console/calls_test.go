package console

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/operate/wire"
	"cordon/local/tables"
)

// grown is a world in which an alert was answered, with its rows so often as if so many alerts had been.
func grown(t *testing.T, alerts int) *world.World {
	t.Helper()
	w := isolated(t)
	for table, rows := range w.Copy() {
		var more []tables.Row
		for _, row := range rows {
			if !strings.Contains(row.RowKey+row.PartitionKey, "da1") {
				continue
			}
			for i := range alerts - 1 {
				other := row
				id := "da1" + strconv.Itoa(1_000_000+i)
				other.PartitionKey = strings.ReplaceAll(row.PartitionKey, "da1", id)
				other.RowKey = strings.ReplaceAll(row.RowKey, "da1", id)
				more = append(more, other)
			}
		}
		slices.SortFunc(more, func(a, b tables.Row) int {
			return strings.Compare(a.PartitionKey+"\x00"+a.RowKey, b.PartitionKey+"\x00"+b.RowKey)
		})
		for _, row := range more {
			w.Tables.PutRow("t"+table, row)
		}
	}
	return w
}

// callsOf counts the calls to the tables that each page makes.
func callsOf(t *testing.T, w *world.World) map[string]int64 {
	t.Helper()
	s := newSite(t, w, wire.Operator)
	var calls atomic.Int64
	w.Tables.SetFault(func(*http.Request) *tables.Fault {
		calls.Add(1)
		return nil
	})
	found := map[string]int64{}
	pagePaths, orderPaths := Pages()
	for _, path := range append(pagePaths, orderPaths...) {
		calls.Store(0)
		begun := time.Now()
		a := s.get(path + queryOf(path))
		if a.StatusCode >= http.StatusBadRequest {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
		found[path] = calls.Load()
		t.Logf("%s: %d calls, %s", path, found[path], time.Since(begun).Round(time.Millisecond))
	}
	return found
}

// TestPagesMakeAsManyCallsHoweverManyRunsThereAre asks every page over the record of two alerts and of a hundred
// thousand.
func TestPagesMakeAsManyCallsHoweverManyRunsThereAre(t *testing.T) {
	long.Test(t)
	few := callsOf(t, grown(t, 2))
	much := grown(t, 100_000)
	many := callsOf(t, much)
	if a := newSite(t, much, wire.Reader).get(Base + "/runs"); !strings.Contains(a.text, "Older") {
		t.Errorf("there is no hundred thousand runs: %s", a.text)
	}
	for _, path := range slices.Sorted(maps.Keys(few)) {
		if few[path] != many[path] {
			t.Errorf("%s makes %d calls over two runs, %d over a hundred thousand", path, few[path], many[path])
		}
	}
}
