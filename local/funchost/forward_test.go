package funchost

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// capturedHead is what a real host sent before the body, by header name; what differs from request to request is X.
func capturedHead(t *testing.T, name string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "captured", name+".request.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return head(string(text))
}

// head reads a request as it stands on the wire up to its body: header lines as they are, and the request line as "".
func head(wire string) map[string][]string {
	wire, _, _ = strings.Cut(wire, "\r\n\r\n")
	out := map[string][]string{}
	for i, line := range strings.Split(strings.TrimSpace(wire), "\n") {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if i == 0 {
			name, value = "", strings.TrimSpace(line)
		}
		name = strings.ToLower(name)
		switch name {
		case "x-azure-functions-invocationid", "x-functions-key":
			value = "X"
		case "host":
			value = regexp.MustCompile(`:.*`).ReplaceAllString(value, ":X")
		}
		out[name] = append(out[name], value)
	}
	return out
}

func TestAForwardedRequestIsTheCapturedOne(t *testing.T) {
	t.Parallel()
	raw := "GET /api/health HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n" +
		"x-functions-key: secret\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	req, err := forwardRequest(t.Context(), "http://127.0.0.1:9", r, nil, (&Host{}).stamp(newGUID()))
	if err != nil {
		t.Fatal(err)
	}
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(capturedHead(t, "http-forwarded"), head(wire.String())); d != "" {
		t.Errorf("the request (-captured +ours):\n%s", d)
	}
}

func TestCallersHeadersArriveEachOnOneLine(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	h := a.start()
	answer := send(h, "GET /api/health HTTP/1.1\n"+
		"x-functions-key: k\nCookie: a=1\nCookie: b=2\nX-Forwarded-For: 10.0.0.1\n"+
		"X-Forwarded-For: 10.0.0.2\nX-Azure-Functions-HostVersion: 1\nAccept-Encoding: br\nContent-Language: de\n"+
		"Content-Type: json\nTraceparent: own\n\n")
	c := a.next()
	c.answer(reply{Status: 200})
	a.got(answer)
	c.Header.Del("X-Azure-Functions-InvocationId")
	want := http.Header{
		"X-Functions-Key": {"k"}, "Cookie": {"a=1; b=2"}, "X-Forwarded-For": {"10.0.0.1, 10.0.0.2"},
		"Accept-Encoding": {"br"}, "Traceparent": {"own"},
		"X-Azure-Functions-Hostversion": {"1, 4.1037.0.0"}, "User-Agent": {"Azure-Functions-Host/4.1037.0.0"},
	}
	if d := cmp.Diff(want, c.Header); d != "" {
		t.Errorf("headers (-want +got):\n%s", d)
	}
}

func TestPathsAreRoutedAndForwardedAsTheHostReadsThem(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	h := a.start()
	for sent, want := range map[string]string{
		"/API/Console/Ab/":                         "/API/Console/Ab/", // case and slash as sent
		"/api/console/a%2Fb":                       "/api/console/a%2Fb",
		"/api/console/%68i%20%C3%A4":               "/api/console/hi%20%C3%A4",
		"/api/%63onsole/x":                         "/api/console/x",
		"/api/x/../console/./y":                    "/api/console/y",
		"/api/x/%2e%2E/console":                    "/api/console",
		"/api/console/%FF":                         "/api/console/%FF",
		"/api/console/a'(b)%5B%22%5D":              "/api/console/a'(b)[%22]",
		"/api/console/..%5C..%5C..%5CSendNotice":   "/SendNotice", // the route is left behind: assumed
		"/api/console/%252e%252e/%252e./SendNotic": "/SendNotic",  // as well
		"/api/console/a%3Fb":                       "/api/console/a",
		"/api/console?x=1&X=2":                     "/api/console?X=1,2",
		"/api/console?b=1+2&a=%2B%2C%2F&b=~;@!":    "/api/console?b=1%202,~;@!&a=%2B,%2F",
		"/api/console?a&%zz=%C3%A4&=1":             "/api/console?a=&%25zz=%C3%A4&=1",
	} {
		answer := send(h, "GET "+sent+" HTTP/1.1\n\n")
		c := a.next()
		c.answer(reply{Status: 200})
		if a.got(answer); c.URI != want {
			t.Errorf("%s: the handler got %s, want %s", sent, c.URI, want)
		}
	}
}

func TestDotsAboveTheRootEndThere(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/../../a": "/a", "/a/..": "/", "/a/b/.": "/a/b/", "/./": "/", "/...": "/...", "/a/../": "/",
		"*": "*", "": "", "a/../..": "a/",
	} {
		if got := withoutDots(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

// TestABodyIsReadWholeBeforeTheHandlerIsAsked has a caller that keeps the end of its body back.
func TestABodyIsReadWholeBeforeTheHandlerIsAsked(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	h := a.start()
	slow, err := net.Dial("tcp", h.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	fmt.Fprintf(slow, "POST /api/alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello")
	answer := send(h, "POST /api/alerts HTTP/1.1\nContent-Length: 5\n\nquick")
	quick := a.next()
	quick.answer(reply{Status: 200})
	a.got(answer)
	a.silent()
	fmt.Fprint(slow, "world")
	whole := a.next()
	whole.answer(reply{Status: 200})
	if quick.Body != "quick" || whole.Body != "helloworld" {
		t.Errorf("the handler got %q and then %q", quick.Body, whole.Body)
	}
}

func TestAWrongKeyIsRefusedBeforeTheBodyIsRead(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	h := a.start(func(o *Options) { o.Keys = &Keys{Host: "host-key"} })
	for _, header := range []string{"", "x-functions-key: wrong\n"} {
		if e := a.got(send(h, "POST /api/alerts HTTP/1.1\n"+header+"Content-Length: 1000\n\n")); e.status != 401 {
			t.Errorf("%q: %d", header, e.status)
		}
	}
}

// TestAnEarlyAnswerIsLostBehindALargeBody has a handler that refuses a body unread and closes the connection.
func TestAnEarlyAnswerIsLostBehindALargeBody(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	a.settings["EARLY"] = "1"
	h := a.start()
	for size, want := range map[int]int{1 << 10: 413, 1 << 20: 413, 16 << 20: 500} {
		body := strings.Repeat("x", size)
		e := a.got(send(h, fmt.Sprintf("POST /api/alerts HTTP/1.1\nContent-Length: %d\n\n%s", size, body)))
		if e.status != want || (want == 500) != (e.body == "") {
			t.Errorf("%d bytes: %d %q, want %d", size, e.status, e.body, want)
		}
		if ev := a.event(); (ev.Err != nil) != (want == 500) {
			t.Errorf("%d bytes: event %+v", size, ev)
		}
	}
}
