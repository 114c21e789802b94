package session

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/handler/operate/wire"
	"cordon/local/entrasim"
	"cordon/local/entrasim/browser"
)

const alice = "alice@contoso.com"

// world is an app that takes tokens of a tenant, and a person at a computer.
type world struct {
	t     *testing.T
	entra *entrasim.Sim
	web   *http.Client // trusts the tenant
	app   string
	env   map[string]string

	mu     sync.Mutex
	tokens []string // that the app was shown
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, env: map[string]string{"CORDON_CONFIG_DIR": filepath.Join(t.TempDir(), "cordon")}}
	var err error
	w.entra, err = entrasim.New(entrasim.Options{
		TokenLifetime:  4 * time.Minute, // so short that the library renews it at each use
		DeviceInterval: time.Second,
		Apps: []entrasim.App{
			{
				TenantID: tenant,
				ClientID: apiID,
				Secret:   "s3cr3t",
				API: &entrasim.API{
					URI:                "api://127.0.0.1/" + apiID,
					Scopes:             []string{"Cordon.Use"},
					Roles:              []string{"Cordon.Reader", "Cordon.Operator"},
					PreAuthorized:      []string{cliID},
					AssignmentRequired: true,
				},
			},
			{
				TenantID:     tenant,
				ClientID:     cliID,
				Public:       true,
				RedirectURIs: []string{"http://localhost"},
			},
		},
		People: []entrasim.Person{{
			TenantID: tenant,
			Username: alice,
			Roles:    map[string][]string{apiID: {"Cordon.Operator"}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	authority := httptest.NewUnstartedServer(w.entra)
	authority.TLS = w.entra.TLSConfig()
	authority.StartTLS()
	t.Cleanup(authority.Close)
	w.entra.At(authority.URL)
	w.env["CORDON_CA_FILE"] = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(w.env["CORDON_CA_FILE"], w.entra.CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	says := good()
	says.Authority = authority.URL
	app := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		text, _ := json.Marshal(says)
		if r.URL.Path == wire.Base+"/me" {
			text = w.me(r)
		}
		_, _ = out.Write(text)
	}))
	t.Cleanup(app.Close)
	w.app = app.URL
	w.web = &http.Client{Transport: w.keeper(nil).transport}
	return w
}

// me is what the app answers who shows it a token.
func (w *world) me(r *http.Request) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	w.tokens = append(w.tokens, token)
	claims, err := w.entra.Verify(token)
	if err != nil || claims.Audience != apiID || claims.Scope != "Cordon.Use" {
		w.t.Errorf("the app was shown %+v, %v", claims, err)
	}
	text, _ := json.Marshal(wire.Me{Name: claims.Username, Roles: []wire.Role{wire.Operator}})
	return text
}

// keeper is the person's program, which says things.
func (w *world) keeper(tell func(string)) *Keeper {
	k, err := New(Options{
		Getenv:  func(name string) string { return w.env[name] },
		Version: "test",
		Tell:    tell,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return k
}

// browsing has somebody at the browser who chooses a person; nobody: cancels.
func (w *world) browsing(k *Keeper, who string) {
	k.browse = func(address string) {
		go func() {
			answer, err := browser.Person{Client: w.web, Username: who}.SignIn(w.t.Context(), address)
			if err == nil {
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
			}
		}()
	}
}

func (w *world) login(way string) Login {
	return Login{App: w.app, Way: way, Confirm: func(string) error { return nil }}
}

func TestAPersonSignsInByTheBrowserAndStaysSignedIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	said := ""
	k := w.keeper(func(text string) { said += text })
	w.browsing(k, alice)
	s, err := k.Login(t.Context(), w.login(Browser))
	if err != nil || s.Pin.User != alice || !strings.Contains(said, "open this address") {
		t.Fatalf("%+v, %v, %s", s, err, said)
	}
	for range 2 { // other processes, later
		k := w.keeper(func(text string) { t.Errorf("said %s", text) })
		k.browse = func(string) { t.Error("a browser was opened") }
		s, err := k.Open("")
		if err != nil {
			t.Fatal(err)
		}
		if me, err := s.Client.Me(t.Context()); err != nil || me.Name != alice {
			t.Errorf("%+v, %v", me, err)
		}
	}
	if len(w.tokens) != 2 || w.tokens[0] == w.tokens[1] {
		t.Errorf("%d tokens, and none was renewed", len(w.tokens))
	}
	kept, err := filepath.Glob(filepath.Join(w.env["CORDON_CONFIG_DIR"], "*"))
	if err != nil || len(kept) != 2 {
		t.Errorf("kept %q, %v", kept, err)
	}
	if err := w.entra.SetDisabled(alice, true); err != nil {
		t.Fatal(err)
	}
	_, err = s.Client.Me(t.Context())
	if err == nil || !strings.Contains(err.Error(), "sign in again: cordon login --app local (Entra answered 400 AADSTS50057") {
		t.Errorf("a disabled person: %v", err)
	}
}

func TestASignOutLeavesNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.keeper(func(string) {})
	w.browsing(k, alice)
	if _, err := k.Login(t.Context(), w.login(Browser)); err != nil {
		t.Fatal(err)
	}
	at := folder(w.env["CORDON_CONFIG_DIR"])
	cutShort := tokenFile("local") + ".123"
	if err := os.WriteFile(filepath.Join(string(at), cutShort), []byte("t"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Logout("", false); err != nil {
		t.Fatal(err)
	}
	// A command that was renewing them ends after that.
	renewing := tokens{folder: at, file: tokenFile("local")}
	if err := renewing.Export(t.Context(), text("t"), hints().export); err != nil {
		t.Error(err)
	}
	left, err := filepath.Glob(filepath.Join(string(at), "tokens*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left are %q, %v", left, err)
	}
	s, err := k.Open("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client.Me(t.Context()); err == nil || !strings.Contains(err.Error(), "nobody is signed in at local") {
		t.Error(err)
	}
}

func TestAPersonSignsInByADeviceCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	typed := regexp.MustCompile(`page (\S+) and enter the code (\S+) `)
	k := w.keeper(func(text string) {
		found := typed.FindStringSubmatch(text)
		if found == nil {
			t.Errorf("said %q", text)
			return
		}
		err := browser.Person{Client: w.web, Username: alice}.Approve(context.Background(), found[1], found[2])
		if err != nil {
			t.Error(err)
		}
	})
	s, err := k.Login(t.Context(), w.login(DeviceCode))
	if err != nil {
		t.Fatal(err)
	}
	if me, err := s.Client.Me(t.Context()); err != nil || me.Name != alice {
		t.Errorf("%+v, %v", me, err)
	}
}

func TestWhoCancelsIsNotSignedInAndIsToldSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.keeper(func(string) {})
	w.browsing(k, "")
	_, err := k.Login(t.Context(), w.login(Browser))
	if err == nil || !strings.Contains(err.Error(), "not signed in: ") || !strings.Contains(err.Error(), "AADSTS65004") {
		t.Error(err)
	}
	if _, err := k.Open(""); err == nil {
		t.Error("signed in all the same")
	}
}
