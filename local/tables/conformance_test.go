package tables_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/local/azurite"
	"cordon/local/tables"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
	"github.com/google/go-cmp/cmp"
)

// TestConformance holds the same promises against this stand-in and against the vendor's emulator, through the vendor's
// client. A promise that only the emulator breaks is not here: those where the real service is stricter are in the
// stand-in's own tests.
func TestConformance(t *testing.T) {
	t.Run("tables", func(t *testing.T) {
		_, service := serve(t, tables.Options{})
		conformance(t, service)
	})
	t.Run("azurite", func(t *testing.T) {
		if testing.Short() {
			t.Skip("it starts the emulator: left out with -short")
		}
		conformance(t, connect(t, azurite.Start(t)))
	})
}

func conformance(t *testing.T, service *aztables.ServiceClient) {
	cases := []struct {
		promise string
		hold    func(*testing.T, *aztables.Client)
	}{
		{"a row comes back as it was inserted", insertAndRead},
		{"a second insert conflicts", insertTwice},
		{"what is missing is not found", missing},
		{"a merge keeps and a replace drops the other properties", mergeAndReplace},
		{"a stale ETag is refused and a fresh one taken", staleETag},
		{"an upsert needs no row", upsert},
		{"of many conditional writers none is lost", race},
		{"typed values keep their type", typedValues},
		{"metadata comes as asked", metadataLevels},
		{"a transaction does all its writes", transaction},
		{"a failed transaction does none and says which action failed", failedTransaction},
		{"a transaction refuses a row twice", duplicateRow},
		{"a transaction takes 100 actions and no more", transactionSize},
		{"a stale ETag fails its transaction", staleTransaction},
		{"filters select", filters},
		{"a malformed filter is refused", malformedFilters},
		{"select leaves out the rest", selection},
		{"pages continue in key order", paging},
		{"a page holds 1,000 rows", fullPage},
		{"keys may hold quotes, spaces and letters of any script", unusualKeys},
		{"limits hold", limits},
	}
	for i, c := range cases {
		t.Run(c.promise, func(t *testing.T) {
			c.hold(t, createTable(t, service, fmt.Sprintf("case%02d", i)))
		})
	}
	t.Run("a table is there once", func(t *testing.T) { tableLife(t, service) })
}

func tableLife(t *testing.T, service *aztables.ServiceClient) {
	createTable(t, service, "life")
	_, err := service.CreateTable(t.Context(), "life", nil)
	refused(t, err, http.StatusConflict, "TableAlreadyExists")
	filter := "TableName eq 'life'"
	page, err := service.NewListTablesPager(&aztables.ListTablesOptions{Filter: &filter}).NextPage(t.Context())
	if err != nil || len(page.Tables) != 1 || *page.Tables[0].Name != "life" {
		t.Fatalf("listed %d tables, %v; want life", len(page.Tables), err)
	}
	if _, err := service.DeleteTable(t.Context(), "life", nil); err != nil {
		t.Fatal(err)
	}
	_, err = service.DeleteTable(t.Context(), "life", nil)
	refused(t, err, http.StatusNotFound, "")
	_, err = service.NewClient("life").AddEntity(t.Context(), encode(t, entity("p", "r")), nil)
	refused(t, err, http.StatusNotFound, "TableNotFound")
}

func insertAndRead(t *testing.T, c *aztables.Client) {
	tag := insert(t, c, entity("p", "r", "Name", "web-01", "Count", 3, "Open", true, "Nothing", nil))
	got, gotTag := read(t, c, "p", "r")
	want := row{"PartitionKey": "p", "RowKey": "r", "Name": "web-01", "Count": 3.0, "Open": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if tag != gotTag {
		t.Errorf("inserted with %s, read with %s", tag, gotTag)
	}
}

func insertTwice(t *testing.T, c *aztables.Client) {
	insert(t, c, entity("p", "r", "Name", "first"))
	_, err := c.AddEntity(t.Context(), encode(t, entity("p", "r", "Name", "second")), nil)
	refused(t, err, http.StatusConflict, "EntityAlreadyExists")
	if got, _ := read(t, c, "p", "r"); got["Name"] != "first" {
		t.Errorf("the refused insert wrote %v", got)
	}
}

func missing(t *testing.T, c *aztables.Client) {
	_, err := c.GetEntity(t.Context(), "p", "r", nil)
	refused(t, err, http.StatusNotFound, "ResourceNotFound")
	_, err = c.UpdateEntity(t.Context(), encode(t, entity("p", "r")), nil)
	refused(t, err, http.StatusNotFound, "ResourceNotFound")
	_, err = c.DeleteEntity(t.Context(), "p", "r", nil)
	refused(t, err, http.StatusNotFound, "ResourceNotFound")
}

func mergeAndReplace(t *testing.T, c *aztables.Client) {
	insert(t, c, entity("p", "r", "A", "a", "B", "b"))
	update := func(mode aztables.UpdateMode, r row) {
		if _, err := c.UpdateEntity(t.Context(), encode(t, r),
			&aztables.UpdateEntityOptions{UpdateMode: mode}); err != nil {
			t.Fatal(err)
		}
	}
	update(aztables.UpdateModeMerge, entity("p", "r", "B", "new", "C", "c", "A", nil))
	got, _ := read(t, c, "p", "r")
	if diff := cmp.Diff(entity("p", "r", "A", "a", "B", "new", "C", "c"), got); diff != "" {
		t.Errorf("after the merge: %s", diff)
	}
	update(aztables.UpdateModeReplace, entity("p", "r", "C", "only"))
	got, _ = read(t, c, "p", "r")
	if diff := cmp.Diff(entity("p", "r", "C", "only"), got); diff != "" {
		t.Errorf("after the replace: %s", diff)
	}
}

func staleETag(t *testing.T, c *aztables.Client) {
	stale := insert(t, c, entity("p", "r", "N", 1))
	for _, mode := range []aztables.UpdateMode{aztables.UpdateModeMerge, aztables.UpdateModeReplace} {
		_, current := read(t, c, "p", "r")
		response, err := c.UpdateEntity(t.Context(), encode(t, entity("p", "r", "N", 2)), &aztables.UpdateEntityOptions{
			IfMatch:    &current,
			UpdateMode: mode,
		})
		if err != nil || response.ETag == current {
			t.Fatalf("%s with the current ETag: %v, new ETag %s after %s", mode, err, response.ETag, current)
		}
		_, err = c.UpdateEntity(t.Context(), encode(t, entity("p", "r", "N", 9)), &aztables.UpdateEntityOptions{
			IfMatch:    &stale,
			UpdateMode: mode,
		})
		refused(t, err, http.StatusPreconditionFailed, "UpdateConditionNotSatisfied")
	}
	_, err := c.DeleteEntity(t.Context(), "p", "r", &aztables.DeleteEntityOptions{IfMatch: &stale})
	refused(t, err, http.StatusPreconditionFailed, "UpdateConditionNotSatisfied")
	got, current := read(t, c, "p", "r")
	if got["N"] != 2.0 {
		t.Errorf("a refused write left %v", got)
	}
	if _, err := c.DeleteEntity(t.Context(), "p", "r", &aztables.DeleteEntityOptions{IfMatch: &current}); err != nil {
		t.Error(err)
	}
	_, err = c.GetEntity(t.Context(), "p", "r", nil)
	refused(t, err, http.StatusNotFound, "ResourceNotFound")
}

func upsert(t *testing.T, c *aztables.Client) {
	for _, mode := range []aztables.UpdateMode{aztables.UpdateModeMerge, aztables.UpdateModeReplace} {
		for _, name := range []string{"A", "B"} {
			response, err := c.UpsertEntity(t.Context(), encode(t, entity("p", string(mode), name, "x")),
				&aztables.UpsertEntityOptions{UpdateMode: mode})
			if err != nil || response.ETag == "" {
				t.Fatalf("%s: ETag %q, %v", mode, response.ETag, err)
			}
		}
	}
	merged, _ := read(t, c, "p", string(aztables.UpdateModeMerge))
	replaced, _ := read(t, c, "p", string(aztables.UpdateModeReplace))
	if merged["A"] != "x" || merged["B"] != "x" || replaced["A"] != nil || replaced["B"] != "x" {
		t.Errorf("merged %v, replaced %v", merged, replaced)
	}
}

func race(t *testing.T, c *aztables.Client) {
	const writers, each = 4, 5
	insert(t, c, entity("p", "r", "N", 0))
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				for !increment(t, c) && !t.Failed() {
				}
			}
		})
	}
	group.Wait()
	if got, _ := read(t, c, "p", "r"); got["N"] != float64(writers*each) {
		t.Errorf("counted to %v, want %d", got["N"], writers*each)
	}
}

// increment reports false when another writer was faster.
func increment(t *testing.T, c *aztables.Client) bool {
	response, err := c.GetEntity(t.Context(), "p", "r", nil)
	if err != nil {
		t.Error(err)
		return false
	}
	var r struct{ N int }
	if err := json.Unmarshal(response.Value, &r); err != nil {
		t.Error(err)
		return false
	}
	change, _ := json.Marshal(entity("p", "r", "N", r.N+1))
	_, err = c.UpdateEntity(t.Context(), change, &aztables.UpdateEntityOptions{
		IfMatch:    &response.ETag,
		UpdateMode: aztables.UpdateModeReplace,
	})
	if err != nil && !strings.Contains(err.Error(), "UpdateConditionNotSatisfied") {
		t.Error(err)
	}
	return err == nil
}

func typedValues(t *testing.T, c *aztables.Client) {
	properties := map[string]any{
		"String": "tschüß 🛡",
		"Empty":  "",
		"Bool":   true,
		"Int32":  int32(math.MinInt32),
		"Int64":  aztables.EDMInt64(math.MaxInt64),
		"Double": 1.25,
		"Time":   aztables.EDMDateTime(time.Date(2026, 3, 4, 5, 6, 7, 123456700, time.UTC)),
		"Binary": aztables.EDMBinary{0, 1, 254, 255},
		"GUID":   aztables.EDMGUID("12345678-9abc-def0-1234-56789abcdef0"),
	}
	sent := aztables.EDMEntity{Entity: aztables.Entity{PartitionKey: "p", RowKey: "r"}, Properties: properties}
	if _, err := c.AddEntity(t.Context(), encode(t, sent), nil); err != nil {
		t.Fatal(err)
	}
	response, err := c.GetEntity(t.Context(), "p", "r", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got aztables.EDMEntity
	if err := json.Unmarshal(response.Value, &got); err != nil {
		t.Fatal(err)
	}
	sameTime := cmp.Comparer(func(a, b aztables.EDMDateTime) bool { return time.Time(a).Equal(time.Time(b)) })
	if diff := cmp.Diff(properties, got.Properties, sameTime); diff != "" {
		t.Error(diff)
	}
	if time.Time(got.Timestamp).IsZero() || got.ETag != string(response.ETag) || response.ETag == "" {
		t.Errorf("timestamp %v, odata.etag %q, ETag %q", time.Time(got.Timestamp), got.ETag, response.ETag)
	}
}

func metadataLevels(t *testing.T, c *aztables.Client) {
	insert(t, c, entity("p", "r", "N", "1", "N@odata.type", "Edm.Int64"))
	levels := []struct {
		format       aztables.MetadataFormat
		with, absent []string
	}{
		{
			aztables.MetadataFormatNone, []string{"N", "Timestamp"},
			[]string{"odata.etag", "odata.metadata", "N@odata.type"},
		},
		{
			aztables.MetadataFormatMinimal, []string{"odata.etag", "odata.metadata", "N@odata.type"},
			[]string{"odata.id", "Timestamp@odata.type"},
		},
		{
			aztables.MetadataFormatFull,
			[]string{"odata.etag", "odata.type", "odata.id", "odata.editLink", "Timestamp@odata.type"}, nil,
		},
	}
	for _, level := range levels {
		response, err := c.GetEntity(t.Context(), "p", "r", &aztables.GetEntityOptions{Format: &level.format})
		if err != nil {
			t.Fatal(err)
		}
		var got row
		if err := json.Unmarshal(response.Value, &got); err != nil {
			t.Fatal(err)
		}
		lacks := func(name string) bool { return got[name] == nil }
		if slices.ContainsFunc(level.with, lacks) || !allOf(level.absent, lacks) {
			t.Errorf("%s: got %v, want %v and not %v", level.format, got, level.with, level.absent)
		}
	}
}

func allOf(names []string, holds func(string) bool) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !holds(name) })
}

func filters(t *testing.T, c *aztables.Client) {
	insert(t, c, entity("a", "1", "Name", "o'neil", "N", 5, "Open", true))
	insert(t, c,
		entity("a", "2", "Name", "beta", "N", 7, "Open", false, "When", "2026-03-04T05:06:07Z",
			"When@odata.type", "Edm.DateTime"))
	insert(t, c, entity("b", "3", "Name", "gamma", "Long", "9000000000", "Long@odata.type", "Edm.Int64", "F", 2.5))
	insert(t, c,
		entity("b", "4", "ID", "12345678-9abc-def0-1234-56789abcdef0", "ID@odata.type", "Edm.Guid", "Bytes", "AP8=",
			"Bytes@odata.type", "Edm.Binary"))
	cases := map[string]string{
		"PartitionKey eq 'a'":                                      "12",
		"PartitionKey eq 'a' and RowKey ge '2'":                    "2",
		"PartitionKey ge 'a' and PartitionKey lt 'b'":              "12",
		"RowKey gt '1' and RowKey le '3'":                          "23",
		"Name eq 'o''neil'":                                        "1",
		"Name ne 'beta'":                                           "13",
		"N gt 5":                                                   "2",
		"N ge 5 and N lt 7":                                        "1",
		"N eq 5 or Name eq 'gamma'":                                "13",
		"(N eq 5 or N eq 7) and Open eq false":                     "2",
		"N eq 5 or N eq 7 and Open eq true":                        "1",
		"not (N eq 5)":                                             "234",
		"PartitionKey eq 'a' and not (Open eq true)":               "2",
		"Long eq 9000000000L":                                      "3",
		"Long gt 8999999999L":                                      "3",
		"F lt 2.75":                                                "3",
		"F gt -1.5":                                                "3",
		"Open eq true":                                             "1",
		"When eq datetime'2026-03-04T05:06:07Z'":                   "2",
		"When lt datetime'2026-03-04T05:06:07.5Z'":                 "2",
		"Timestamp gt datetime'2020-01-01T00:00:00Z'":              "1234",
		"ID eq guid'12345678-9abc-def0-1234-56789abcdef0'":         "4",
		"Bytes eq X'00ff'":                                         "4",
		"Bytes eq binary'00ff'":                                    "4",
		"Nowhere eq 'x'":                                           "",
		"PartitionKey eq 'a' and (RowKey eq '1' or RowKey eq '9')": "1",
		"((PartitionKey eq 'b') and (RowKey eq '4')) or RowKey lt '2'": "14",
	}
	for filter, want := range cases {
		got := strings.Join(slices.Concat(list(t, c, &aztables.ListEntitiesOptions{Filter: &filter})...), "")
		if got != want {
			t.Errorf("%s: got rows %q, want %q", filter, got, want)
		}
	}
}

func malformedFilters(t *testing.T, c *aztables.Client) {
	for _, filter := range []string{
		"PartitionKey eq", "(PartitionKey eq 'a'", "PartitionKey is 'a'", "N eq 5 and", "eq 'a'",
	} {
		_, err := c.NewListEntitiesPager(&aztables.ListEntitiesOptions{Filter: &filter}).NextPage(t.Context())
		if err == nil {
			t.Errorf("%s: taken", filter)
			continue
		}
		refused(t, err, http.StatusBadRequest, "")
	}
}

func selection(t *testing.T, c *aztables.Client) {
	insert(t, c, entity("p", "r", "A", "a", "B", "b"))
	fields := "RowKey,A"
	page, err := c.NewListEntitiesPager(&aztables.ListEntitiesOptions{Select: &fields}).NextPage(t.Context())
	if err != nil || len(page.Entities) != 1 {
		t.Fatalf("got %d rows, %v", len(page.Entities), err)
	}
	if diff := cmp.Diff(row{"RowKey": "r", "A": "a"}, plain(t, page.Entities[0])); diff != "" {
		t.Error(diff)
	}
}

func paging(t *testing.T, c *aztables.Client) {
	for _, k := range []string{"b/3", "a/2", "b/1", "a/1", "a/10", "b/2", "a/3"} {
		partition, rowKey, _ := strings.Cut(k, "/")
		insert(t, c, entity(partition, partition+rowKey))
	}
	top := int32(3)
	want := [][]string{{"a1", "a10", "a2"}, {"a3", "b1", "b2"}, {"b3"}}
	if diff := cmp.Diff(want, list(t, c, &aztables.ListEntitiesOptions{Top: &top})); diff != "" {
		t.Error(diff)
	}
	filter := "PartitionKey eq 'b'"
	if diff := cmp.Diff([][]string{{"b1", "b2", "b3"}},
		list(t, c, &aztables.ListEntitiesOptions{Top: &top, Filter: &filter})); diff != "" {
		t.Error(diff)
	}
}

func fullPage(t *testing.T, c *aztables.Client) {
	for batch := range 11 {
		var actions []aztables.TransactionAction
		for i := range 100 {
			actions = append(actions,
				act(t, aztables.TransactionTypeAdd, entity("p", fmt.Sprintf("%05d", 100*batch+i))))
		}
		if err := submit(c, actions...); err != nil {
			t.Fatal(err)
		}
	}
	pages := list(t, c, nil)
	if len(pages) != 2 || len(pages[0]) != 1000 || len(pages[1]) != 100 || !slices.IsSorted(slices.Concat(pages...)) {
		t.Errorf("got %d pages, the first with %d rows", len(pages), len(pages[0]))
	}
}

func unusualKeys(t *testing.T, c *aztables.Client) {
	for _, k := range []string{"o'neil", "a b+c", "höst-ß", "コルドン", "x:y|z=1&2", "{rowKey}", "100%25", "a,b;c(d)"} {
		tag := insert(t, c, entity(k, k, "A", "a"))
		if got, _ := read(t, c, k, k); got["PartitionKey"] != k || got["RowKey"] != k {
			t.Errorf("%q came back as %v", k, got)
		}
		filter := "PartitionKey eq '" + strings.ReplaceAll(k, "'", "''") + "'"
		if got := slices.Concat(list(t, c, &aztables.ListEntitiesOptions{Filter: &filter})...); !slices.Equal(got,
			[]string{k}) {
			t.Errorf("%s: got %q", filter, got)
		}
		if _, err := c.DeleteEntity(t.Context(), k, k, &aztables.DeleteEntityOptions{IfMatch: &tag}); err != nil {
			t.Errorf("%q: %v", k, err)
		}
	}
}

func limits(t *testing.T, c *aztables.Client) {
	half := strings.Repeat("x", 32<<10)
	insert(t, c, entity("p", "fits", "A", half))
	add := func(r row) error {
		_, err := c.AddEntity(t.Context(), encode(t, r), nil)
		return err
	}
	refused(t, add(entity("p", "long", "A", half+"x")), http.StatusBadRequest, "PropertyValueTooLarge")
	for _, k := range []string{"a/b", `a\b`, "a#b", "a?b", "a\tb", "a\u0085b", strings.Repeat("k", 513)} {
		refused(t, add(entity("p", k)), http.StatusBadRequest, "")
		refused(t, add(entity(k, "r")), http.StatusBadRequest, "")
	}
	bad := azcore.ETag("not an ETag")
	_, err := c.UpdateEntity(t.Context(), encode(t, entity("p", "fits")), &aztables.UpdateEntityOptions{
		IfMatch:    &bad,
		UpdateMode: aztables.UpdateModeReplace,
	})
	refused(t, err, http.StatusBadRequest, "")
}
