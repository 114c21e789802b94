package tables

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestMalformedFiltersAreRefused(t *testing.T) {
	cases := map[string]string{
		"no operator":            "A 'x'",
		"no right side":          "A eq",
		"no left side":           "eq 'x'",
		"two names":              "A eq B",
		"two values":             "1 eq 1",
		"an operator's typo":     "A equals 'x'",
		"an open quote":          "A eq 'x",
		"an open group":          "(A eq 1",
		"a closed group":         "A eq 1)",
		"an empty group":         "()",
		"a trailing and":         "A eq 1 and",
		"two in a row":           "A eq 1 B eq 2",
		"not nothing":            "not",
		"a bad number":           "A eq 1x",
		"a hexadecimal number":   "A eq 0x10",
		"a bad name":             "A-B eq 1",
		"a bad time":             "A eq datetime'yesterday'",
		"a bad GUID":             "A eq guid'x'",
		"bad bytes":              "A eq X'0'",
		"an unknown type":        "A eq decimal'1'",
		"a long that is no long": "A eq 1.5L",
		"16 comparisons":         strings.TrimSuffix(strings.Repeat("A eq 1 or ", 16), " or "),
		"too deep":               strings.Repeat("(", 1000) + "A eq 1" + strings.Repeat(")", 1000),
		"not without end":        strings.Repeat("not ", 1000) + "A eq 1",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			if c, problem := parseFilter(text); problem == nil || problem.code != "InvalidInput" {
				t.Errorf("got %v, %v; want InvalidInput", c, problem)
			}
		})
	}
}

func TestFifteenComparisonsAreTaken(t *testing.T) {
	if _, problem := parseFilter(strings.TrimSuffix(strings.Repeat("A eq 1 or ", 15), " or ")); problem != nil {
		t.Error(problem.message)
	}
}

func TestAComparisonHoldsOnlyBetweenValuesOfOneKind(t *testing.T) {
	row := &Row{
		PartitionKey: "p",
		RowKey:       "r",
		Timestamp:    time.Unix(0, 0).UTC(),
		Properties: map[string]any{
			"Text":  "5",
			"Small": int32(5),
			"Long":  int64(5),
			"Real":  5.0,
			"Yes":   true,
			"ID":    GUID("12345678-9abc-def0-1234-56789abcdef0"),
			"Huge":  int64(9007199254740993),
		},
	}
	cases := map[string]bool{
		"Text eq 5":    false,
		"Text ne 5":    false,
		"Small eq '5'": false,
		"Yes eq 1":     false,
		"ID eq '12345678-9abc-def0-1234-56789abcdef0'":     false,
		"ID eq guid'12345678-9ABC-DEF0-1234-56789ABCDEF0'": true,
		"Small eq 5L":               true,
		"Long eq 5":                 true,
		"Real eq 5":                 true,
		"Small lt 5.5":              true,
		"Small le 4.5d":             false,
		"5 eq Small":                true,
		"6 gt Small":                true,
		"6 lt Small":                false,
		"5 ge Small":                true,
		"5 le Small":                true,
		"Yes gt false":              true,
		"Missing ne 1":              false,
		"not (Missing ne 1)":        true,
		"Huge eq 9007199254740992L": false,
		"Huge eq 9007199254740993":  true,
		"Timestamp eq datetime'1970-01-01T00:00:00Z'": true,
		"not Small eq 5 and Long eq 5":                false,
		"not (Small eq 5 and Long eq 6)":              true,
	}
	for text, want := range cases {
		c, problem := parseFilter(text)
		if problem != nil {
			t.Errorf("%s: %s", text, problem.message)
			continue
		}
		if got := c.Holds(row.property); got != want {
			t.Errorf("%s: got %t", text, got)
		}
	}
}

func TestAPartitionIsBoundedOnlyWhereTheFilterSaysSo(t *testing.T) {
	cases := map[string]string{
		"PartitionKey eq 'p'":                               "p",
		"RowKey eq 'r' and PartitionKey eq 'p'":             "p",
		"(PartitionKey eq 'p' and A eq 1) and B eq 2":       "p",
		"PartitionKey eq 'p' or A eq 1":                     "",
		"not (PartitionKey eq 'p')":                         "",
		"PartitionKey ge 'p'":                               "",
		"A eq 1 and (PartitionKey eq 'p' or RowKey eq 'r')": "",
	}
	for text, want := range cases {
		c, problem := parseFilter(text)
		if problem != nil {
			t.Fatal(problem.message)
		}
		if got, bounded := partitionOf(c); bounded != (want != "") || bounded && got != want {
			t.Errorf("%s: got %q, %t; want %q", text, got, bounded, want)
		}
	}
}

func TestPathsNameTablesAndRows(t *testing.T) {
	cases := map[string]struct {
		want resource
		ok   bool
	}{
		"rows":                               {resource{set: "rows"}, true},
		"rows()":                             {resource{set: "rows"}, true},
		"rows(PartitionKey='p',RowKey='r')":  {resource{set: "rows", keyed: true, key: key{"p", "r"}}, true},
		"rows(PartitionKey='p', RowKey='r')": {resource{set: "rows", keyed: true, key: key{"p", "r"}}, true},
		"rows(PartitionKey='o''neil',RowKey='),(')": {
			resource{set: "rows", keyed: true, key: key{"o'neil", "),("}}, true,
		},
		"rows(PartitionKey='',RowKey='')":        {resource{set: "rows", keyed: true}, true},
		"Tables('rows')":                         {resource{set: "Tables", single: "rows"}, true},
		"Tables('')":                             {},
		"Tables('rows'":                          {},
		"rows(PartitionKey='o'neil',RowKey='r')": {},
		"rows(PartitionKey='p')":                 {},
		"rows(RowKey='r',PartitionKey='p')":      {},
		"rows(PartitionKey='p',RowKey='r')x":     {},
		"rows(":                                  {},
		"a/b":                                    {},
		"":                                       {},
	}
	for path, c := range cases {
		got, problem := parseResource(path)
		if got != c.want || (problem == nil) != c.ok {
			t.Errorf("%s: got %+v, %v", path, got, problem)
		}
	}
}

func TestMalformedEntitiesAreRefused(t *testing.T) {
	for body, code := range map[string]string{
		``:                                       "InvalidInput",
		`[]`:                                     "InvalidInput",
		`{"A":1`:                                 "InvalidInput",
		`{"A":1} {}`:                             "InvalidInput",
		`{"A":[1]}`:                              "InvalidInput",
		`{"PartitionKey":1}`:                     "InvalidInput",
		`{"A":1,"A":2}`:                          "DuplicatePropertiesSpecified",
		`{"A":"x","A@odata.type":1}`:             "InvalidInput",
		`{"A":1e400}`:                            "InvalidInput",
		`{"A":2147483648}`:                       "InvalidInput",
		`{"A":"1.5","A@odata.type":"Edm.Int64"}`: "InvalidInput",
		`{"A":"Inf","A@odata.type":"Edm.Double"}`:    "InvalidInput",
		`{"A":"%","A@odata.type":"Edm.Binary"}`:      "InvalidInput",
		`{"A":true,"A@odata.type":"Edm.String"}`:     "InvalidInput",
		`{"A":"maybe","A@odata.type":"Edm.Boolean"}`: "InvalidInput",
	} {
		if _, _, problem := decodeEntity([]byte(body)); problem == nil || problem.code != code {
			t.Errorf("%s: got %v, want %s", body, problem, code)
		}
	}
}

// batchBody makes a batch of requests, given in their wire form.
func batchBody(requests ...string) (contentType, body string) {
	var b strings.Builder
	b.WriteString("--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n")
	for _, request := range requests {
		fmt.Fprintf(&b, "--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n%s\r\n",
			request)
	}
	b.WriteString("--c--\r\n--b--\r\n")
	return "multipart/mixed; boundary=b", b.String()
}

func postBatch(s *Server, contentType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/acct/$batch", nil)
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	s.write(w, r, s.batch(r, []byte(body)))
	return w
}

const insertLine = "POST http://x/acct/rows HTTP/1.1\r\nPrefer: return-no-content\r\n\r\n"

func withTable() *Server {
	s := New(Options{Account: "acct"})
	s.tables["rows"] = &table{name: "rows"}
	return s
}

func TestMalformedBatches(t *testing.T) {
	plain, one := batchBody(insertLine + `{"PartitionKey":"p","RowKey":"r"}`)
	_, none := batchBody()
	cases := map[string]struct {
		contentType, body string
		status            int
		within            string
	}{
		"no multipart":     {"application/json", "{}", 400, "InvalidInput"},
		"no boundary":      {"multipart/mixed", one, 400, "InvalidInput"},
		"another boundary": {"multipart/mixed; boundary=z", one, 400, "InvalidInput"},
		"no requests":      {plain, none, 400, "InvalidInput"},
		"cut short":        {plain, one[:len(one)/2], 400, "InvalidInput"},
		"two change sets":  {plain, strings.TrimSuffix(one, "--b--\r\n") + one, 400, "InvalidInput"},
		"no request line":  {plain, batchWith("nonsense"), 202, "InvalidInput"},
		"another account": {
			plain, batchWith("DELETE http://x/other/rows(PartitionKey='p',RowKey='r') HTTP/1.1\r\n\r\n"), 202,
			"InvalidInput",
		},
		"a malformed key": {
			plain, batchWith("DELETE http://x/acct/rows(PartitionKey='p) HTTP/1.1\r\n\r\n"), 202, "InvalidInput",
		},
		"a bad address": {plain, batchWith("DELETE http://%zz/ HTTP/1.1\r\n\r\n"), 202, "InvalidInput"},
		"no headers": {
			plain, batchWith("POST http://x/acct/rows HTTP/1.1\r\n:bad\r\n\r\n{}"), 202, "InvalidInput",
		},
		"no keys": {plain, batchWith(insertLine + "{}"), 202, "PropertiesNeedValue"},
		"delete without tag": {
			plain, batchWith("DELETE http://x/acct/rows(PartitionKey='p',RowKey='r') HTTP/1.1\r\n\r\n"), 202,
			"MissingRequiredHeader",
		},
		"a query": {
			plain, batchWith("GET http://x/acct/rows(PartitionKey='p',RowKey='r') HTTP/1.1\r\n\r\n"), 202,
			"NotImplemented",
		},
		"a verb for tables": {plain, batchWith("PUT http://x/acct/rows HTTP/1.1\r\n\r\n{}"), 202, "MethodNotAllowed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := withTable()
			w := postBatch(s, c.contentType, c.body)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.within) {
				t.Errorf("got %d %s; want %d with %s", w.Code, w.Body, c.status, c.within)
			}
			if rows := s.Rows("rows"); len(rows) != 0 {
				t.Errorf("wrote %v", rows)
			}
		})
	}
}

func batchWith(request string) string {
	_, body := batchBody(request)
	return body
}

func TestATransactionKeepsToOneTable(t *testing.T) {
	s := withTable()
	s.tables["others"] = &table{name: "others"}
	contentType, body := batchBody(insertLine+`{"PartitionKey":"p","RowKey":"r"}`,
		strings.Replace(insertLine, "rows", "others", 1)+`{"PartitionKey":"p","RowKey":"s"}`)
	if w := postBatch(s, contentType, body); !strings.Contains(w.Body.String(), `"1:`) ||
		len(s.Rows("rows"))+len(s.Rows("others")) != 0 {
		t.Errorf("wrote %v and %v, answered %s", s.Rows("rows"), s.Rows("others"), w.Body)
	}
}

func TestVerbsThatAreNotThereAreRefused(t *testing.T) {
	s := withTable()
	for _, c := range []struct {
		method, target string
		status         int
	}{
		{http.MethodPut, "/acct/Tables", 405},
		{http.MethodDelete, "/acct/rows", 405},
		{http.MethodPost, "/acct/rows(PartitionKey='p',RowKey='r')", 405},
		{http.MethodGet, "/acct/$batch", 405},
		{http.MethodGet, "/acct/rows?comp=acl", 501},
		{http.MethodGet, "/acct/?restype=service&comp=properties", 501},
		{http.MethodGet, "/other/rows", 404},
		{http.MethodGet, "/acct/rows?$top=0", 400},
		{http.MethodGet, "/acct/rows?$top=1001", 400},
		{http.MethodGet, "/acct/rows?$format=application/atom%2Bxml", 415},
		{http.MethodGet, "/acct/rows?NextPartitionKey=p", 400},
		{http.MethodGet, "/acct/Tables?NextTableName=t", 400},
		{http.MethodGet, "/acct/rows(PartitionKey='a%2Fb',RowKey='r')", 404},
	} {
		if got := s.route(httptest.NewRequest(c.method, c.target, nil), nil); got.status != c.status {
			t.Errorf("%s %s: got %d, want %d: %s", c.method, c.target, got.status, c.status, got.body)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		"PartitionKey eq 'a' and RowKey ge 'b'", "not (A ne 5L) or B lt 1.5e3", "A eq datetime'2026-03-04T05:06:07Z'",
		"guid'12345678-9abc-def0-1234-56789abcdef0' eq ID", "X'00ff' le B", "((((", "A eq ''''",
		"true eq A", "\xff eq 1", "-", "+L", ".d",
	} {
		f.Add(seed)
	}
	row := &Row{PartitionKey: "a", RowKey: "b", Properties: map[string]any{"A": int64(5), "B": []byte{0}, "C": 1.5}}
	f.Fuzz(func(t *testing.T, text string) {
		c, problem := parseFilter(text)
		if c == nil && problem == nil && strings.TrimSpace(text) != "" {
			t.Error("neither a condition nor a problem")
		}
		if problem != nil && problem.status != http.StatusBadRequest {
			t.Errorf("answered %d", problem.status)
		}
		if problem == nil && c != nil {
			partition, bounded := partitionOf(c)
			if c.Holds(row.property) && bounded && partition != "a" {
				t.Errorf("holds for partition a, but is bounded to %q", partition)
			}
		}
	})
}

func FuzzBatch(f *testing.F) {
	for _, request := range []string{
		insertLine + `{"PartitionKey":"p","RowKey":"r","A":"1","A@odata.type":"Edm.Int64"}`,
		"DELETE http://x/acct/rows(PartitionKey='p',RowKey='r') HTTP/1.1\r\nIf-Match: *\r\n\r\n",
		"PATCH http://x/acct/rows(PartitionKey='p',RowKey='r') HTTP/1.1\r\n\r\n{}", "\r\n", "",
	} {
		contentType, body := batchBody(request, request)
		f.Add(contentType, body)
	}
	f.Fuzz(func(t *testing.T, contentType, body string) {
		s := withTable()
		w := postBatch(s, contentType, body)
		if w.Code != http.StatusAccepted && w.Code != http.StatusBadRequest {
			t.Errorf("answered %d", w.Code)
		}
		if strings.Contains(w.Body.String(), "odata.error") && len(s.Rows("rows")) != 0 {
			t.Error("a failed transaction wrote")
		}
	})
}

func FuzzEntity(f *testing.F) {
	for _, seed := range []string{
		`{"PartitionKey":"p","RowKey":"r"}`, `{"A":1,"B":1.5,"C":"x","D":null,"E":true}`,
		`{"A":"AAE=","A@odata.type":"Edm.Binary"}`,
		`{"A":"NaN","A@odata.type":"Edm.Double"}`, `{"A":"2026-03-04T05:06:07.1234567Z","A@odata.type":"Edm.DateTime"}`,
		`{"A":`, `"\ud800"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, properties, problem := decodeEntity(body)
		if problem != nil || checkSize(key{}, properties) != nil {
			return
		}
		s := New(Options{})
		text := s.encoder("h", "rows", fullMetadata, nil).single(&Row{Properties: properties})
		if !json.Valid(text) {
			t.Fatalf("not JSON: %s", text)
		}
		_, again, problem := decodeEntity(text)
		if problem != nil || len(again) != len(properties) {
			t.Errorf("%v came back as %v, %v", properties, again, problem)
		}
	})
}
