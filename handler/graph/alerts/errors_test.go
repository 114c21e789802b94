package alerts_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/graph"
	"cordon/handler/graph/alerts"
	"cordon/handler/machine"
)

func TestEveryRefusalSaysWhatItMeansAndTheWayOut(t *testing.T) {
	t.Parallel()
	words := func(code string) string { return `{"error":{"code":"` + code + `","message":"Said 17 times."}}` }
	wait := http.Header{"Retry-After": {"7"}}
	for _, c := range []struct {
		reply
		read, change machine.Trouble
		text         string // of the read
	}{
		{reply{401, fixture(t, "error_graph_401.json"), nil}, machine.Denied, machine.Denied, "CORDON_GRAPH_AUDIENCE"},
		{reply{403, words("Forbidden"), nil}, machine.Denied, machine.Denied, "SecurityAlert.Read.All of Microsoft"},
		{reply{403, "<html>proxy</html>", nil}, machine.Transient, machine.UnknownFate, "page of somebody else"},
		{reply{404, words("ResourceNotFound"), nil}, machine.NotFound, machine.NotFound, "404 ResourceNotFound"},
		{reply{404, "<html>proxy</html>", nil}, machine.Transient, machine.UnknownFate, "page of somebody else"},
		{reply{410, words("Gone"), nil}, machine.Refused, machine.Refused, "API of Defender"},
		{reply{400, words("BadRequest"), nil}, machine.Refused, machine.Refused, "Said 17 times."},
		{reply{429, fixture(t, "error_graph_429.json"), wait}, machine.Transient, machine.Transient, "ask again in 7s"},
		{reply{429, "", nil}, machine.Transient, machine.Transient, "ask again later"},
		{reply{408, "", nil}, machine.Transient, machine.UnknownFate, "408"},
		{reply{500, words("InternalServerError"), nil}, machine.Transient, machine.UnknownFate, "500"},
		{reply{503, "", nil}, machine.Transient, machine.UnknownFate, "503"},
		{reply{302, "", nil}, machine.Refused, machine.Refused, "redirects are not followed"},
		{reply{200, "", nil}, machine.Transient, machine.UnknownFate, "cannot be read"},
		{reply{200, `{"title":"x"}`, nil}, machine.Transient, machine.UnknownFate, "it has no id"},
	} {
		_, client := serve(t, c.reply)
		_, err := client.Alert(t.Context(), "x")
		trouble, after := machine.TroubleOf(err)
		if trouble != c.read || !strings.Contains(err.Error(), c.text) || (after != 0) != (c.header != nil) {
			t.Errorf("%d %.20s: %s, wait %s: %v", c.status, c.body, trouble, after, err)
		}
		_, err = client.UpdateAlert(t.Context(), "x", alert.Change{Status: alert.StatusResolved})
		if trouble, _ := machine.TroubleOf(err); trouble != c.change {
			t.Errorf("%d %.20s: a change: %s: %v", c.status, c.body, trouble, err)
		}
		if look := "read the alert and its comments"; strings.Contains(err.Error(), look) !=
			(c.change == machine.UnknownFate) {
			t.Errorf("%d %.20s: %v", c.status, c.body, err)
		}
	}
	_, client := serve(t, reply{403, words("Forbidden"), nil})
	_, err := client.UpdateAlert(t.Context(), "x", alert.Change{Comment: "c"})
	if err == nil || !strings.Contains(err.Error(), "SecurityAlert.ReadWrite.All") {
		t.Errorf("%v", err)
	}
}

func TestAListThatIsNoneIsNoEmptyOne(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", "null", "[]", "{}", `{"value":null}`, `{"value":{"id":"x"}}`, `{"value":[{"id":"x"}`, "<html>",
		`{"value":[],"error":{"code":"InternalServerError"}}`,
	} {
		_, _, err := page(t, body)
		if trouble, _ := machine.TroubleOf(err); err == nil || trouble != machine.Transient {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestACauseIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	cause := func(body, id string) string {
		_, client := serve(t, reply{400, body, http.Header{"Request-Id": {id}}})
		_, err := client.Alert(t.Context(), "x")
		var known interface{ Cause() string }
		if !errors.As(err, &known) || !strings.Contains(err.Error(), id) {
			t.Fatalf("%v", err)
		}
		return known.Cause()
	}
	a := cause(`{"error":{"code":"BadRequest","message":"at 12:01"}}`, "first")
	b := cause(`{"error":{"code":"BadRequest","message":"at 12:02"}}`, "second")
	if a != b || strings.Contains(a, "first") {
		t.Errorf("%s\n%s", a, b)
	}
}

// broken is a connection that fails.
type broken struct{ err error }

func (b broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, b.err }

// held is an error of the transport that proves that nothing was sent.
type held struct {
	in    time.Duration
	again bool
}

func (held) Error() string                    { return "held eyJhbGciOi.x.y for pat@contoso.com" }
func (held) NotExecuted() bool                { return true }
func (h held) RetryIn() (time.Duration, bool) { return h.in, h.again }

func TestWithoutAnAnswerTheTransportSaysWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	base := &url.URL{Scheme: "http", Host: "graph.example"}
	for _, c := range []struct {
		err          error
		read, change machine.Trouble
		after        time.Duration
	}{
		{errors.New("cut off"), machine.Transient, machine.UnknownFate, 0},
		{held{time.Minute, true}, machine.Transient, machine.Transient, time.Minute},
		{held{0, false}, machine.Denied, machine.Denied, 0},
	} {
		client := alerts.New(graph.Options{Base: base, HTTP: &http.Client{Transport: broken{c.err}}})
		_, err := client.AlertPage(t.Context(), window, func(alert.Alert) error { return nil })
		if trouble, after := machine.TroubleOf(err); trouble != c.read || after != c.after ||
			strings.Contains(err.Error(), "pat@") || strings.Contains(err.Error(), "filter") {
			t.Errorf("%v: %s, %s: %v", c.err, trouble, after, err)
		}
		_, err = client.UpdateAlert(t.Context(), "x", alert.Change{Comment: "c"})
		if trouble, _ := machine.TroubleOf(err); trouble != c.change {
			t.Errorf("%v: a change: %s", c.err, trouble)
		}
	}
}
