package operate_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"cordon/handler/internal/world"
	"cordon/handler/operate/openapi"
	"cordon/handler/operate/wire"
	"cordon/handler/outgoing"
	"cordon/local/entrasim"
)

// queryOf and orderOf are what each route is asked in these tests.
func queryOf(path string) url.Values {
	return map[string]url.Values{
		"/machine":    {"machine": {"m1.corp.contoso.com"}},
		"/machines":   {"prefix": {"M1.corp"}},
		"/deadletter": {"number": {"17"}},
		"/run":        {"run": {"da1"}},
		"/runs":       {"machine": {"m1"}, "severity": {"High"}, "limit": {"5"}},
		"/decision":   {"run": {"da1"}},
		"/journal":    {"limit": {"5"}},
		"/mails":      {"state": {"failed"}, "limit": {"5"}},
	}[path]
}

func orderOf(path string) string {
	order := map[string]string{
		"/release":            `,"machines":["` + strings.Repeat("ab", 20) + `"]`,
		"/cancel":             `,"action":"action-1"`,
		"/held/continue":      `,"alerts":["da1"]`,
		"/held/drop":          `,"alerts":["da1"]`,
		"/enqueue":            `,"alerts":["da1"]`,
		"/deadletters/replay": `,"queue":"alerts","numbers":[17]`,
		"/deadletters/drop":   `,"queue":"alerts","numbers":[17,18]`,
		"/mails/send":         `,"mails":["incident:7:1"]`,
		"/mails/drop":         `,"mails":["incident:7:1"]`,
		"/hunts/run":          `,"hunt":"tools"`,
		"/erase":              `,"user":"alice@contoso.com"`,
	}[path]
	return fmt.Sprintf(`{"command":"c-%s","reason":"why"%s}`, strings.ReplaceAll(path[1:], "/", "-")+"-1234", order)
}

// TestEveryRouteIsAnsweredAsItIsDescribed asks every route as somebody who may, and holds each answer against the
// description of the API; and as nobody, as a reader and as an app, who may not.
func TestEveryRouteIsAnsweredAsItIsDescribed(t *testing.T) {
	t.Parallel()
	w, _ := world.Isolated(t)
	a := newAPI(t, w)
	schemas := compiled(t)
	for _, route := range wire.Routes() {
		what := route.Method + " " + route.Path
		body := ""
		if route.Method == http.MethodPost {
			body = orderOf(route.Path)
		}
		refusals := map[string]int{"": http.StatusUnauthorized}
		if route.Role == wire.Operator {
			refusals[a.token(reader, entrasim.NoFlaw)] = http.StatusForbidden
			refusals[a.token(operator, entrasim.AppOnly)] = http.StatusForbidden
		}
		if route.Role == wire.Anybody {
			refusals = nil
		}
		for token, status := range refusals {
			answer := a.ask(route.Method, route.Path, queryOf(route.Path), token, body)
			if answer.StatusCode != status || answer.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s, which should be refused with %d: %d", what, status, answer.StatusCode)
			}
			holds(t, schemas, "Problem", text(t, answer))
		}
		answer := a.ask(route.Method, route.Path, queryOf(route.Path), a.token(operator, entrasim.NoFlaw), body)
		said := text(t, answer)
		if answer.StatusCode != http.StatusOK && route.Path != "/health" {
			t.Errorf("%s: %d %s", what, answer.StatusCode, said)
		}
		if answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept: %v", what, answer.Header)
		}
		if name := nameOf(route.Tells); name != "" {
			holds(t, schemas, name, said)
		}
	}
	if answer := a.ask(http.MethodGet, "/openapi.json", nil, "", ""); answer.StatusCode != http.StatusOK {
		t.Errorf("the description: %d", answer.StatusCode)
	}
}

func nameOf(v any) string {
	return strings.TrimPrefix(strings.TrimPrefix(fmt.Sprintf("%T", v), "map[string]interface {}"), "wire.")
}

// compiled are the schemas of the description.
func compiled(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	body, err := outgoing.Encode(openapi.Description())
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(body, &document); err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	return c
}

func holds(t *testing.T, c *jsonschema.Compiler, name, body string) {
	t.Helper()
	schema, err := c.Compile("openapi.json#/components/schemas/" + name)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err == nil {
		err = schema.Validate(document)
	}
	if err != nil {
		t.Errorf("%s is not as described: %v\n%s", name, err, body)
	}
}

// TestWhatIsOrderedNamesThePersonAndTheWayIn holds what the journal says of an order that came over HTTP.
func TestWhatIsOrderedNamesThePersonAndTheWayIn(t *testing.T) {
	t.Parallel()
	w, _ := world.Isolated(t)
	a := newAPI(t, w)
	token := a.token(operator, entrasim.NoFlaw)
	for _, repeated := range []bool{false, true} {
		var said wire.Results
		answer := a.ask(http.MethodPost, "/cancel", nil, token, orderOf("/cancel"))
		if err := json.Unmarshal([]byte(text(t, answer)), &said); err != nil || said.Repeated != repeated ||
			len(said.Results) != 1 || said.Results[0].Done || said.Results[0].Unknown ||
			!strings.Contains(said.Results[0].Outcome, "is over") {
			t.Fatalf("%+v, %v", said, err)
		}
	}
	var journal wire.Journal
	answer := a.ask(http.MethodGet, "/journal", nil, a.token(reader, entrasim.NoFlaw), "")
	if err := json.Unmarshal([]byte(text(t, answer)), &journal); err != nil || len(journal.Entries) != 1 {
		t.Fatalf("%+v, %v", journal, err)
	}
	e := journal.Entries[0]
	if e.By != operator || e.ByID == "" || e.Client != cliID || e.Address != "192.0.2.7" || e.Reason != "why" ||
		e.Verb != "cancel" || e.State != "refused" {
		t.Errorf("the journal says %+v", e)
	}
	calls := 0
	p := w.Start(-1, false)
	p.Between = func() { calls++ }
	a.office.Desk = p.AtDesk()
	one := url.Values{"command": {e.Command}}
	answer = a.ask(http.MethodGet, "/journal", one, a.token(reader, entrasim.NoFlaw), "")
	var became wire.Journal
	if err := json.Unmarshal([]byte(text(t, answer)), &became); err != nil || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
	if diff := cmp.Diff(journal, became); diff != "" {
		t.Errorf("what became of the command (-want +got):\n%s", diff)
	}
	other := strings.ReplaceAll(orderOf("/cancel"), "why", "another")
	if answer := a.ask(http.MethodPost, "/cancel", nil, token, other); answer.StatusCode != http.StatusConflict {
		t.Errorf("another order under the same id: %d", answer.StatusCode)
	}
}

// TestWhatIsAskedWronglyIsRefusedWithTheReason is the table of requests that mean nothing.
func TestWhatIsAskedWronglyIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	w, _ := world.Isolated(t)
	a := newAPI(t, w)
	token := a.token(operator, entrasim.NoFlaw)
	order := func(rest string) string { return `{"command":"12345678","reason":"why"` + rest + `}` }
	ids := strings.Repeat(`"da1",`, 100) + `"da2"`
	for what, c := range map[string]struct {
		method, path string
		query        url.Values
		body, code   string
	}{
		"no route":         {method: "GET", path: "/nothing", code: "no_route"},
		"another method":   {method: "GET", path: "/release", code: "method"},
		"an unknown query": {method: "GET", path: "/held", query: url.Values{"all": {"1"}}, code: "query"},
		"a query twice": {method: "GET", path: "/deadletters", query: url.Values{"queue": {"alerts", "notices"}},
			code: "query"},
		"one that the host joined": {method: "GET", path: "/deadletters", query: url.Values{"queue": {"alerts,notices"}},
			code: "query"},
		"no number":     {method: "GET", path: "/deadletter", code: "query"},
		"a bad number":  {method: "GET", path: "/deadletter", query: url.Values{"number": {"-1"}}, code: "query"},
		"another queue": {method: "GET", path: "/deadletters", query: url.Values{"queue": {"x"}}, code: "queue"},
		"too many":      {method: "GET", path: "/journal", query: url.Values{"limit": {"201"}}, code: "limit"},
		"no id of a command": {method: "GET", path: "/journal", query: url.Values{"command": {"a b/../c"}},
			code: "command"},
		"a command of nobody": {method: "GET", path: "/journal", query: url.Values{"command": {"12345678"}},
			code: "no_command"},
		"a machine nobody": {method: "GET", path: "/machine", query: url.Values{"machine": {"ws-9"}}, code: "refused"},
		"no JSON":          {method: "POST", path: "/pause", body: "x", code: "order"},
		"two documents":    {method: "POST", path: "/pause", body: order("") + order(""), code: "order"},
		"an unknown field": {method: "POST", path: "/pause", body: order(`,"force":true`), code: "order"},
		"no command id":    {method: "POST", path: "/pause", body: `{"reason":"why"}`, code: "command"},
		"a bad command id": {method: "POST", path: "/pause", body: `{"command":"a b/../c","reason":"why"}`, code: "command"},
		"no reason":        {method: "POST", path: "/pause", body: `{"command":"12345678","reason":" \u202e\u0007 "}`, code: "reason"},
		"no machines":      {method: "POST", path: "/release", body: order(""), code: "objects"},
		"a name for an id": {method: "POST", path: "/release", body: order(`,"machines":["ws-1"]`), code: "objects"},
		"too many alerts":  {method: "POST", path: "/enqueue", body: order(`,"alerts":[` + ids + `]`), code: "objects"},
		"a bad alert id":   {method: "POST", path: "/enqueue", body: order(`,"alerts":["a/b"]`), code: "objects"},
		"a bad action id":  {method: "POST", path: "/cancel", body: order(`,"action":"../machines"`), code: "objects"},
		"no numbers":       {method: "POST", path: "/deadletters/drop", body: order(""), code: "objects"},
		"no such hunt":     {method: "POST", path: "/hunts/run", body: order(`,"hunt":"x"`), code: "no_hunt"},
		"a bad time":       {method: "POST", path: "/hunts/run", body: order(`,"hunt":"tools","since":"90d"`), code: "since"},
		"a bad parameter": {method: "POST", path: "/hunts/run", body: order(`,"hunt":"tools","params":{"x":"y"}`),
			code: "params"},
	} {
		answer := a.ask(c.method, c.path, c.query, token, c.body)
		var said wire.Problem
		if err := json.Unmarshal([]byte(text(t, answer)), &said); err != nil || said.Code != c.code ||
			said.Status != answer.StatusCode || said.Status < 400 || said.Detail == "" {
			t.Errorf("%s: %d %+v, %v", what, answer.StatusCode, said, err)
		}
	}
	if found, _, err := w.Start(-1, false).Ledger.Journal.Page(t.Context(), 10, ""); err != nil || len(found) != 0 {
		t.Errorf("the journal has %+v, %v", found, err)
	}
}

// TestWithoutProofNothingIsAskedOfAnybody counts the calls that requests cause that nobody proved.
func TestWithoutProofNothingIsAskedOfAnybody(t *testing.T) {
	t.Parallel()
	w, _ := world.Isolated(t)
	a := newAPI(t, w)
	calls := 0
	p := w.Start(-1, false)
	p.Between = func() { calls++ }
	a.office.Desk = p.AtDesk()
	forged := []entrasim.Flaw{
		entrasim.Expired, entrasim.OtherTenant, entrasim.OtherAudience, entrasim.VersionOne, entrasim.Unsigned,
		entrasim.Symmetric, entrasim.NoScope, entrasim.NoRoles, entrasim.IDToken,
	}
	for _, route := range wire.Routes() {
		if route.Role == wire.Anybody {
			a.ask(route.Method, route.Path, nil, "", "")
			continue
		}
		for _, flaw := range forged {
			a.ask(route.Method, route.Path, queryOf(route.Path), a.token(operator, flaw), orderOf(route.Path))
		}
	}
	if asked := a.entra.Counts(); calls != 0 || asked.Discovery != 0 {
		t.Errorf("%d calls of tables and Defender, %d of the authority", calls, asked.Discovery)
	}
	if answer := a.ask("GET", "/held", nil, a.token(reader, entrasim.NoFlaw), ""); answer.StatusCode != 200 || calls == 0 {
		t.Errorf("with proof: %d, %d calls", answer.StatusCode, calls)
	}
}

// TestAnAnswerThatIsKnownIsNotSentAgain holds the entity tags.
func TestAnAnswerThatIsKnownIsNotSentAgain(t *testing.T) {
	t.Parallel()
	w, _ := world.Isolated(t)
	a := newAPI(t, w)
	token := a.token(reader, entrasim.NoFlaw)
	tag := a.ask("GET", "/isolated", nil, token, "").Header.Get("ETag")
	r := request(t, token, tag)
	if answer := a.serve(r); tag == "" || answer.StatusCode != http.StatusNotModified || text(t, answer) != "" {
		t.Errorf("with the tag %s: %d", tag, answer.StatusCode)
	}
	w.ByHand(w.Start(-1, false), "m1")
	if answer := a.serve(request(t, token, tag)); answer.StatusCode != http.StatusOK {
		t.Errorf("after a change: %d", answer.StatusCode)
	}
}

// TestTheDescriptionIsAsItWas holds docs/openapi.json against the routes; -update writes it anew.
func TestTheDescriptionIsAsItWas(t *testing.T) {
	t.Parallel()
	body, err := json.MarshalIndent(openapi.Description(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const file = "../../docs/openapi.json"
	if *update {
		if err := os.WriteFile(file, append(body, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	was, err := os.ReadFile(file)
	if err != nil || string(was) != string(body)+"\n" {
		t.Errorf("docs/openapi.json is not as the routes are; make golden writes it: %v", err)
	}
}

// TestAnAddressIsAnAddress has a caller, or a front end that takes what it is sent, make up what follows an address.
func TestAnAddressIsAnAddress(t *testing.T) {
	t.Parallel()
	w, _ := world.Isolated(t)
	a := newAPI(t, w)
	for forwarded, want := range map[string]string{
		"fe80::1%\u202eevil": "fe80::1",
		"[fe80::1%x y]:80":   "fe80::1",
		"192.0.2.7:50123":    "192.0.2.7",
		"evil":               "",
		"":                   "",
	} {
		r := httptest.NewRequest(http.MethodPost, wire.Base+"/resume",
			strings.NewReader(`{"command":"12345678-`+fmt.Sprintf("%x", forwarded)+`","reason":"why"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+a.token(operator, entrasim.NoFlaw))
		r.Header.Set("X-Forwarded-For", forwarded)
		if answer := a.serve(r); answer.StatusCode != http.StatusOK {
			t.Fatal(text(t, answer))
		}
		d, _ := w.Desk()
		e, _, err := d.Journal.Find(t.Context(), fmt.Sprintf("12345678-%x", forwarded), "")
		if err != nil || e.Address != want {
			t.Errorf("%q is journalled as %q, %v", forwarded, e.Address, err)
		}
	}
}
