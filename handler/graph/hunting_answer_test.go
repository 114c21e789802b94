package graph

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/incoming"
)

// canned answers every request with a status and a file or text; an answer without status never comes.
type canned struct {
	status int
	body   string
	header http.Header
}

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.status == 0 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if c.header == nil {
		c.header = http.Header{}
	}
	return &http.Response{
		StatusCode: c.status,
		Header:     c.header,
		Body:       io.NopCloser(strings.NewReader(c.body)),
		Request:    r,
	}, nil
}

func (c canned) ask() (HuntingResult, error) {
	return New(Options{Base: &url.URL{Scheme: "https", Host: "graph.example"}, HTTP: &http.Client{Transport: c}}).
		RunHuntingQuery(context.Background(), "T", time.Unix(0, 0), time.Unix(9, 0))
}

func sample(t *testing.T, name string) string {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestEveryAnswerThatIsNoResultSaysWhyAndWhetherItPasses(t *testing.T) {
	t.Parallel()
	const schema = `{"schema":[{"name":"A","type":"Int64"}],`
	for _, tt := range []struct {
		name   string
		answer canned
		again  bool
		says   string
	}{
		{
			"a mistake in the query",
			canned{400, sample(t, "error_graph_400_hunting"), http.Header{"Request-Id": {"r-1"}}}, false,
			"DeviceProcesEvents'. Fix semantic errors in your query.; the query is at fault: correct it, or let it " +
				"give less [request r-1]",
		},
		{
			"too large for the API", canned{400, sample(t, "error_400_hunting_result_size"), nil}, false,
			"exceeded the allowed result size",
		},
		{"an expired token", canned{401, sample(t, "error_graph_401"), nil}, false, "check CORDON_GRAPH_AUDIENCE"},
		{"a missing permission", canned{403, "", nil}, false, "ThreatHunting.Read.All"},
		{"throttled", canned{429, sample(t, "error_graph_429"), http.Header{"Retry-After": {"10"}}}, true, "quota"},
		{
			"a slow request", canned{408, "", nil}, true,
			", before the 3m0s of a query were over: it is asked again later",
		},
		{
			"a quote that reorders text",
			canned{400, "{\"error\":{\"code\":\"BadRequest\",\"message\":\"a\u202eb\u2028c\"}}", nil}, false,
			"a b c; the query",
		},
		{"broken", canned{500, "", nil}, true, "500"},
		{"a gateway's timeout", canned{504, "<html>", nil}, true, "504; it gave up after "},
		{
			"a gateway's timeout in Graph's words", canned{504, `{"error":{"code":"UnknownError","message":""}}`, nil},
			true, "504 UnknownError; it gave up after ",
		},
		{"nothing", canned{200, "", nil}, true, "unexpected EOF"},
		{"cut between rows", canned{200, schema + `"results":[{"A":1},`, nil}, true, "unexpected EOF"},
		{"cut before its last brace", canned{200, schema + `"results":[{"A":1}]`, nil}, true, "unexpected EOF"},
		{"a page", canned{200, "<html>", nil}, true, "not Graph's answer but a page of somebody else"},
		{"a page, later", canned{200, schema + `<`, nil}, false, "invalid character"},
		{"a list", canned{200, "[]", nil}, false, "where { is expected"},
		{"no results", canned{200, schema + `"x":1}`, nil}, false, "has no results"},
		{"null for results", canned{200, schema + `"results":null}`, nil}, false, "where [ is expected"},
		{"rows and no columns", canned{200, `{"schema":[],"results":[{}]}`, nil}, false, "rows and no columns"},
		{"rows before no columns", canned{200, `{"results":[{"A":1}],"schema":[]}`, nil}, false, "rows and no columns"},
		{"rows and no schema", canned{200, `{"results":[{"A":1}]}`, nil}, false, "rows and no columns"},
		{
			"two schemas, one of them empty", canned{200, `{"schema":[],` + schema[1:] + `"results":[]}`, nil}, false,
			"two schemas",
		},
		{
			"too many rows before their schema",
			canned{200, `{"results":[` + strings.Repeat(`{},`, maxHuntingRows) + `{}],"schema":[{"name":"A"}]}`, nil},
			false, "more than 100000 rows",
		},
		{"a column without a name", canned{200, `{"schema":[{"type":"String"}],"results":[]}`, nil}, false, "no name"},
		{"two schemas", canned{200, schema + schema[1:] + `"results":[]}`, nil}, false, "two schemas"},
		{"results twice", canned{200, schema + `"results":[],"Results":[]}`, nil}, false, "results twice"},
		{"a row that is null", canned{200, schema + `"results":[{},null]}`, nil}, false, "row 2 is null"},
		{"more after the end", canned{200, schema + `"results":[]}{}`, nil}, false, "something follows"},
		{
			"too many columns",
			canned{
				200, `{"schema":[` + strings.Repeat(`{"name":"A"},`, maxHuntingColumns) + `{"name":"B"}],"results":[]}`,
				nil,
			}, false, "more than 1000 columns",
		},
		{
			"too many rows", canned{200, schema + `"results":[` + strings.Repeat(`{},`, maxHuntingRows) + `{}]}`, nil},
			false, "more than 100000 rows",
		},
		{
			"too many bytes",
			canned{200, schema + `"x":"` + strings.Repeat("x", maxHuntingAnswer) + `","results":[]}`, nil}, false,
			"larger than 50 MB",
		},
	} {
		result, err := tt.answer.ask()
		var failed *HuntingError
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), tt.says) || result.Columns != nil ||
			result.Rows != nil {
			t.Errorf("%s: %v, result %v", tt.name, err, result.Columns)
			continue
		}
		after, again := failed.RetryIn()
		if wait, _ := strconv.Atoi(tt.answer.header.Get("Retry-After")); again != tt.again ||
			after != time.Duration(wait)*time.Second {
			t.Errorf("%s: again %v in %s", tt.name, again, after)
		}
	}
}

func TestAQueryHasItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := canned{}.ask()
		var failed *HuntingError
		if !errors.As(err, &failed) || time.Since(start) != huntingTime ||
			!strings.Contains(err.Error(), "within 3m0s") {
			t.Fatalf("after %s: %v", time.Since(start), err)
		}
		if _, again := failed.RetryIn(); again {
			t.Error("a query that took too long is asked again, for as long")
		}
	})
}

// late answers in a status once the time for it has passed.
type late struct {
	canned
	after time.Duration
}

func (l late) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(l.after):
		return l.canned.RoundTrip(r)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// TestAQueryIsLateOnlyIfItsTimeIsGone has Graph and its gateway give up sooner and later.
func TestAQueryIsLateOnlyIfItsTimeIsGone(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>", `{"error":{"code":"UnknownError","message":""}}`} {
		for after, isLate := range map[time.Duration]bool{
			time.Second:                          false,
			100 * time.Second:                    false,
			huntingTime - atTheEnd - time.Second: false,
			huntingTime - atTheEnd:               true,
			huntingTime - time.Second:            true,
			huntingTime + time.Second:            true,
		} {
			for _, status := range []int{http.StatusRequestTimeout, http.StatusGatewayTimeout} {
				synctest.Test(t, func(t *testing.T) {
					c := New(Options{
						Base: &url.URL{Scheme: "https", Host: "graph.example"},
						HTTP: &http.Client{Transport: late{canned{status, body, nil}, after}},
					})
					_, err := c.RunHuntingQuery(t.Context(), "T", time.Unix(0, 0), time.Unix(9, 0))
					var failed *HuntingError
					if !errors.As(err, &failed) {
						t.Fatal(err)
					}
					if _, again := failed.RetryIn(); again == isLate ||
						strings.Contains(err.Error(), "let it read less") != isLate {
						t.Errorf("%d after %s: asked again: %v; %v", status, after, again, err)
					}
				})
			}
		}
	}
}

// TestAResultIsReadInAnyOrder has the parts of a result come as they may.
func TestAResultIsReadInAnyOrder(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"schema first":  `{"schema":[{"name":"A"},{"name":"B"}],"results":[{"A":1,"B":"x"},{"b":"y"}]}`,
		"results first": `{"results":[{"A":1,"B":"x"},{"b":"y"}],"schema":[{"name":"A"},{"name":"B"}]}`,
		"others between": `{"Results":[{"A":1,"B":"x"},{"b":"y"}],"stats":{"x":[1]},"Schema":[{"Name":"A"},` +
			`{"Name":"B"}],"@odata.context":"x"}`,
		"others about it": `{"@odata.context":"x","results":[{"A":1,"B":"x"},{"b":"y"}],"schema":[{"name":"A"},` +
			`{"name":"B"}],"stats":null}`,
	} {
		got, err := canned{status: 200, body: body}.ask()
		want := HuntingResult{
			Columns: []HuntingColumn{{Name: "A"}, {Name: "B"}},
			Rows:    [][]string{{"1", "x"}, {"", "y"}},
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	for _, body := range []string{`{"schema":[],"results":[]}`, `{"results":[],"schema":[]}`, `{"results":[]}`} {
		if got, err := (canned{status: 200, body: body}).ask(); err != nil || len(got.Rows)+len(got.Columns) != 0 {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}

func TestTheVendorsSampleIsRead(t *testing.T) {
	t.Parallel()
	got, err := canned{status: 200, body: sample(t, "hunting_graph_result")}.ask()
	if err != nil || len(got.Rows) != 2 || got.Rows[0][6] != `{"Rule":"enc"}` || got.Rows[0][4] != "7716" ||
		got.Rows[1][6] != "" || got.Columns[5] != (HuntingColumn{"IsAdmin", "SByte"}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestEveryTextOfAResultIsBounded(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"letters":            strings.Repeat("a", 100_000),
		"two units":          strings.Repeat("😀", 50_000),
		"control characters": strings.Repeat(`\u0000`, 9),
	} {
		for _, body := range []string{
			`{"schema":[{"name":"A","type":"String"}],"results":[{"A":"` + text + `"},{"A":{"x":["` + text + `"]}}]}`,
			`{"results":[{"A":"` + text + `"},{"A":["` + text + `"]}],"schema":[{"name":"A","type":"` + text + `"}]}`,
		} {
			got, err := canned{status: 200, body: "\ufeff" + body}.ask()
			if err != nil || len(got.Rows) != 2 {
				t.Errorf("%s: %d rows, %v", name, len(got.Rows), err)
			}
			for _, s := range append([]string{got.Columns[0].Name, got.Columns[0].Type}, got.Rows[0][0],
				got.Rows[1][0]) {
				if n := len(utf16.Encode([]rune(s))); n == 0 || n > incoming.MaxPassage || strings.Contains(s, "\x00") {
					t.Errorf("%s: a text of %d units: %.20q", name, n, s)
				}
			}
		}
	}
}
