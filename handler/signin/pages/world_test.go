package pages

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cordon/handler/entra"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/sessions"
	"cordon/handler/signin"
	"cordon/local/entrasim"
	"cordon/local/inprocess"
	"cordon/local/tables"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tenantID = "94fe6bd2-8d0e-4b7b-9a64-5c2d71e0b9f4"
	webID    = "5d0f2c71-3a96-4a0e-b1c8-7e64f0a2d913"
	secret   = "web-secret"
	login    = "https://login.example.com"
	app      = "https://cordon.example.com"
	operator = "operator@contoso.com"
	reader   = "reader@contoso.com"
	nobody   = "nobody@contoso.com"
)

// world is the pages over the stand-ins of Entra and of the tables, with Microsoft's own library in between.
type world struct {
	*Sessions
	sim   *entrasim.Sim
	calls *atomic.Int64 // to the tables
	down  *atomic.Bool  // the tables are
	first func()        // is called before the tables are; nil: nothing is
	log   *bytes.Buffer
	store *tables.Server
}

// newWorld has to be made under a fake clock.
func newWorld(t *testing.T, address string) *world {
	t.Helper()
	sim, err := entrasim.New(entrasim.Options{
		Apps: []entrasim.App{{
			TenantID:     tenantID,
			ClientID:     webID,
			Secret:       secret,
			RedirectURIs: []string{app + callback, "http://localhost:7071" + callback},
			API:          &entrasim.API{URI: "api://cordon.example.com/" + webID, Scopes: []string{"Cordon.Use"}},
		}},
		People: []entrasim.Person{
			{TenantID: tenantID, Username: operator, Roles: map[string][]string{webID: {"Cordon.Operator"}}},
			{TenantID: tenantID, Username: reader, Roles: map[string][]string{webID: {"Cordon.Reader"}}},
			{TenantID: tenantID, Username: nobody},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	sim.At(login)
	w := &world{
		sim:   sim,
		calls: new(atomic.Int64),
		down:  new(atomic.Bool),
		log:   new(bytes.Buffer),
		store: tables.New(tables.Options{}),
	}
	w.Sessions = w.instance(t, address)
	return w
}

// Do is the way to the tables.
func (w *world) Do(r *http.Request) (*http.Response, error) {
	w.calls.Add(1)
	if w.first != nil {
		w.first()
	}
	if w.down.Load() {
		answer := httptest.NewRecorder()
		answer.WriteHeader(http.StatusForbidden) // which is not tried again
		return answer.Result(), nil
	}
	return w.store.Do(r)
}

// instance is one more process of the app.
func (w *world) instance(t *testing.T, address string) *Sessions {
	t.Helper()
	client := &http.Client{Transport: inprocess.Transport{To: w.sim}}
	web, err := entra.NewWeb(entra.Options{
		TenantID:     tenantID,
		ClientID:     webID,
		Secret:       secret,
		AuthorityURL: login,
		HTTPClient:   client,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := rows.Connect(rows.Options{
		ConnectionString: w.store.ConnectionString("127.0.0.1:1"),
		Prefix:           "t",
		Tenant:           tenantID,
		Transport:        w,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(w.log, nil))
	return New(Options{
		AppURL:    at,
		Tenant:    tenantID,
		ClientID:  webID,
		Version:   "v1",
		Authority: web,
		Proof: signin.New(signin.Options{
			Authority: login,
			Tenant:    tenantID,
			ClientID:  webID,
			Host:      at.Hostname(),
			Client:    client,
			Log:       log,
			Now:       time.Now,
		}),
		Ledger: sessions.In(ledger),
		Log:    log,
		Now:    time.Now,
	})
}

// browser has cookies, as they were given to it.
type browser struct {
	t       *testing.T
	cookies map[string]string
	given   []*http.Cookie // all of them, in order
}

func newBrowser(t *testing.T) *browser { return &browser{t: t, cookies: map[string]string{}} }

// ask asks a page of the app, as a page of the app itself does.
func (b *browser) ask(s *Sessions, method, target string, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, target, nil)
	r.Host = "evil.example.net" // is never used
	if method == http.MethodPost {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, name := range slices.Sorted(maps.Keys(b.cookies)) {
		r.AddCookie(&http.Cookie{Name: name, Value: b.cookies[name]})
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.given = append(b.given, c)
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return w
}

// start begins to sign in and returns where the browser is sent.
func (b *browser) start(s *Sessions, query string) string {
	b.t.Helper()
	w := b.ask(s, http.MethodGet, "/api/signin/start"+query)
	if w.Code != http.StatusSeeOther {
		b.t.Fatalf("start: %d %s", w.Code, w.Body)
	}
	return w.Header().Get("Location")
}

// choose signs somebody in at the authority and returns where the browser is sent back to.
func (b *browser) choose(sim http.Handler, at, who string) string {
	b.t.Helper()
	r := httptest.NewRequest(http.MethodPost, at, strings.NewReader(url.Values{"person": {who}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	sim.ServeHTTP(w, r)
	back := w.Header().Get("Location")
	if w.Code != http.StatusFound {
		b.t.Fatalf("choose: %d %q %s", w.Code, back, w.Body)
	}
	return back
}

// signIn goes all the way.
func (b *browser) signIn(w *world, who string) *httptest.ResponseRecorder {
	b.t.Helper()
	back := b.choose(w.sim, b.start(w.Sessions, "?returnTo=/api/console/machines"), who)
	return b.ask(w.Sessions, http.MethodGet, path(back))
}

// path is a URL without its host.
func path(at string) string {
	u, err := url.Parse(at)
	if err != nil {
		panic(err)
	}
	return u.RequestURI()
}

// who asks who sits in front of the browser.
func (b *browser) who(s *Sessions, write bool, headers ...string) (signin.Person, string) {
	b.t.Helper()
	method := http.MethodGet
	if write {
		method = http.MethodPost
	}
	r := httptest.NewRequest(method, "/api/console/machines", nil)
	if write {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, name := range slices.Sorted(maps.Keys(b.cookies)) {
		r.AddCookie(&http.Cookie{Name: name, Value: b.cookies[name]})
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	use := signin.Looking
	if write {
		use = signin.Acting
	}
	who, err := s.Who(context.Background(), r, use)
	if err == nil {
		return who, ""
	}
	return who, problem(err).Code
}

// use asks who sits in front of the browser, for something.
func (b *browser) use(s *Sessions, use signin.Use) string {
	b.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/api/console/runs", nil)
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	_, err := s.Who(context.Background(), r, use)
	if err == nil {
		return ""
	}
	return problem(err).Code
}

// code is the word of a problem document.
func code(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var p struct{ Code string }
	body, err := io.ReadAll(w.Result().Body)
	if err == nil {
		err = json.Unmarshal(body, &p)
	}
	if err != nil {
		t.Errorf("%d %s: %v", w.Code, body, err)
	}
	return p.Code
}
