package defender_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"cordon/handler/defender"
	"cordon/handler/machine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	machineID      = "4c1f7a90be2d35689f00d1e2a7b3c4558d6e9f12"
	otherMachineID = "a90b3d5e7f1128c4d6e8f0a2b4c6d8e0f1a3b5c7"
	alertID        = "da638994417204415533_-1184209733"
	actionID       = "6ed0b173-c298-4fed-8ad6-751c24e9fd8b"
)

// wanted asks for an action of a kind, in the first of its scopes.
func wanted(kind machine.ActionType) machine.Request {
	r := machine.Request{Type: kind, Comment: "why"}
	if spec, _ := machine.SpecOf(kind); spec.ScopeKey != "" {
		r.Scope = spec.Scopes[0]
	}
	return r
}

// api answers requests in memory and keeps them. It is the transport of a client.
type api struct {
	answer func(*http.Request) (*http.Response, error)

	mu     sync.Mutex
	asked  []*http.Request
	bodies []string
}

func (a *api) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
	}
	a.mu.Lock()
	a.asked, a.bodies = append(a.asked, r), append(a.bodies, string(body))
	a.mu.Unlock()
	answer, err := a.answer(r)
	if answer != nil {
		answer.Request = r
	}
	return answer, err
}

// client talks to the api below a path of its own, so that an address made without the base does not work.
func (a *api) client() *defender.Client { return a.clientThatKnows(nil) }

// clientThatKnows is a client that can look into its token.
func (a *api) clientThatKnows(lacks func(context.Context, string) bool) *defender.Client {
	return defender.New(defender.Options{
		Base:  &url.URL{Scheme: "https", Host: "api.example.com", Path: "/mde"},
		HTTP:  &http.Client{Transport: a},
		Lacks: lacks,
	})
}

// calls returns the requests so far as "METHOD path".
func (a *api) calls() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var calls []string
	for _, r := range a.asked {
		calls = append(calls, r.Method+" "+r.URL.EscapedPath())
	}
	return calls
}

func reply(status int, body string, header ...string) *http.Response {
	r := &http.Response{
		StatusCode: status,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     http.Header{},
		Body:       io.NopCloser(strings.NewReader(body)),
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// always answers every request alike.
func always(status int, body string, header ...string) *api {
	return &api{answer: func(*http.Request) (*http.Response, error) { return reply(status, body, header...), nil }}
}

// broken never answers.
func broken(err error) *api {
	return &api{answer: func(*http.Request) (*http.Response, error) { return nil, err }}
}

// cut is a body that ends with an error.
func cut(body string, err error) io.ReadCloser {
	return io.NopCloser(io.MultiReader(strings.NewReader(body), failing{err}))
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func fixture(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// object decodes JSON into a map, numbers as they are written.
func object(t testing.TB, text string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var o map[string]any
	if err := d.Decode(&o); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
	return o
}

func encode(t testing.TB, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

// list wraps entities as the API does.
func list(entities ...string) string {
	return fmt.Sprintf(`{"@odata.context":"https://api.example.com/api/$metadata#X","value":[%s]}`,
		strings.Join(entities, ","))
}
