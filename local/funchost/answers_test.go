package funchost

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnswersComeThroughAsTheyAre(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	h := a.start()
	large := strings.Repeat("x", 10_000) // more than Go sends with a length of its own accord
	cookies := []string{"a=1", "b=2"}
	for name, test := range map[string]struct {
		reply  reply
		server string
	}{
		"in chunks with a trailer": {
			reply{Status: 503, Header: http.Header{"Trailer:X-Late": {"1"}, "Set-Cookie": cookies}, Body: large},
			"Kestrel",
		},
		"with a Server": {
			reply{Status: 418, Header: http.Header{"Server": {"mine"}, "Set-Cookie": cookies}, Body: "tea"}, "mine",
		},
	} {
		answer := send(h, "GET /api/health HTTP/1.1\n\n")
		a.next().answer(test.reply)
		e := a.got(answer)
		if e.status != test.reply.Status || e.body != test.reply.Body || len(e.header["Set-Cookie"]) != 2 {
			t.Errorf("%s: the caller got %d with %d bytes and %v", name, e.status, len(e.body), e.header)
		}
		if e.length != int64(len(e.body)) || len(e.trailer) > 0 || e.header.Get("Trailer") != "" {
			t.Errorf("%s: length %d, trailers %v, %v", name, e.length, e.trailer, e.header)
		}
		if got := e.header["Server"]; len(got) != 1 || got[0] != test.server {
			t.Errorf("%s: Server %q", name, got)
		}
	}
}

// TestWhatNobodyKnowsInAnAnswerIsIgnored has outputs and a return value that belong to no binding.
func TestWhatNobodyKnowsInAnAnswerIsIgnored(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.start()
	a.broker.put("alerts", "m1")
	a.next().answer(jsonReply(`{"Outputs":{"nobody":{"a":[1]},"message":"x"},"ReturnValue":{"message":1},"More":{},
		"Logs":["one",2,1e21,true,null]}`))
	if got := receive(t, a.broker.settled, "settlement"); got != "complete m1" {
		t.Error(got)
	}
	if d := cmp.Diff([]string{"one", "2", "1e21", "true", ""}, a.event().Logs); d != "" {
		t.Error(d)
	}
}

// decorated is a host.json whose headers go on every answer.
const decorated = `{"version":"2.0",
	"customHandler":{"description":{"defaultExecutablePath":"handler"},"enableForwardingHttpRequest":true},
	"extensions":{"http":{"customHeaders":{"X-Content-Type-Options":"nosniff"},
		"hsts":{"isEnabled":true,"maxAge":"365.00:00:00","includeSubDomains":true,"excludedHosts":["plain.example"]}}}}`

func TestTheHostsOwnAnswersCarryTheHeadersOfHostJSON(t *testing.T) {
	t.Parallel()
	a := web(t, decorated)
	h := a.start(func(o *Options) { o.Keys = &Keys{Host: "host-key"} })
	const (
		chunks = "Transfer-Encoding: chunked\n"
		secure = "X-Forwarded-Proto: https\n"
		hsts   = "max-age=31536000; includeSubDomains"
	)
	own := http.Header{"X-Content-Type-Options": {"mine"}}
	for name, test := range map[string]struct {
		request      string
		reply        reply
		want         int
		custom, hsts string
	}{
		"401":                      {"POST /api/alerts HTTP/1.1\n" + secure, reply{}, 401, "nosniff", hsts},
		"404":                      {"GET /api/nothing HTTP/1.1\n" + secure, reply{}, 404, "nosniff", hsts},
		"500":                      {"GET /api/health HTTP/1.1\n" + chunks + secure, reply{}, 500, "nosniff", hsts},
		"admin":                    {"GET /admin/host/status HTTP/1.1\n", reply{}, 401, "nosniff", ""},
		"home":                     {"GET / HTTP/1.1\n", reply{}, 200, "nosniff", ""},
		"the handler's":            {"GET /api/health HTTP/1.1\n" + secure, reply{Status: 200}, 200, "nosniff", hsts},
		"the handler's by http":    {"GET /api/health HTTP/1.1\n", reply{Status: 200}, 200, "nosniff", ""},
		"one of the handler's own": {"GET /api/health HTTP/1.1\n", reply{Status: 200, Header: own}, 200, "mine", ""},
	} {
		end := "\n"
		if test.want == 500 {
			end = "\n0\n\n"
		}
		answer := send(h, test.request+end)
		if test.reply.Status != 0 {
			a.next().answer(test.reply)
		}
		e := a.got(answer)
		custom := strings.Join(e.header["X-Content-Type-Options"], "|")
		if e.status != test.want || custom != test.custom || e.header.Get("Strict-Transport-Security") != test.hsts ||
			e.header.Get("Server") != "Kestrel" {
			t.Errorf("%s: %d %v", name, e.status, e.header)
		}
	}
}

func TestOnlyCallersByHTTPSAreToldToKeepToIt(t *testing.T) {
	t.Parallel()
	a, err := newAnswerHeaders(nil, hstsJSON{IsEnabled: true, ExcludedHosts: []string{"plain.example"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		host, proto string
		tls         bool
		want        string
	}{
		{"app.example", "", false, ""},
		{"app.example:443", "", true, "max-age=2592000"},
		{"app.example", "HTTPS", false, "max-age=2592000"},
		{"app.example", "http", true, ""},
		{"PLAIN.example", "https", false, ""},
		{"127.0.0.1:7071", "https", false, ""},
		{"[::1]:7071", "https", false, ""},
		{"[::1]", "https", false, ""},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = test.host
		r.Header.Set("X-Forwarded-Proto", test.proto)
		if test.tls {
			r.TLS = &tls.ConnectionState{}
		}
		got := http.Header{}
		if a.add(got, r); got.Get("Strict-Transport-Security") != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
	if _, err := newAnswerHeaders(nil, hstsJSON{IsEnabled: true, MaxAge: "a year"}); err == nil {
		t.Error("took a maxAge that is none")
	}
}

func TestTheHomePageIsForAnybodyUnlessItIsSwitchedOff(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]int{"": 200, "false": 200, "true": 204, "True": 204} {
		a := web(t, forwardHost)
		a.settings["AzureWebJobsDisableHomepage"] = setting
		h := a.start(func(o *Options) { o.Keys = &Keys{Host: "host-key"} })
		for _, request := range []string{"GET /", "POST /", "GET /api/.."} {
			e := a.got(send(h, request+" HTTP/1.1\nContent-Length: 0\n\n"))
			page := strings.Contains(e.body, "<!DOCTYPE html>")
			if e.status != want || page != (want == 200) || want == 204 && e.body != "" {
				t.Errorf("%q: %s: %d %q", setting, request, e.status, e.body)
			}
		}
	}
}
