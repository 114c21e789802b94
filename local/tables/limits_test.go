package tables_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"cordon/local/tables"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
	"github.com/google/go-cmp/cmp"
)

func TestTransactionRulesOfTheService(t *testing.T) {
	server, service := serve(t, tables.Options{})
	c := createTable(t, service, "rows")
	var many []aztables.TransactionAction
	for i := range 101 {
		many = append(many, act(t, aztables.TransactionTypeAdd, entity("p", fmt.Sprint(i))))
	}
	cases := map[string]struct {
		client  *aztables.Client
		actions []aztables.TransactionAction
		want    []string
	}{
		"101 actions": {c, many, []string{"HTTP/1.1 400", "InvalidInput", `"99:`}},
		"two partitions": {
			c, []aztables.TransactionAction{many[0], act(t, aztables.TransactionTypeAdd, entity("q", "r"))},
			[]string{"HTTP/1.1 400", "CommandsInBatchActOnDifferentPartitions", `"1:`},
		},
		"no such table": {service.NewClient("none"), many[:1], []string{"HTTP/1.1 404", "TableNotFound", `"0:`}},
		"a forbidden key": {
			c, []aztables.TransactionAction{act(t, aztables.TransactionTypeAdd, entity("p", "a/b"))},
			[]string{"HTTP/1.1 400", "OutOfRangeInput", `"0:`},
		},
	}
	for name, x := range cases {
		t.Run(name, func(t *testing.T) {
			part := failedPart(t, submit(x.client, x.actions...))
			for _, want := range x.want {
				if !strings.Contains(part, want) {
					t.Errorf("%s is not in\n%s", want, part)
				}
			}
		})
	}
	if rows := server.Rows("rows"); len(rows) != 0 {
		t.Errorf("refused transactions wrote %d rows", len(rows))
	}
}

func TestLimitsOfTheService(t *testing.T) {
	server, service := serve(t, tables.Options{})
	c := createTable(t, service, "rows")
	wide, large := entity("p", "r"), entity("p", "r")
	for i := range 252 {
		wide[fmt.Sprintf("A%d", i)] = i
	}
	insert(t, c, wide)
	wide["One"] = 1
	for i := range 17 {
		large[fmt.Sprintf("A%d", i)] = strings.Repeat("x", 31<<10)
	}
	binary := base64.StdEncoding.EncodeToString(make([]byte, 64<<10+1))
	cases := map[string]struct {
		row    row
		status int
		code   string
	}{
		"253 properties":            {wide, 400, "TooManyProperties"},
		"1 MiB in small properties": {large, 400, "EntityTooLarge"},
		"64 KiB of astral letters": {
			entity("p", "r", "A", strings.Repeat("🛡", 16<<10+1)), 400, "PropertyValueTooLarge",
		},
		"64 KiB of bytes": {
			entity("p", "r", "A", binary, "A@odata.type", "Edm.Binary"), 400, "PropertyValueTooLarge",
		},
		"a long name":              {entity("p", "r", strings.Repeat("a", 256), 1), 400, "PropertyNameTooLong"},
		"a name with a hyphen":     {entity("p", "r", "a-b", 1), 400, "PropertyNameInvalid"},
		"an empty name":            {entity("p", "r", "", 1), 400, "PropertyNameInvalid"},
		"an untyped 64 bit number": {entity("p", "r", "A", 1<<40), 400, "InvalidInput"},
		"a nested object":          {entity("p", "r", "A", row{}), 400, "InvalidInput"},
		"a time before 1601": {
			entity("p", "r", "A", "0001-01-01T00:00:00Z", "A@odata.type", "Edm.DateTime"), 400, "InvalidInput",
		},
		"a GUID that is none":      {entity("p", "r", "A", "nope", "A@odata.type", "Edm.Guid"), 400, "InvalidInput"},
		"a type that is not there": {entity("p", "r", "A", "x", "A@odata.type", "Edm.Decimal"), 400, "InvalidInput"},
		"a long key":               {entity(strings.Repeat("k", 513), "r"), 400, "KeyValueTooLarge"},
		"5 MiB":                    {entity("p", "r", "A", strings.Repeat("x", 5<<20)), 413, "RequestBodyTooLarge"},
	}
	before := server.Rows("rows")
	for name, x := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := c.UpsertEntity(t.Context(), encode(t, x.row),
				&aztables.UpsertEntityOptions{UpdateMode: aztables.UpdateModeReplace})
			refused(t, err, x.status, x.code)
		})
	}
	if diff := cmp.Diff(before, server.Rows("rows")); diff != "" {
		t.Errorf("a refused write wrote: %s", diff)
	}
	_, err := c.UpsertEntity(t.Context(), encode(t, entity("p", "r", "One", 1)), nil)
	refused(t, err, http.StatusBadRequest, "TooManyProperties")
}

func TestWholeDoublesKeepTheirPointOnTheWire(t *testing.T) {
	server, service := serve(t, tables.Options{})
	c := createTable(t, service, "rows")
	sent := []byte(`{"PartitionKey":"p","RowKey":"r","A":5,"A@odata.type":"Edm.Double","B":"NaN",` +
		`"B@odata.type":"Edm.Double","C":1e300}`)
	if _, err := c.AddEntity(t.Context(), sent, nil); err != nil {
		t.Fatal(err)
	}
	if a := server.Rows("rows")[0].Properties["A"]; a != 5.0 {
		t.Errorf("stored %T %v, want a double", a, a)
	}
	var raw *http.Response
	if _, err := c.GetEntity(policy.WithCaptureResponse(t.Context(), &raw), "p", "r", nil); err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(raw.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"A":5.0`, `"B@odata.type":"Edm.Double","B":"NaN"`, `"C":1e+300`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("%s is not in %s", want, body)
		}
	}
}
