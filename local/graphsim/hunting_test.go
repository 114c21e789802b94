package graphsim

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/graph"
)

var day = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// hunted serves a Sim with one table, of a row an hour, and asks it with the real client.
func hunted(t *testing.T, o Options) (*Sim, func(query string, since, until time.Time) (graph.HuntingResult, error)) {
	t.Helper()
	s := New(o)
	table := Table{Columns: []Column{{"Timestamp", "DateTime"}, {"DeviceId", "String"}, {"N", "Int64"}}}
	for i := range 3 {
		at := day.Add(time.Duration(i) * time.Hour)
		table.Rows = append(table.Rows,
			Row{at, map[string]any{"Timestamp": at, "DeviceId": "d", "N": int64(9007199254740993) + int64(i)}})
	}
	s.SetTable("DeviceProcessEvents", table)
	web := httptest.NewServer(s)
	base, err := url.Parse(web.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := web.Client()
	client.Transport = bearer{client.Transport}
	t.Cleanup(func() { client.CloseIdleConnections(); web.Close() })
	api := graph.New(graph.Options{Base: base, HTTP: client})
	return s, func(query string, since, until time.Time) (graph.HuntingResult, error) {
		return api.RunHuntingQuery(context.Background(), query, since, until)
	}
}

type bearer struct{ base http.RoundTripper }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer t")
	return b.base.RoundTrip(r)
}

func (b bearer) CloseIdleConnections() { (&http.Client{Transport: b.base}).CloseIdleConnections() }

func TestAQueryFindsTheRowsOfItsTimespan(t *testing.T) {
	s, ask := hunted(t, Options{})
	got, err := ask("DeviceProcessEvents | take 5", day.Add(time.Hour), day.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want := graph.HuntingResult{
		Columns: []graph.HuntingColumn{
			{Name: "Timestamp", Type: "DateTime"}, {Name: "DeviceId", Type: "String"}, {Name: "N", Type: "Int64"},
		},
		Rows: [][]string{{"2026-03-02T01:00:00Z", "d", "9007199254740994"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	calls := []HuntingCall{{
		Query:    "DeviceProcessEvents | take 5",
		Timespan: "2026-03-02T01:00:00Z/2026-03-02T02:00:00Z",
		Rows:     1,
		Status:   200,
	}}
	if diff := cmp.Diff(calls, s.HuntingCalls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestAQueryIsRefusedAsGraphDoes(t *testing.T) {
	with := func(roles ...string) Options {
		return Options{
			Audience: "https://graph.microsoft.com",
			Verify: func(string) (Claims, error) {
				return Claims{Audience: "https://graph.microsoft.com", Roles: roles}, nil
			},
		}
	}
	for _, tt := range []struct {
		name, query string
		o           Options
		fault       *Fault
		again       bool
		says        string // empty: it is answered
	}{
		{"permitted", "DeviceProcessEvents", with("ThreatHunting.Read.All"), nil, false, ""},
		{"another permission", "DeviceProcessEvents", with("Mail.Send"), nil, false, "403 Forbidden"},
		{
			"a token that is none", "DeviceProcessEvents",
			Options{Verify: func(string) (Claims, error) { return Claims{}, errors.New("no") }}, nil, false,
			"401 InvalidAuthenticationToken",
		},
		{"an unknown table", "DeviceProcesEvents", Options{}, nil, false, "Fix semantic errors"},
		{
			"a mistake on request", "DeviceProcessEvents", Options{},
			&Fault{Status: 400, Code: "BadRequest", Message: "'where' operator"}, false, "'where' operator",
		},
		{
			"throttled", "DeviceProcessEvents", Options{}, &Fault{Status: 429, Code: "TooManyRequests"}, true,
			"429 TooManyRequests",
		},
		{
			"a gateway's timeout", "DeviceProcessEvents", Options{}, &Fault{Status: 504, Code: "GatewayTimeout"}, true,
			"504",
		},
		{"a cut answer", "DeviceProcessEvents", Options{}, &Fault{Cut: true}, true, "unexpected EOF"},
		{"a lost answer", "DeviceProcessEvents", Options{}, &Fault{LoseAnswer: true}, true, "EOF"},
	} {
		s, ask := hunted(t, tt.o)
		s.SetFault(func(*http.Request) *Fault { return tt.fault })
		_, err := ask(tt.query, day, day.Add(24*time.Hour))
		if tt.says == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		var failed *graph.HuntingError
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if _, again := failed.RetryIn(); again != tt.again {
			t.Errorf("%s: again %v", tt.name, again)
		}
	}
}

func TestTheTenantHasAQuotaOfQueries(t *testing.T) {
	now := day
	s, ask := hunted(t, Options{Now: func() time.Time { return now }})
	for i := range documentedHuntingPerMinute {
		if _, err := ask("DeviceProcessEvents", day, day.Add(time.Hour)); err != nil {
			t.Fatalf("query %d: %v", i, err)
		}
	}
	now = now.Add(20 * time.Second)
	_, err := ask("DeviceProcessEvents", day, day.Add(time.Hour))
	var failed *graph.HuntingError
	if !errors.As(err, &failed) {
		t.Fatalf("query over the quota: %v", err)
	}
	if after, again := failed.RetryIn(); after != 40*time.Second || !again {
		t.Errorf("again %v in %s", again, after)
	}
	now = now.Add(40 * time.Second)
	if _, err := ask("DeviceProcessEvents", day, day.Add(time.Hour)); err != nil {
		t.Errorf("a minute later: %v", err)
	}
	if n := len(s.HuntingCalls()); n != documentedHuntingPerMinute+2 {
		t.Errorf("%d calls", n)
	}
}

func TestAResultHasTheLimitsOfGraph(t *testing.T) {
	s, ask := hunted(t, Options{HuntingRows: 2, UpperSchema: true})
	got, err := ask("DeviceProcessEvents", day, day.Add(24*time.Hour))
	if err != nil || len(got.Rows) != 2 || got.Columns[1] != (graph.HuntingColumn{Name: "DeviceId", Type: "String"}) ||
		s.HuntingCalls()[0].Rows != 2 {
		t.Errorf("%v, %v; want two of three rows, and nothing said", got, err)
	}
	_, ask = hunted(t, Options{HuntingBytes: 100})
	_, err = ask("DeviceProcessEvents", day, day.Add(24*time.Hour))
	var failed *graph.HuntingError
	if !errors.As(err, &failed) ||
		!strings.Contains(err.Error(), "400 BadRequest: Query execution has exceeded the allowed result size") {
		t.Fatalf("too large: %v", err)
	}
	if _, again := failed.RetryIn(); again {
		t.Error("a result that is too large is asked for again")
	}
}
