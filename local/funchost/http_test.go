package funchost

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// exchange sends one raw request to the front and gives the answer, whatever it is, once the body is read.
type exchange struct {
	status  int
	header  http.Header
	trailer http.Header
	length  int64
	body    string
	err     error
}

func send(h *Host, raw string) <-chan exchange {
	out := make(chan exchange, 1)
	go func() {
		conn, err := net.Dial("tcp", h.Addr())
		if err != nil {
			out <- exchange{err: err}
			return
		}
		defer conn.Close()
		raw = strings.ReplaceAll(strings.Replace(raw, "\n", "\nHost: front.example\nConnection: close\n", 1), "\n",
			"\r\n")
		if _, err := io.WriteString(conn, raw); err != nil {
			out <- exchange{err: err}
			return
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			out <- exchange{err: err}
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		out <- exchange{
			status:  resp.StatusCode,
			header:  resp.Header,
			trailer: resp.Trailer,
			length:  resp.ContentLength,
			body:    string(body),
			err:     err,
		}
	}()
	return out
}

func (a *app) got(from <-chan exchange) exchange {
	a.t.Helper()
	e := receive(a.t, from, "answer of the front")
	if e.err != nil {
		a.t.Fatal(e.err)
	}
	return e
}

func web(t *testing.T, hostJSON string) *app {
	return newApp(t, hostJSON, map[string]string{
		"ReceiveAlert":   httpFunction("alerts", `,"methods":["post"]`),
		"Console":        httpFunction("console/{*path}", `,"methods":["get","POST"]`),
		"Health":         httpFunction("health", `,"methods":["get"],"authLevel":"anonymous"`),
		"Approve":        httpFunction("approvals/{id:guid}", `,"authLevel":"admin"`),
		"RespondToAlert": queueFunction,
	})
}

func TestForwardedRequestsArriveAsTheyWere(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	h := a.start()
	answer := send(h,
		"POST /api/console/a%20b/c?x=1&tag=a&tag=b%26&y=%20z HTTP/1.1\nUser-Agent: curl/8.5.0\nX-Custom: "+
			"1\nContent-Encoding: br\n"+
			"Content-Type: text/csv\nX-Azure-Functions-InvocationId: forged\nContent-Length: 5\n\nhello")
	c := a.next()
	if c.Method != "POST" || c.URI != "/api/console/a%20b/c?x=1&tag=a,b%26&y=%20z" || c.Host != "front.example" ||
		c.Body != "hello" || c.Length != 5 {
		t.Errorf("the handler got %s %s for %s, body %q of %d", c.Method, c.URI, c.Host, c.Body, c.Length)
	}
	ids := c.Header.Values("X-Azure-Functions-InvocationId")
	own, forged := strings.CutPrefix(strings.Join(ids, "|"), "forged, ")
	if !forged || len(own) != 36 {
		t.Errorf("invocation ids %q", ids)
	}
	c.Header.Del("X-Azure-Functions-InvocationId")
	want := http.Header{
		"User-Agent": {"curl/8.5.0 Azure-Functions-Host/4.1037.0.0"}, "X-Custom": {"1"}, "Content-Type": {"text/csv"},
		"X-Azure-Functions-Hostversion": {"4.1037.0.0"}, "Content-Length": {"5"},
	}
	if d := cmp.Diff(want, c.Header); d != "" {
		t.Errorf("headers (-want +got):\n%s", d)
	}
	c.answer(reply{
		Status: 302,
		Header: http.Header{"Location": {"/api/console/"}, "Set-Cookie": {"a=1", "b=2"}, "X-Mine": {"1"}},
		Body:   "moved",
	})
	e := a.got(answer)
	if e.status != 302 || e.body != "moved" || e.header.Get("Location") != "/api/console/" ||
		len(e.header["Set-Cookie"]) != 2 || e.header.Get("X-Mine") != "1" {
		t.Errorf("the caller got %+v", e)
	}
	if ev := a.event(); ev.Err != nil || ev.Status != 302 || ev.Function != "Console" || ev.InvocationID != own {
		t.Errorf("event %+v", ev)
	}
}

// TestBodiesThatTheHostFailsAt never reach the handler: the caller sees a bare 500.
func TestBodiesThatTheHostFailsAt(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	a.settings["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"] = "1000"
	h := a.start()
	sized := func(header string, n int) string {
		return fmt.Sprintf("POST /api/alerts HTTP/1.1\n%sContent-Length: %d\n\n%s", header, n, strings.Repeat("x", n))
	}
	for name, request := range map[string]string{
		"in chunks":      "POST /api/alerts HTTP/1.1\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n",
		"too large":      sized("Content-Type: text/plain\n", 1001),
		"malformed type": sized("Content-Type: json\n", 5),
		"two types":      sized("Content-Type: application/json\nContent-Type: application/json\n", 5),
	} {
		if e := a.got(send(h, request)); e.status != 500 || e.body != "" {
			t.Errorf("%s: the caller got %+v", name, e)
		}
	}
	if said := a.logs.text(); strings.Count(said, "ReceiveAlert: ") != 4 {
		t.Errorf("the host said %s", said)
	}
	for _, request := range []string{
		sized("Content-Type: text/plain\n", 1000), sized("", 5),
		sized("Content-Type: application/json; charset\n", 5), sized("Content-Type: a/b; c=\"d,e\"\n", 5),
	} {
		answer := send(h, request)
		a.next().answer(reply{Status: 200, Body: "yes"})
		if e := a.got(answer); e.status != 200 || e.body != "yes" {
			t.Errorf("the caller got %+v", e)
		}
	}
}

func TestABrokenForwardedRequestIsA500(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	h := a.start()
	answer := send(h, "GET /api/health HTTP/1.1\n\n")
	a.next().answer(exits(3))
	if e := a.got(answer); e.status != 500 || e.body != "" {
		t.Errorf("the caller got %+v", e)
	}
	if ev := a.event(); ev.Err == nil || ev.Status != 0 {
		t.Errorf("event %+v", ev)
	}
}

func TestOnlyKnownRoutesReachTheHandler(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	h := a.start()
	for request, want := range map[string]int{
		"POST /RespondToAlert":                     404,
		"POST /respondtoalert":                     404,
		"POST //RespondToAlert":                    404,
		"POST /api/../RespondToAlert":              404,
		"POST /api/console/../../RespondToAlert":   404,
		"POST /api/console/%2e%2e/%2E./x":          404,
		"POST /api/console//x":                     404,
		"POST /api/RespondToAlert":                 404,
		"POST http://127.0.0.1:1/RespondToAlert":   404,
		"GET /api/alerts":                          404, // the route exists with POST only
		"PUT /api/console":                         404,
		"HEAD /api/health":                         404,
		"OPTIONS /api/health":                      404,
		"GET /api/approvals/7":                     404,
		"GET /runtime/webhooks":                    404,
		"GET /":                                    200,
		"GET /api/healthy":                         404,
		"POST /admin/functions/Nobody":             404,
		"GET /admin/functions/RespondToAlert/keys": 404,
	} {
		if e := a.got(send(h, request+" HTTP/1.1\nContent-Length: 0\n\n")); e.status != want {
			t.Errorf("%s: %d, want %d", request, e.status, want)
		}
	}
	a.silent()
	for request, function := range map[string]string{
		"GET /API/Health/": "Health",
		"GET /api/console": "Console",
		"HEAD /api/approvals/6f1d8f2e-0a41-4f0e-9d0b-0d6f0a3f5a10": "Approve",
	} {
		answer := send(h, request+" HTTP/1.1\n\n")
		a.next().answer(reply{Status: 204})
		if e := a.got(answer); e.status != 204 {
			t.Errorf("%s: %d", request, e.status)
		}
		if ev := a.event(); ev.Function != function {
			t.Errorf("%s went to %s", request, ev.Function)
		}
	}
}

func TestKeysOpenWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	h := a.start(func(o *Options) {
		o.Keys = &Keys{Master: "master-key", Host: "host-key", Function: map[string]string{"ReceiveAlert": "own-key"}}
	})
	for _, test := range []struct {
		request, header string
		want            int
	}{
		{"POST /api/alerts", "", 401},
		{"POST /api/alerts", "x-functions-key: wrong", 401},
		{"POST /api/alerts?code=own-key", "x-functions-key: wrong", 401},
		{"POST /api/alerts?code=own-key", "", 200},
		{"POST /api/alerts", "x-functions-key: host-key", 200},
		{"POST /api/alerts", "X-Functions-Key: master-key", 200},
		{"GET /api/console", "x-functions-key: own-key", 401},
		{"GET /api/health", "", 200},
		{"GET /api/approvals/6f1d8f2e-0a41-4f0e-9d0b-0d6f0a3f5a10", "x-functions-key: host-key", 401},
		{"GET /api/approvals/6f1d8f2e-0a41-4f0e-9d0b-0d6f0a3f5a10", "x-functions-key: master-key", 200},
		{"GET /admin/host/status", "x-functions-key: host-key", 401},
		{"GET /admin/host/status", "x-functions-key: master-key", 200},
		{"POST /admin/functions/RespondToAlert", "", 401},
	} {
		name := test.request + " " + test.header
		if test.header != "" {
			test.header += "\n"
		}
		answer := send(h, test.request+" HTTP/1.1\n"+test.header+"\n")
		if test.want == 200 && !strings.Contains(test.request, "admin") {
			a.next().answer(reply{Status: 200})
		}
		if e := a.got(answer); e.status != test.want {
			t.Errorf("%s: %d, want %d", name, e.status, test.want)
		}
	}
	a.silent()
}

func TestAKeyThatIsNotSetOpensNothing(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	h := a.start(func(o *Options) { o.Keys = &Keys{Host: "host-key"} })
	for _, request := range []string{"GET /admin/host/status", "POST /api/alerts", "POST /api/alerts?code="} {
		if e := a.got(send(h, request+" HTTP/1.1\n\n")); e.status != 401 {
			t.Errorf("%s: %d", request, e.status)
		}
	}
	a.silent()
}

func TestWithoutKeysEverybodyIsLetInAsUnderCoreTools(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	h := a.start()
	answer := send(h, "GET /api/approvals/6f1d8f2e-0a41-4f0e-9d0b-0d6f0a3f5a10 HTTP/1.1\n\n")
	a.next().answer(reply{Status: 200})
	if e := a.got(answer); e.status != 200 {
		t.Errorf("status %d", e.status)
	}
}

func TestTheAdminAPIRunsAFunctionWithoutWaiting(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	h := a.start()
	post := func(path, body string) exchange {
		return a.got(send(h, fmt.Sprintf("POST %s HTTP/1.1\nContent-Length: %d\n\n%s", path, len(body), body)))
	}
	if e := post("/admin/functions/respondtoalert", `{"input":"hello"}`); e.status != 202 || e.body != "" {
		t.Errorf("%+v", e)
	}
	c := a.next()
	c.succeed()
	if got := at(parsed(t, []byte(c.Body)), "Data")["message"]; got != "aGVsbG8=" {
		t.Errorf("Data.message is %v", got)
	}
	for body, want := range map[string]int{"": 400, "[]": 400, "null": 400, `"x"`: 400} {
		if e := post("/admin/functions/RespondToAlert", body); e.status != want {
			t.Errorf("body %q: %d, want %d", body, e.status, want)
		}
	}
	if e := post("/admin/functions/Health", "{}"); e.status != 400 || !strings.Contains(e.body, "call its route") {
		t.Errorf("an HTTP function: %+v", e)
	}
	e := a.got(send(h, "GET /admin/host/status HTTP/1.1\n\n"))
	if got := parsed(t, []byte(e.body)); got["state"] != "Running" || got["version"] != hostVersion {
		t.Errorf("status %v", got)
	}
}

func TestWithoutForwardingTheHandlerGetsAnEnvelopeAndAnswersWithAnOutput(t *testing.T) {
	t.Parallel()
	a := web(t, plainHost)
	h := a.start()
	for name, test := range map[string]struct {
		reply reply
		want  exchange
	}{
		"object": {
			jsonReply(`{"Outputs":{"res":{"statusCode":201,"body":{"a":1},` +
				`"headers":{"Content-Type":"application/json","X-A":"b"}}}}`),
			exchange{
				status: 201,
				body:   `{"a":1}`,
				header: http.Header{"Content-Type": {"application/json"}, "X-A": {"b"}},
			},
		},
		"text of an object, status as text": {
			jsonReply(`{"Outputs":{"res":"{\"status\":\"418\",\"body\":\"tea\"}"}}`),
			exchange{status: 418, body: "tea", header: textHeader()},
		},
		"base64 stays": {
			jsonReply(`{"Outputs":{"res":{"body":"abcd1234"}}}`),
			exchange{status: 200, body: "abcd1234", header: textHeader()},
		},
		"no outputs": {jsonReply(`{}`), exchange{status: 204, header: http.Header{}}},
		"no res": {
			jsonReply(`{"Outputs":{"Res":{}}}`), exchange{status: 200, body: "{}", header: textHeader()},
		},
		"unreadable": {jsonReply(`{"Outputs":{"res":"hello"}}`), exchange{status: 500, header: http.Header{}}},
		"bad status": {
			jsonReply(`{"Outputs":{"res":{"statusCode":"ok"}}}`), exchange{status: 500, header: http.Header{}},
		},
		"status too low": {
			jsonReply(`{"Outputs":{"res":{"statusCode":99}}}`), exchange{status: 500, header: http.Header{}},
		},
		"bad headers": {jsonReply(`{"Outputs":{"res":{"headers":[]}}}`), exchange{status: 500, header: http.Header{}}},
		"failed": {
			reply{Status: 400, Header: jsonReply("").Header, Body: `{"Outputs":{"res":{}}}`},
			exchange{status: 500, header: http.Header{}},
		},
	} {
		answer := send(h,
			"POST /api/alerts?x=1 HTTP/1.1\nContent-Type: application/json\nContent-Length: 7\n\n{\"a\":1}")
		c := a.next()
		sent := parsed(t, []byte(c.Body))
		if req := at(sent, "Data", "req"); c.URI != "/ReceiveAlert" || req["Body"] != `{"a":1}` ||
			req["Url"] != "http://front.example/api/alerts?x=1" {
			t.Errorf("%s: the handler got %s %v", name, c.URI, req)
		}
		c.answer(test.reply)
		got := a.got(answer)
		got.length = 0
		for _, own := range []string{"Date", "Content-Length", "Connection", "Server"} {
			got.header.Del(own)
		}
		if d := cmp.Diff(test.want, got, cmp.AllowUnexported(exchange{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if ev := a.event(); (ev.Err != nil) != (test.want.status == 500) {
			t.Errorf("%s: event %+v", name, ev)
		}
	}
}

func TestARedirectOfAnEnvelope(t *testing.T) {
	t.Parallel()
	moved := reply{Status: 301, Header: http.Header{"Location": {"/elsewhere"}}}
	t.Run("is followed as a GET without body when forwarding is off", func(t *testing.T) {
		t.Parallel()
		a := responder(t)
		a.start()
		a.broker.put("alerts", "m1")
		a.next().answer(moved)
		c := a.next()
		if c.Method != "GET" || c.URI != "/elsewhere" || c.Body != "" {
			t.Errorf("the handler got %s %s %q", c.Method, c.URI, c.Body)
		}
		c.succeed()
		if got := receive(t, a.broker.settled, "settlement"); got != "complete m1" {
			t.Error(got)
		}
	})
	t.Run("fails when forwarding is on", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, forwardHost, map[string]string{"RespondToAlert": queueFunction})
		a.start()
		a.broker.put("alerts", "m1")
		a.next().answer(moved)
		if got := receive(t, a.broker.settled, "settlement"); got != "abandon m1" {
			t.Error(got)
		}
	})
}

func TestAFunctionIsNotDisabledByItsFile(t *testing.T) {
	t.Parallel()
	text := strings.Replace(httpFunction("health", `,"authLevel":"anonymous"`), "{", `{"disabled":true,`, 1)
	a := newApp(t, forwardHost, map[string]string{"Health": text})
	h := a.start()
	answer := send(h, "GET /api/health HTTP/1.1\n\n")
	a.next().answer(reply{Status: 200})
	if e := a.got(answer); e.status != 200 {
		t.Errorf("status %d", e.status)
	}
}

func TestADisabledHTTPFunctionIsUnknown(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	a.settings["AzureWebJobs.Health.Disabled"] = "1"
	h := a.start()
	if e := a.got(send(h, "GET /api/health HTTP/1.1\n\n")); e.status != 404 {
		t.Errorf("status %d", e.status)
	}
}
