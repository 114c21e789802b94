package defendersim

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	laptop = "4c1f7a90be2d35689f00d1e2a7b3c4558d6e9f12"
	server = "a90b3d5e7f1128c4d6e8f0a2b4c6d8e0f1a3b5c7"
	mac    = "7c5b3a1f0e8d6c4b2a0f8e6d4c8211f7e5d3b09a"
	app    = "b71d9c3e-42a8-4e57-8f19-0c6de25a7341"
)

// clock is moved by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// start is the time at which every test begins.
func start() time.Time { return time.Date(2025, 11, 18, 9, 45, 2, 118093400, time.UTC) }

// tenant is a Sim under test with its clock.
type tenant struct {
	*Sim
	clock *clock
	t     testing.TB
	token string
}

// open starts a tenant with three machines. Without Quotas there are none.
func open(t testing.TB, o Options) *tenant {
	c := &clock{t: start()}
	o.Now = c.now
	if o.Quotas == nil {
		o.Quotas = &Quotas{}
	}
	tn := &tenant{Sim: New(o), clock: c, t: t, token: "app"}
	tn.AddMachine(Machine{
		ID:      laptop,
		Name:    "fin-lt-0147.corp.contoso.com",
		OS:      "Windows11",
		Group:   "Finance-Laptops",
		GroupID: 118,
		Tags:    []string{"Finance", "VIP"},
	})
	tn.AddMachine(Machine{ID: server, Name: "hr-vm-22.corp.contoso.com", OS: "WindowsServer2022"})
	tn.AddMachine(Machine{ID: mac, Name: "mac-1.corp.contoso.com", OS: "macOS"})
	return tn
}

// reply is an answer with its JSON body.
type reply struct {
	*httptest.ResponseRecorder
	body map[string]any
}

func (r reply) list() []map[string]any {
	var all []map[string]any
	items, _ := r.body["value"].([]any)
	for _, one := range items {
		all = append(all, one.(map[string]any))
	}
	return all
}

// ids are the ids of a list in its order.
func (r reply) ids() []string {
	ids := []string{}
	for _, one := range r.list() {
		ids = append(ids, one["id"].(string))
	}
	return ids
}

func (r reply) text(name string) string {
	text, _ := r.body[name].(string)
	return text
}

// problem is the code and message of an error.
func (r reply) problem() (code, message string) {
	e, _ := r.body["error"].(map[string]any)
	code, _ = e["code"].(string)
	message, _ = e["message"].(string)
	return code, message
}

func (tn *tenant) ask(method, path, body string) reply {
	tn.t.Helper()
	r := httptest.NewRequestWithContext(tn.t.Context(), method, path, strings.NewReader(body))
	if tn.token != "" {
		r.Header.Set("Authorization", "Bearer "+tn.token)
	}
	w := httptest.NewRecorder()
	tn.Handler().ServeHTTP(w, r)
	answer := reply{ResponseRecorder: w}
	if err := json.Unmarshal(w.Body.Bytes(), &answer.body); err != nil {
		tn.t.Fatalf("%s %s: %d with a body that is no JSON object: %v: %q", method, path, w.Code, err, w.Body)
	}
	return answer
}

func (tn *tenant) get(path string) reply { tn.t.Helper(); return tn.ask(http.MethodGet, path, "") }

// filter asks for a list with a $filter.
func (tn *tenant) filter(path, filter string) reply {
	tn.t.Helper()
	return tn.get(path + "?$filter=" + strings.NewReplacer(" ", "%20", "'", "%27", "+", "%2B").Replace(filter))
}

func (tn *tenant) isolateNow(machineID string) reply {
	tn.t.Helper()
	return tn.ask(http.MethodPost, "/api/machines/"+machineID+"/isolate", `{"Comment":"why","IsolationType":"Full"}`)
}

func (tn *tenant) releaseNow(machineID string) reply {
	tn.t.Helper()
	return tn.ask(http.MethodPost, "/api/machines/"+machineID+"/unisolate", `{"Comment":"clean"}`)
}

// want fails the test unless the answer has a status and, for errors, a code.
func (tn *tenant) want(r reply, status int, code string) reply {
	tn.t.Helper()
	if got, message := r.problem(); r.Code != status || got != code {
		tn.t.Errorf("answered %d %q (%s), want %d %q", r.Code, got, message, status, code)
	}
	return r
}

// fixture is a sample of the API's wire format.
func fixture(t testing.TB, name string) map[string]any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var sample map[string]any
	if err := json.Unmarshal(raw, &sample); err != nil {
		t.Fatal(err)
	}
	return sample
}

// verifier knows tokens by heart.
func verifier(tokens map[string]Claims) func(string) (Claims, error) {
	return func(token string) (Claims, error) {
		if claims, ok := tokens[token]; ok {
			return claims, nil
		}
		return Claims{}, errors.New("unknown token")
	}
}
