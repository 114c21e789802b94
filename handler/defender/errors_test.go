package defender_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"cordon/handler/alert"
	"cordon/handler/defender"
	"cordon/handler/machine"
)

// every calls each method of a client once and returns the errors: of reads and of acts.
func every(ctx context.Context, c *defender.Client) (reads, acts map[string]error) {
	reads, acts = map[string]error{}, map[string]error{}
	_, reads["AlertPage"] = c.AlertPage(ctx, window, func(alert.Alert) error { return nil })
	_, reads["Alert"] = c.Alert(ctx, alertID)
	_, reads["Machine"] = c.Machine(ctx, machineID)
	_, reads["Machines"] = c.Machines(ctx, []string{machineID})
	_, reads["ActionsSince"] = c.ActionsSince(ctx, window.From)
	_, reads["ActionsOn"] = c.ActionsOn(ctx, machineID, window.From)
	_, reads["CurrentActions"] = c.CurrentActions(ctx, time.Time{})
	_, reads["Action"] = c.Action(ctx, actionID)
	_, reads["AlertComments"] = c.AlertComments(ctx, alertID)
	for _, spec := range machine.Catalogue() {
		_, acts[string(spec.Type)] = c.Act(ctx, machineID, wanted(spec.Type))
	}
	acts["Tag"] = c.Tag(ctx, machineID, "IR", false)
	_, acts["UpdateAlert"] = c.UpdateAlert(ctx, alertID, alert.Change{Comment: "why"})
	_, acts["CancelAction"] = c.CancelAction(ctx, actionID, machine.Scan, "why")
	return reads, acts
}

func TestErrorSamplesAreClassified(t *testing.T) {
	t.Parallel()
	type want struct {
		read, act machine.Trouble
		after     time.Duration
		text      string // in the error of every method
	}
	wants := map[string]want{
		"error_400_active_request.json": {
			machine.Refused, machine.AlreadyActive, 0, "400 ActiveRequestAlreadyExists: Action is already in progress",
		},
		"error_400_odata.json": {
			machine.Refused, machine.Refused, 0, "400 ODataError: Could not find a property named 'machineName'",
		},
		"error_400_missing_parameter.json": {machine.Refused, machine.Refused, 0, "Parameter Comment is missing."},
		"error_400_os_not_supported.json": {
			machine.Refused, machine.Unsupported, 0, "OS Platform macOS isn't supported for this action.",
		},
		"error_400_hunting_semantic.json":    {machine.Refused, machine.Refused, 0, "400 BadRequest"},
		"error_400_hunting_result_size.json": {machine.Refused, machine.Refused, 0, "exceeded the allowed result size"},
		"error_401_unauthorized.json": {
			machine.Denied, machine.Denied, 0, "check CORDON_TENANT_ID, CORDON_CLOUD and CORDON_DEFENDER_AUDIENCE",
		},
		"error_403_forbidden.json": {machine.Denied, machine.Denied, 0, "of WindowsDefenderATP with admin consent"},
		"error_403_disallowed.json": {
			machine.Refused, machine.Refused, 0, "the service itself refuses it, whatever the permissions",
		},
		"error_404_machine.json": {
			machine.NotFound, machine.NotFound, 0,
			"404 ResourceNotFound: Machine 7c5b3a1f0e8d6c4b2a0f8e6d4c8211f7e5d3b09a was not found",
		},
		"error_404_alert.json":      {machine.NotFound, machine.NotFound, 0, "404 ResourceNotFound: Alert"},
		"error_429_per_minute.json": {machine.Transient, machine.Transient, 37 * time.Second, "ask again in 37s"},
		"error_429_per_hour.json": {
			machine.Transient, machine.Transient, 1804 * time.Second, "ask again in 30m4s",
		},
		"error_429_documented.json":    {machine.Transient, machine.Transient, 60 * time.Second, "429 TooManyRequests"},
		"error_500.json":               {machine.Transient, machine.UnknownFate, 0, "500 InternalServerError"},
		"error_graph_400_hunting.json": {machine.Refused, machine.Refused, 0, "400 BadRequest"},
		"error_graph_401.json":         {machine.Denied, machine.Denied, 0, "401 InvalidAuthenticationToken"},
		"error_graph_403_mail.json":    {machine.Refused, machine.Refused, 0, "403 ErrorAccessDenied"},
		"error_graph_413_mail.json":    {machine.Refused, machine.Refused, 0, "413 RequestBodyTooLarge"},
		"error_graph_429.json": {
			machine.Transient, machine.Transient, 10 * time.Second, "429 TooManyRequests: Please retry again later.",
		},
	}
	var samples []struct {
		File    string
		Status  int
		Headers map[string]string
	}
	if err := json.Unmarshal([]byte(fixture(t, "errors_index.json")), &samples); err != nil {
		t.Fatal(err)
	}
	if len(samples) != len(wants) {
		t.Fatalf("%d samples, %d expectations", len(samples), len(wants))
	}
	for _, sample := range samples {
		t.Run(sample.File, func(t *testing.T) {
			t.Parallel()
			w, body := wants[sample.File], fixture(t, sample.File)
			var header []string
			for name, value := range sample.Headers {
				header = append(header, name, value)
			}
			check := func(method string, err error, want machine.Trouble) {
				trouble, after := machine.TroubleOf(err)
				if trouble != want || after != w.after {
					t.Errorf("%s: %s after %v, want %s after %v (%v)", method, trouble, after, want, w.after, err)
				}
				if target, _ := object(t,
					body)["error"].(map[string]any)["target"].(string); !strings.Contains(err.Error(), w.text) ||
					!strings.Contains(err.Error(), target) {
					t.Errorf("%s: %v lacks %q or the correlation id %q", method, err, w.text, target)
				}
				for _, hidden := range []string{"filter", "lastUpdateTime", "%20", "why"} {
					if strings.Contains(err.Error(), hidden) {
						t.Errorf("%s: %v shows %q of the request", method, err, hidden)
					}
				}
			}
			reads, acts := every(t.Context(), always(sample.Status, body, header...).client())
			for method, err := range reads {
				if method == "Machines" && w.read == machine.NotFound {
					if err != nil {
						t.Errorf("Machines: %v, want an empty list", err)
					}
					continue
				}
				check(method, err, w.read)
			}
			for method, err := range acts {
				check(method, err, w.act)
			}
		})
	}
}

// TestAnswersWithoutTheAPIsWordsDecideNothingForGood has proxies, firewalls and sign-in pages answer: nothing of theirs
// is a refusal, a missing permission or a missing machine.
func TestAnswersWithoutTheAPIsWordsDecideNothingForGood(t *testing.T) {
	t.Parallel()
	const page = "not the API's answer but a page of somebody else (text/html), so it decides nothing and is tried " +
		"again"
	const silent = "not the API's answer but a status without a word"
	type want struct {
		read, act machine.Trouble
		text      string
	}
	passing := want{machine.Transient, machine.UnknownFate, silent}
	bare := map[int]want{
		301: {machine.Transient, machine.UnknownFate, "redirects are not followed"},
		302: passing,
		307: passing,
		400: passing,
		403: passing,
		405: passing,
		407: passing,
		409: passing,
		413: passing,
		451: passing,
		401: {machine.Denied, machine.Denied, "401 Unauthorized (the token was refused"},
		404: {machine.NotFound, machine.NotFound, "404 Not Found"},
		408: {machine.Transient, machine.UnknownFate, "408 Request Timeout"},
		429: {machine.Transient, machine.Transient, "quota used up: ask again later"},
		500: {machine.Transient, machine.UnknownFate, "500 Internal Server Error"},
		502: {machine.Transient, machine.UnknownFate, "502 Bad Gateway"},
		503: {machine.Transient, machine.UnknownFate, "503 Service Unavailable"},
		504: {machine.Transient, machine.UnknownFate, "504 Gateway Timeout"},
		599: {machine.Transient, machine.UnknownFate, "599"},
	}
	for status, want := range bare {
		for _, body := range []string{
			"", "<html><body>proxy</body></html>", "null", "[]", `{"error":null}`, `{"error":"x"}`,
			`{"statusCode":403,"message":"Missing application roles"}`,
			`{"error":{"code":null,"message":{"lang":"en"},"target":[]}}`, `{"error":{`,
		} {
			want := want
			if body != "" {
				want.read, want.text = machine.Transient, page
				if want.act = machine.UnknownFate; status == 429 {
					want.act = machine.Transient
				}
			}
			a := always(status, body, "Location", "https://elsewhere.example/", "Content-Type", "text/html")
			_, readErr := a.client().Alert(t.Context(), alertID)
			_, actErr := a.client().Act(t.Context(), machineID, wanted(machine.Isolate))
			read, _ := machine.TroubleOf(readErr)
			act, _ := machine.TroubleOf(actErr)
			if read != want.read || act != want.act {
				t.Errorf("%d %q: read %s, act %s, want %s and %s", status, body, read, act, want.read, want.act)
			}
			for _, err := range []error{readErr, actErr} {
				if !strings.Contains(err.Error(), want.text) {
					t.Errorf("%d %q: %v lacks %q", status, body, err, want.text)
				}
			}
			if act == machine.UnknownFate &&
				!strings.Contains(actErr.Error(), "look for the machine action before asking again") {
				t.Errorf("%d: %v does not say what to do", status, actErr)
			}
			if got := a.calls(); len(got) != 2 {
				t.Errorf("%d: %v, want one call each", status, got)
			}
		}
	}
}

func TestDuplicateIsKnownByItsDocumentedSentenceAndOnlyForActs(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]machine.Trouble{
		`{"error":{"code":"BadRequest","message":"Action is already in progress"}}`:           machine.AlreadyActive,
		`{"error":{"code":"ActiveRequestAlreadyExists","message":"","target":7}}`:             machine.AlreadyActive,
		`{"error":{"code":"ActiveRequestAlreadyExists","message":{"value":"x"}}}`:             machine.AlreadyActive,
		`{"error":{"code":"InvalidInput","message":"Comment is too long"}}`:                   machine.Refused,
		`{"error":{"code":"OsPlatformNotSupported","message":"not supported by this build"}}`: machine.Unsupported,
	} {
		_, err := always(400, body).client().Act(t.Context(), machineID, wanted(machine.Unisolate))
		if got, _ := machine.TroubleOf(err); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}

func TestFieldsOfAnErrorAreReadWhateverTheirTypes(t *testing.T) {
	t.Parallel()
	_, err := always(429, `{"error":{"code":429,"message":"quota","target":null}}`).client().Alert(t.Context(), alertID)
	var got *defender.Error
	if !errors.As(err, &got) || got.Code != "429" || got.Message != "quota" || got.Status != 429 ||
		got.Endpoint != "/api/alerts/{id}" || got.Method != "GET" {
		t.Errorf("%#v", got)
	}
}

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	const sent = "Tue, 18 Nov 2025 09:00:00 GMT"
	for _, tt := range []struct {
		name, header, date string
		want               time.Duration
	}{
		{"seconds", "37", "", 37 * time.Second},
		{"blanks around", " 37 ", "", 37 * time.Second},
		{"zero", "0", "", 0},
		{"negative", "-5", "", 0},
		{"longer than a day", "100000", "", 24 * time.Hour},
		{"longer than a number", "99999999999999999999", "", 24 * time.Hour},
		{"none", "", "", 0},
		{"nonsense", "soon", sent, 0},
		{"date by the API's clock", "Tue, 18 Nov 2025 09:01:30 GMT", sent, 90 * time.Second},
		{"date in the past", "Tue, 18 Nov 2025 08:00:00 GMT", sent, 0},
		{"date far away", "Fri, 18 Nov 2033 08:00:00 GMT", sent, 24 * time.Hour},
		{"date without the API's clock", "Sat, 01 Jan 2000 00:02:00 GMT", "", 2 * time.Minute},
		{"date with an odd clock", "Sat, 01 Jan 2000 00:02:00 GMT", "yesterday", 2 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// In the bubble it is midnight of 2000-01-01 UTC.
			synctest.Test(t, func(t *testing.T) {
				_, err := always(429, "", "Retry-After", tt.header, "Date", tt.date).client().Act(t.Context(),
					machineID, wanted(machine.Isolate))
				if trouble, got := machine.TroubleOf(err); got != tt.want || trouble != machine.Transient {
					t.Errorf("%s after %v, want transient after %v", trouble, got, tt.want)
				}
			})
		})
	}
}

// transportErr is an error with the marks that the transports below this client use.
type transportErr struct {
	text        string
	notExecuted bool
	wait        time.Duration
	again       bool
}

func (e *transportErr) Error() string                  { return e.text }
func (e *transportErr) NotExecuted() bool              { return e.notExecuted }
func (e *transportErr) RetryIn() (time.Duration, bool) { return e.wait, e.again }

// marked only says that nothing was executed.
type marked struct{ error }

func (m marked) NotExecuted() bool { return true }
func (m marked) Unwrap() error     { return m.error }

func TestRequestsWithoutAnAnswerAreClassifiedByWhatIsProven(t *testing.T) {
	t.Parallel()
	reset := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for name, tt := range map[string]struct {
		err       error
		read, act machine.Trouble
		after     time.Duration
	}{
		"reset after the write": {reset, machine.Transient, machine.UnknownFate, 0},
		"end of file":           {io.ErrUnexpectedEOF, machine.Transient, machine.UnknownFate, 0},
		"deadline":              {context.DeadlineExceeded, machine.Transient, machine.UnknownFate, 0},
		"no connection":         {dial, machine.Transient, machine.Transient, 0},
		"no connection, told twice": {
			fmt.Errorf("x: %w", &url.Error{Op: "Post", URL: "https://h/?secret=1", Err: dial}), machine.Transient,
			machine.Transient, 0,
		},
		"marked as not executed": {marked{reset}, machine.Transient, machine.Transient, 0},
		"no token, no use in trying": {
			marked{&transportErr{text: "AADSTS7000215", notExecuted: true}}, machine.Denied, machine.Denied, 0,
		},
		"no token for now": {
			marked{&transportErr{text: "429", notExecuted: true, wait: 9 * time.Second, again: true}},
			machine.Transient, machine.Transient, 9 * time.Second,
		},
		"marked as perhaps executed": {
			&transportErr{text: "lost", wait: time.Second, again: true}, machine.Transient, machine.UnknownFate, 0,
		},
		"perhaps executed, although a dial": {
			errors.Join(&transportErr{text: "lost"}, dial), machine.Transient, machine.UnknownFate, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := broken(tt.err)
			reads, acts := every(t.Context(), a.client())
			for want, errs := range map[*machine.Trouble]map[string]error{&tt.read: reads, &tt.act: acts} {
				for method, err := range errs {
					trouble, after := machine.TroubleOf(err)
					if trouble != *want || after != tt.after {
						t.Errorf("%s: %s after %v, want %s after %v", method, trouble, after, *want, tt.after)
					}
					if !strings.HasPrefix(err.Error(), "Defender ") || strings.Contains(err.Error(), "filter") ||
						strings.Contains(err.Error(), "secret") {
						t.Errorf("%s: text %q", method, err)
					}
				}
			}
			if want := len(reads) + len(acts); len(a.calls()) != want {
				t.Errorf("%d calls, want %d: one each", len(a.calls()), want)
			}
		})
	}
}

func TestNoErrorShowsTokensOrBreaksALine(t *testing.T) {
	t.Parallel()
	hostile := "a\r\nb\x00\u202ec\u2028d Authorization: Bearer abc.SECRET-1 and eyJhbGciOi.SECRET2.SECRET_3 " +
		strings.Repeat("é", 10000)
	body := encode(t,
		map[string]any{"error": map[string]string{"code": hostile, "message": hostile, "target": hostile}})
	reads, acts := every(t.Context(), always(500, body).client())
	for _, err := range append(slices.Collect(maps.Values(reads)), slices.Collect(maps.Values(acts))...) {
		text := err.Error()
		for _, bad := range []string{"SECRET", "\n", "\r", "\x00", "\u202e", "\u2028"} {
			if strings.Contains(text, bad) {
				t.Errorf("%q is in %.300q", bad, text)
			}
		}
		if len(text) > 4000 || !utf8.ValidString(text) {
			t.Errorf("%d bytes, valid: %t", len(text), utf8.ValidString(text))
		}
	}
}

func TestEndlessErrorBodyIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	read := 0
	a := &api{answer: func(*http.Request) (*http.Response, error) {
		r := reply(503, "")
		r.Body = io.NopCloser(readerFunc(func(p []byte) (int, error) {
			read += len(p)
			return copy(p, strings.Repeat(" ", len(p))), nil
		}))
		return r, nil
	}}
	_, err := a.client().Alert(t.Context(), alertID)
	if trouble, _ := machine.TroubleOf(err); trouble != machine.Transient || read > 1<<20 {
		t.Errorf("%s after %d bytes", trouble, read)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestUnusableAddressIsTheOperatorsToMend(t *testing.T) {
	t.Parallel()
	c := defender.New(defender.Options{Base: &url.URL{Scheme: "https", Host: "exa mple"}, HTTP: &http.Client{}})
	_, err := c.CurrentActions(t.Context(), time.Time{})
	if trouble, _ := machine.TroubleOf(err); trouble != machine.Denied ||
		!strings.Contains(err.Error(), "CORDON_DEFENDER_URL") || strings.Contains(err.Error(), "Pending") {
		t.Errorf("%s: %v", trouble, err)
	}
}
