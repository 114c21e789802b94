package tables_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordon/local/tables"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
	"github.com/google/go-cmp/cmp"
)

func encodeKey(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestAWrongKeyIsRefused(t *testing.T) {
	server, service := serve(t, tables.Options{Account: "acct", Key: encodeKey("right")})
	createTable(t, service, "rows")
	wrong := tables.New(tables.Options{Account: "acct", Key: encodeKey("wrong")})
	front := httptest.NewServer(server)
	t.Cleanup(front.Close)
	for name, connection := range map[string]string{
		"key":     wrong.ConnectionString(front.URL),
		"account": strings.ReplaceAll(server.ConnectionString(front.URL), "AccountName=acct", "AccountName=other"),
	} {
		_, err := connect(t, connection).NewClient("rows").AddEntity(t.Context(), encode(t, entity("p", "r")), nil)
		refused(t, err, http.StatusForbidden, "AuthenticationFailed")
		if rows := server.Rows("rows"); len(rows) != 0 {
			t.Errorf("wrong %s: wrote %v", name, rows)
		}
	}
}

func TestAuthorizationHeaders(t *testing.T) {
	const date = "Wed, 04 Mar 2026 05:06:07 GMT"
	server := tables.New(tables.Options{Account: "acct", Key: encodeKey("right")})
	sign := func(text string) string {
		mac := hmac.New(sha256.New, []byte("right"))
		mac.Write([]byte(text))
		return base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	cases := []struct {
		name, authorization, date string
		status                    int
	}{
		{
			"SharedKey signs verb, MD5, type, date, resource",
			"SharedKey acct:" + sign("GET\n\n\n"+date+"\n/acct/acct/Tables"), date, 200,
		},
		{"SharedKeyLite signs date, resource", "SharedKeyLite acct:" + sign(date+"\n/acct/acct/Tables"), date, 200},
		{"another path's signature", "SharedKeyLite acct:" + sign(date+"\n/acct/acct/rows"), date, 403},
		{
			"another date's signature", "SharedKeyLite acct:" + sign(date+"\n/acct/acct/Tables"),
			"Thu, 05 Mar 2026 05:06:07 GMT", 403,
		},
		{"no date", "SharedKeyLite acct:" + sign("\n/acct/acct/Tables"), "", 403},
		{"a scheme that is not there", "Bearer acct:" + sign(date+"\n/acct/acct/Tables"), date, 403},
		{"a signature that is not base64", "SharedKeyLite acct:%%%", date, 403},
		{"no signature", "SharedKeyLite acct", date, 400},
		{"none", "", date, 401},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/acct/Tables", nil)
			r.Header.Set("Authorization", c.authorization)
			r.Header.Set("x-ms-date", c.date)
			w := httptest.NewRecorder()
			server.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("got %d, want %d: %s", w.Code, c.status, w.Body)
			}
		})
	}
}

func TestAKeyThatIsNotBase64LetsNobodyIn(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/devstoreaccount1/Tables", nil)
	r.Header.Set("Authorization", "SharedKeyLite devstoreaccount1:"+encodeKey(""))
	r.Header.Set("x-ms-date", "now")
	w := httptest.NewRecorder()
	tables.New(tables.Options{Key: "***"}).ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("got %d, want 403", w.Code)
	}
}

func TestErrorsAreODataJSON(t *testing.T) {
	w := httptest.NewRecorder()
	tables.New(tables.Options{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/devstoreaccount1/Tables", nil))
	var body map[string]struct {
		Code    string
		Message struct{ Lang, Value string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	got := body["odata.error"]
	if got.Code != "NoAuthenticationInformation" || got.Message.Lang != "en-US" || got.Message.Value == "" ||
		w.Header().Get("x-ms-error-code") != got.Code {
		t.Errorf("got %s with x-ms-error-code %q", w.Body, w.Header().Get("x-ms-error-code"))
	}
}

func TestAFaultStatusIsAnsweredAndNothingIsDone(t *testing.T) {
	var fault atomic.Pointer[tables.Fault]
	server, service := serve(t, tables.Options{Fault: func(*http.Request) *tables.Fault { return fault.Load() }})
	c := createTable(t, service, "rows")
	for status, code := range map[int]string{
		503: "ServerBusy",
		500: "InternalError",
		504: "OperationTimedOut",
		418: "Teapot",
	} {
		fault.Store(&tables.Fault{Status: status, Code: map[bool]string{true: "Teapot"}[status == 418]})
		_, err := c.AddEntity(t.Context(), encode(t, entity("p", "r")), nil)
		refused(t, err, status, code)
	}
	if rows := server.Rows("rows"); len(rows) != 0 {
		t.Errorf("wrote %v", rows)
	}
}

func TestThrottlingIsSwitchedOnAndOffWhileTheServerRuns(t *testing.T) {
	server, service := serve(t, tables.Options{})
	c := createTable(t, service, "rows")
	server.SetFault(func(r *http.Request) *tables.Fault {
		if r.Method == http.MethodGet {
			return &tables.Fault{Status: http.StatusTooManyRequests}
		}
		return &tables.Fault{Status: http.StatusServiceUnavailable}
	})
	_, err := c.AddEntity(t.Context(), encode(t, entity("p", "r")), nil)
	refused(t, err, http.StatusServiceUnavailable, "ServerBusy")
	_, err = c.GetEntity(t.Context(), "p", "r", nil)
	refused(t, err, http.StatusTooManyRequests, "ServerBusy")
	server.SetFault(nil)
	insert(t, c, entity("p", "r"))
	if rows := server.Rows("rows"); len(rows) != 1 {
		t.Errorf("%d rows, want the one that was written after the throttling", len(rows))
	}
}

func TestAFaultSeesTheBodyAndLeavesItForTheRequest(t *testing.T) {
	bodies := make(chan string, 10)
	server, service := serve(t, tables.Options{Fault: func(r *http.Request) *tables.Fault {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
		return nil
	}})
	c := createTable(t, service, "rows")
	<-bodies
	insert(t, c, entity("p", "r", "A", "seen"))
	if body := <-bodies; !strings.Contains(body, `"seen"`) || len(server.Rows("rows")) != 1 {
		t.Errorf("the fault saw %q, %d rows were written", body, len(server.Rows("rows")))
	}
}

func TestADroppedAnswerHasDoneItsWrite(t *testing.T) {
	var drop atomic.Bool
	server, service := serve(t,
		tables.Options{Fault: func(*http.Request) *tables.Fault { return &tables.Fault{Drop: drop.Load()} }})
	c := createTable(t, service, "rows")
	drop.Store(true)
	if _, err := c.AddEntity(t.Context(), encode(t, entity("p", "r")), nil); err == nil {
		t.Error("an answer came")
	}
	if err := submit(c, act(t, aztables.TransactionTypeAdd, entity("p", "s"))); err == nil {
		t.Error("an answer came")
	}
	if rows := server.Rows("rows"); len(rows) != 2 {
		t.Errorf("%d rows were written, want 2", len(rows))
	}
}

// The client repeats writes of its own accord: after a lost answer its insert meets its own row.
func TestARepeatedInsertAfterADroppedAnswerConflicts(t *testing.T) {
	var requests atomic.Int32
	server, service := serve(t,
		tables.Options{Fault: func(*http.Request) *tables.Fault { return &tables.Fault{Drop: requests.Add(1) == 2} }})
	createTable(t, service, "rows")
	front := httptest.NewServer(server)
	t.Cleanup(front.Close)
	repeating, err := aztables.NewServiceClientFromConnectionString(server.ConnectionString(front.URL),
		&aztables.ClientOptions{
			ClientOptions: policy.ClientOptions{Retry: policy.RetryOptions{RetryDelay: time.Millisecond}},
		})
	if err != nil {
		t.Fatal(err)
	}
	_, err = repeating.NewClient("rows").AddEntity(t.Context(), encode(t, entity("p", "r")), nil)
	refused(t, err, http.StatusConflict, "EntityAlreadyExists")
	if got := requests.Load(); got != 3 {
		t.Errorf("%d requests came, want 3", got)
	}
}

func TestADelayedRequestOfAClientThatLeftIsNotDone(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	server := tables.New(tables.Options{Fault: func(r *http.Request) *tables.Fault {
		if !strings.HasSuffix(r.URL.Path, "/rows") {
			return nil
		}
		close(entered)
		return &tables.Fault{Delay: time.Hour}
	}})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/rows") {
			defer close(left)
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	c := createTable(t, connect(t, server.ConnectionString(front.URL)), "rows")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	if _, err := c.AddEntity(ctx, encode(t, entity("p", "r")), nil); err == nil {
		t.Error("an answer came")
	}
	<-left
	if rows := server.Rows("rows"); len(rows) != 0 {
		t.Errorf("wrote %v", rows)
	}
}

func TestRowsAreCopiesAndDeleteRowIsSeenByClients(t *testing.T) {
	stamp := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	server, service := serve(t, tables.Options{Now: func() time.Time { return stamp }})
	c := createTable(t, service, "Rows")
	tag := insert(t, c, entity("p", "b", "N", 1, "Bytes", "AQI=", "Bytes@odata.type", "Edm.Binary"))
	insert(t, c, entity("p", "a"))
	rows := server.Rows("rows")
	want := []tables.Row{
		{
			PartitionKey: "p",
			RowKey:       "a",
			Timestamp:    stamp.Add(100 * time.Nanosecond),
			ETag:         rows[0].ETag,
			Properties:   map[string]any{},
		},
		{
			PartitionKey: "p",
			RowKey:       "b",
			Timestamp:    stamp,
			ETag:         string(tag),
			Properties:   map[string]any{"N": int32(1), "Bytes": []byte{1, 2}},
		},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	rows[1].Properties["N"] = int32(9)
	rows[1].Properties["Bytes"].([]byte)[0] = 9
	if diff := cmp.Diff(want, server.Rows("Rows")); diff != "" {
		t.Errorf("a copy wrote through: %s", diff)
	}
	if !server.DeleteRow("rows", "p", "b") || server.DeleteRow("rows", "p", "b") || server.DeleteRow("none", "p", "b") {
		t.Error("DeleteRow said the wrong thing")
	}
	_, err := c.GetEntity(t.Context(), "p", "b", nil)
	refused(t, err, http.StatusNotFound, "ResourceNotFound")
	if server.Rows("none") != nil {
		t.Error("a table that is not there has rows")
	}
}

func TestETagsChangeWhileTheClockStandsStill(t *testing.T) {
	_, service := serve(t, tables.Options{Now: func() time.Time { return time.Unix(0, 0) }})
	c := createTable(t, service, "rows")
	seen := map[string]bool{}
	for range 20 {
		response, err := c.UpsertEntity(t.Context(), encode(t, entity("p", "r", "A", "same")), nil)
		if err != nil {
			t.Fatal(err)
		}
		seen[string(response.ETag)] = true
	}
	if len(seen) != 20 {
		t.Errorf("20 writes gave %d ETags", len(seen))
	}
}

func TestPagesAreAsLongAsTheOptionsSay(t *testing.T) {
	cases := map[string]struct {
		options tables.Options
		want    [][]string
	}{
		"page size": {tables.Options{PageSize: 2}, [][]string{{"1", "3"}, {"5"}}},
		"scan size": {tables.Options{ScanSize: 2}, [][]string{{"1"}, {"3"}, {"5"}}},
		"both":      {tables.Options{PageSize: 1, ScanSize: 4}, [][]string{{"1"}, {"3"}, {"5"}}},
		"scan one":  {tables.Options{ScanSize: 1}, [][]string{{"1"}, {}, {"3"}, {}, {"5"}, {}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, service := serve(t, c.options)
			client := createTable(t, service, "rows")
			for i := range 6 {
				insert(t, client, entity("p", fmt.Sprint(i), "Odd", i%2 == 1))
			}
			filter := "Odd eq true"
			got := list(t, client, &aztables.ListEntitiesOptions{Filter: &filter})
			if diff := cmp.Diff(slices.Concat(c.want...), slices.Concat(got...)); diff != "" {
				t.Error(diff)
			}
			if name == "scan one" && len(got) != 6 {
				t.Errorf("got %d pages, want one for each row looked at", len(got))
			}
		})
	}
}

func TestTableListsContinue(t *testing.T) {
	_, service := serve(t, tables.Options{PageSize: 2})
	for _, name := range []string{"gamma", "Alpha", "beta", "delta", "epsilon"} {
		createTable(t, service, name)
	}
	var got []string
	for pager := service.NewListTablesPager(nil); pager.More(); {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range page.Tables {
			got = append(got, *table.Name)
		}
	}
	if diff := cmp.Diff([]string{"Alpha", "beta", "delta", "epsilon", "gamma"}, got); diff != "" {
		t.Error(diff)
	}
	_, err := service.CreateTable(t.Context(), "ALPHA", nil)
	refused(t, err, http.StatusConflict, "TableAlreadyExists")
	for name, code := range map[string]string{
		"ab":                    "OutOfRangeInput",
		strings.Repeat("a", 64): "OutOfRangeInput",
		"1abc":                  "InvalidResourceName",
		"a-b-c":                 "InvalidResourceName",
		"tables":                "InvalidResourceName",
	} {
		_, err := service.CreateTable(t.Context(), name, nil)
		refused(t, err, http.StatusBadRequest, code)
	}
}
