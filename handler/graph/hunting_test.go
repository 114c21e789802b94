package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const huntingAnswer = `{"@odata.context":"x",
"schema":[{"name":"Timestamp","type":"DateTime"},{"Name":"DeviceId","Type":"String"},
	{"name":"Count","type":"Int64"},{"name":"More","type":"Object"},{"name":"On","type":"SByte"}],
"results":[
	{"timestamp":"2026-03-02T10:00:00Z","DeviceId":"0a","Count":9223372036854775807,"More":{"a": [1]},"On":true},
	{"DeviceId":null}]}`

func TestAHuntingResultIsATableOfTexts(t *testing.T) {
	t.Parallel()
	var asked struct{ Query, Timespan string }
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1.0/security/runHuntingQuery" || json.NewDecoder(r.Body).Decode(&asked) != nil {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		_, _ = w.Write([]byte(huntingAnswer))
	}))
	defer web.Close()
	base, err := url.Parse(web.URL)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 2, 10, 0, 0, 5, time.UTC)
	got, err := New(Options{Base: base, HTTP: web.Client()}).RunHuntingQuery(t.Context(), "T | where x == \"ä\"", at,
		at.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"2026-03-02T10:00:00Z", "0a", "9223372036854775807", `{"a":[1]}`, "true"}, {"", "", "", "", ""}}
	if diff := cmp.Diff(want, got.Rows); diff != "" || got.Columns[1] != (HuntingColumn{"DeviceId", "String"}) {
		t.Errorf("columns %v, rows (-want +got):\n%s", got.Columns, diff)
	}
	if asked.Query != "T | where x == \"ä\"" || asked.Timespan != "2026-03-02T10:00:00Z/2026-03-02T11:00:00Z" {
		t.Errorf("asked %+v", asked)
	}
}

func TestAHuntingFailureSaysWhetherARepeatHelps(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		body   string
		after  time.Duration
		again  bool
		says   string
	}{
		{
			400, `{"error":{"code":"BadRequest","message":"'where' operator: Failed to resolve column"}}`, 0, false,
			"Failed to resolve column",
		},
		{
			403, `{"error":{"code":"Forbidden","message":"no"}}`, 0, false,
			"ThreatHunting.Read.All of Microsoft Graph, which cordon doctor tells, grant it; else the service " +
				"itself refuses",
		},
		{403, "<html>", 0, true, "not Graph's answer"},
		{400, "<html>", 0, true, "not Graph's answer"},
		{429, `{"error":{"code":"TooManyRequests","message":"CPU"}}`, 7 * time.Second, true, "quota"},
		{504, `gateway`, 0, true, "504"},
		{200, `{"schema":[`, 0, true, "cannot be read"},
	} {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if tt.after > 0 {
				w.Header().Set("Retry-After", "7")
			}
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.body))
		}))
		base, err := url.Parse(web.URL)
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(Options{Base: base, HTTP: web.Client()}).RunHuntingQuery(context.Background(), "T",
			time.Unix(0, 0), time.Unix(9, 0))
		web.Close()
		var failed *HuntingError
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%d: %v", tt.status, err)
			continue
		}
		if after, again := failed.RetryIn(); after != tt.after || again != tt.again {
			t.Errorf("%d: again %v in %s", tt.status, again, after)
		}
	}
}

func FuzzDecodeHunting(f *testing.F) {
	for _, seed := range []string{
		huntingAnswer, `{"schema":[`, `{"results":[]}`, `{"schema":[{"name":"A"}],"results":[{"a":"\ud800"},null]}`,
		`[]`, `{"schema":[{"name":"A"}],"results":[{"A":{"b":[1e400]}}]} x`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		result, err := decodeHunting(strings.NewReader(string(body)))
		for _, row := range result.Rows {
			if err != nil || len(row) != len(result.Columns) {
				t.Fatalf("%d texts for %d columns, %v", len(row), len(result.Columns), err)
			}
		}
	})
}
