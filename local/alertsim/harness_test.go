package alertsim

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cordon/local/defendersim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	base   = "/v1.0/security/alerts_v2"
	laptop = "4c1f7a90be2d35689f00d1e2a7b3c4558d6e9f12"
	sample = "da638994417204415533_-1184209733" // the alert of the samples
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

// tenant is a Sim over a Defender stand-in with one machine.
type tenant struct {
	*Sim
	defender *defendersim.Sim
	clock    *clock
	t        testing.TB
	token    string
	prefer   string
}

func open(t testing.TB, o Options) *tenant {
	c := &clock{t: start()}
	defender := defendersim.New(defendersim.Options{Now: c.now, Quotas: &defendersim.Quotas{}})
	o.Now, o.Tenant = c.now, defender
	tn := &tenant{Sim: New(o), defender: defender, clock: c, t: t, token: "app", prefer: "include-unknown-enum-members"}
	defender.AddMachine(defendersim.Machine{
		ID:             laptop,
		Name:           "fin-lt-0147.corp.contoso.com",
		OS:             "Windows11",
		Version:        "23H2",
		OSBuild:        22631,
		Tags:           []string{"VIP"},
		Group:          "Finance-Laptops",
		GroupID:        118,
		Risk:           "High",
		AADDeviceID:    "0e9b4c71-2d5a-4f83-a6c0-7b18d2e49f35",
		LastIP:         "10.24.8.147",
		LastExternalIP: "198.51.100.24",
		FirstSeen:      time.Date(2024, 2, 6, 13, 5, 21, 441902700, time.UTC),
	})
	return tn
}

// raise adds an alert to the tenant, created at the start of the test.
func (tn *tenant) raise(id string, change ...func(*defendersim.Alert)) {
	a := defendersim.Alert{
		ID:              id,
		MachineID:       laptop,
		Severity:        "High",
		Updated:         start(),
		DetectionSource: "WindowsDefenderAtp",
	}
	for _, one := range change {
		one(&a)
	}
	tn.defender.AddAlert(a, start())
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

func (r reply) ids() string {
	ids := []string{}
	for _, one := range r.list() {
		ids = append(ids, one["id"].(string))
	}
	return strings.Join(ids, " ")
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
	if tn.prefer != "" {
		r.Header.Set("Prefer", tn.prefer)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	tn.ServeHTTP(w, r)
	answer := reply{ResponseRecorder: w}
	if err := json.Unmarshal(w.Body.Bytes(), &answer.body); err != nil {
		tn.t.Fatalf("%s %s: %d with a body that is no JSON object: %v: %q", method, path, w.Code, err, w.Body)
	}
	if w.Header().Get("request-id") == "" || w.Header().Get("Date") != tn.clock.now().Format(http.TimeFormat) {
		tn.t.Errorf("%s %s: headers %v", method, path, w.Header())
	}
	return answer
}

// get asks for a path below alerts_v2, or for a list with query options, which are given by name and value.
func (tn *tenant) get(path string, options ...string) reply {
	tn.t.Helper()
	query := url.Values{}
	for i := 0; i+1 < len(options); i += 2 {
		query.Add(options[i], options[i+1])
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return tn.ask(http.MethodGet, base+path, "")
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
	var read map[string]any
	if err := json.Unmarshal(raw, &read); err != nil {
		t.Fatal(err)
	}
	return read
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

// ofDefender is what the Defender stand-in answers.
func (tn *tenant) ofDefender(path string) string {
	tn.t.Helper()
	w := httptest.NewRecorder()
	tn.defender.Handler().ServeHTTP(w, httptest.NewRequestWithContext(tn.t.Context(), http.MethodGet, path, nil))
	return w.Body.String()
}
