package session

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cordon/handler/operate/wire"
)

const (
	tenant = "94fe6bd2-8d0e-4b7b-9a64-5c2d71e0b9f4"
	apiID  = "1f7e6c5d-42a8-4e57-8f19-0c6de25a7341"
	cliID  = "5b0d6c1e-7a3f-4f0e-9d43-2f1f6a8f9e10"
	secret = "eyJhbGciOi.a-token.nobody-else-may-see"
)

func good() wire.SignIn {
	return wire.SignIn{
		Tenant: tenant,
		API:    apiID,
		CLI:    cliID,
		Cloud:  "global",
	}
}

// TestHostileMetadataIsRefusedBeforeAnybodySignsIn has what an app that is none may say of itself.
func TestHostileMetadataIsRefusedBeforeAnybodySignsIn(t *testing.T) {
	t.Parallel()
	const host, own = "https://cordon.example.com", "http://127.0.0.1:7071"
	for name, tt := range map[string]struct {
		app    string
		change func(*wire.SignIn)
		want   string
	}{
		"good":                {host, func(*wire.SignIn) {}, ""},
		"no command line":     {host, func(s *wire.SignIn) { s.CLI = "" }, ""},
		"its cloud's own":     {host, func(s *wire.SignIn) { s.Authority = "https://login.microsoftonline.com" }, ""},
		"on this computer":    {own, func(s *wire.SignIn) { s.Authority = "https://127.0.0.1:8443" }, ""},
		"a foreign authority": {host, func(s *wire.SignIn) { s.Authority = "https://login.example.com" }, "do not"},
		"a local authority":   {host, func(s *wire.SignIn) { s.Authority = "https://127.0.0.1:8443" }, "do not"},
		"a foreign one of here": {own, func(s *wire.SignIn) { s.Authority = "https://login.example.com" },
			"instead of https://login.microsoftonline.com: do not"},
		"one without TLS":     {own, func(s *wire.SignIn) { s.Authority = "http://127.0.0.1:8443" }, "do not"},
		"one with more to it": {own, func(s *wire.SignIn) { s.Authority = "https://127.0.0.1:8443/\u202ex" }, "do not"},
		"another cloud's": {host, func(s *wire.SignIn) { s.Authority = "https://login.microsoftonline.us" },
			"do not"},
		"Graph for an API": {host, func(s *wire.SignIn) { s.API = "https://graph.microsoft.com" },
			"the id of its API is https://graph.microsoft.com, which is no id"},
		"a scope for an API": {host, func(s *wire.SignIn) { s.API = apiID + "/.default https://graph.microsoft.com" },
			"which is no id"},
		"no API":           {host, func(s *wire.SignIn) { s.API = "" }, "which is no id"},
		"a domain":         {host, func(s *wire.SignIn) { s.Tenant = "contoso.com" }, "the id of its tenant"},
		"every tenant":     {host, func(s *wire.SignIn) { s.Tenant = "common" }, "the id of its tenant"},
		"a path":           {host, func(s *wire.SignIn) { s.Tenant = tenant + "/../common" }, "the id of its tenant"},
		"control":          {host, func(s *wire.SignIn) { s.CLI = "\x1b[2J" }, `\x1b[2J`},
		"no cloud":         {host, func(s *wire.SignIn) { s.Cloud = "" }, "which does not exist"},
		"an unknown cloud": {host, func(s *wire.SignIn) { s.Cloud = "evil" }, "the cloud evil"},
	} {
		says := good()
		tt.change(&says)
		app, err := Address(tt.app)
		if err != nil {
			t.Fatal(err)
		}
		err = checkSignIn(app, says)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// site is an app that says how to sign in, and takes one token.
type site struct {
	says  wire.SignIn
	url   string
	asked []string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{says: good()}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked = append(s.asked, r.URL.Path)
		var body any = s.says
		if r.URL.Path == wire.Base+"/me" {
			body = wire.Me{Name: "alice@contoso.com", Roles: []wire.Role{wire.Reader}}
		}
		if r.URL.Path == wire.Base+"/me" && r.Header.Get("Authorization") != "Bearer "+secret {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		text, _ := json.Marshal(body)
		_, _ = w.Write(text)
	}))
	t.Cleanup(web.Close)
	s.url = web.URL
	return s
}

// keeper is one in a folder of its own, at whose computer the Azure CLI knows who it is.
func keeper(t *testing.T, env map[string]string) (*Keeper, *[]string) {
	t.Helper()
	if env["CORDON_CONFIG_DIR"] == "" {
		env["CORDON_CONFIG_DIR"] = filepath.Join(t.TempDir(), "cordon")
	}
	k, err := New(Options{
		Getenv:  func(name string) string { return env[name] },
		Version: "test",
		Tell:    func(string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	ran := &[]string{}
	k.run = func(_ context.Context, name string, args ...string) ([]byte, error) {
		*ran = append(*ran, name+" "+strings.Join(args, " "))
		return []byte(`{"accessToken":"` + secret + `","expires_on":1}`), nil
	}
	return k, ran
}

func byAz(app string) Login {
	return Login{App: app, Way: AzureCLI, Confirm: func(string) error { return nil }}
}

func TestAnAppIsConfirmedOnceAndThenHasToBeTheSame(t *testing.T) {
	t.Parallel()
	app, env := newSite(t), map[string]string{}
	k, ran := keeper(t, env)
	asked := ""
	l := byAz(app.url)
	l.Confirm = func(question string) error {
		asked = question
		return errors.New("nothing was done")
	}
	if _, err := k.Login(t.Context(), l); err == nil || len(*ran) != 0 {
		t.Errorf("a no is a yes: %v, %q", err, *ran)
	}
	for _, want := range []string{app.url, tenant, cliID, "api://127.0.0.1/" + apiID + "/Cordon.Use",
		"https://login.microsoftonline.com"} {
		if !strings.Contains(asked, want) {
			t.Errorf("the question lacks %s: %s", want, asked)
		}
	}
	s, err := k.Login(t.Context(), byAz(app.url))
	if err != nil || s.Name != "local" {
		t.Fatalf("%+v, %v", s, err)
	}
	want := "az account get-access-token --output json --scope api://127.0.0.1/" + apiID + "/Cordon.Use --tenant " + tenant
	if (*ran)[0] != want {
		t.Errorf("ran %q, want %q", (*ran)[0], want)
	}
	if me, err := s.Client.Me(t.Context()); err != nil || me.Name != "alice@contoso.com" {
		t.Errorf("%+v, %v", me, err)
	}
	l.Confirm = func(string) error { return errors.New("asked again") }
	if _, err := k.Login(t.Context(), l); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*wire.SignIn){
		"tenant":       func(s *wire.SignIn) { s.Tenant = apiID },
		"API":          func(s *wire.SignIn) { s.API = tenant },
		"command line": func(s *wire.SignIn) { s.CLI = tenant },
		"cloud":        func(s *wire.SignIn) { s.Cloud = "dod" },
		"authority":    func(s *wire.SignIn) { s.Authority = "https://127.0.0.1:1" },
	} {
		app.says = good()
		change(&app.says)
		before := len(*ran)
		_, err := k.Login(t.Context(), byAz("local"))
		if err == nil || !strings.Contains(err.Error(), "its "+name+" was ") ||
			!strings.Contains(err.Error(), "cordon logout --app local --forget") || len(*ran) != before {
			t.Errorf("%s: %v", name, err)
		}
	}
	app.says.Tenant = apiID
	app.says.Authority = ""
	if name, err := k.Logout("local", true); err != nil || name != "local" {
		t.Fatal(name, err)
	}
	if _, err := k.Login(t.Context(), byAz(app.url)); err != nil {
		t.Errorf("after it was forgotten: %v", err)
	}
}

func TestSeveralAppsAreToldApart(t *testing.T) {
	t.Parallel()
	one, two, env := newSite(t), newSite(t), map[string]string{}
	k, _ := keeper(t, env)
	if _, err := k.Open(""); !errors.Is(err, errNoApp) || !strings.Contains(err.Error(), "--direct") {
		t.Error(err)
	}
	named := byAz(one.url)
	named.Name = "prod"
	if _, err := k.Login(t.Context(), named); err != nil {
		t.Fatal(err)
	}
	named.App = two.url
	if _, err := k.Login(t.Context(), named); err == nil || !strings.Contains(err.Error(), "give --name") {
		t.Errorf("a name for two: %v", err)
	}
	named.Name = "test"
	if _, err := k.Login(t.Context(), named); err != nil {
		t.Fatal(err)
	}
	for which, want := range map[string]string{"": "prod", "test": "test", two.url: "test", two.url + "/": "test"} {
		s, err := k.Open(which)
		if err != nil || s.Name != want || strings.Join(s.Others, " ") != "prod test" {
			t.Errorf("%q is %+v, %v", which, s, err)
		}
	}
	env["CORDON_APP"] = "test"
	if s, err := k.Open(""); err != nil || s.Name != "test" {
		t.Errorf("%+v, %v", s, err)
	}
	for which, want := range map[string]string{
		"none":                      "there is no app none (known here: prod, test)",
		"https://other.example.com": "nobody is signed in at https://other.example.com",
		"\x1b[2J":                   `there is no app \x1b[2J`,
		"http://other.example.com":  "https only",
	} {
		if _, err := k.Open(which); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", which, err)
		}
	}
	if _, err := k.Logout("test", false); err != nil {
		t.Fatal(err)
	}
	s, err := k.Open("test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client.Me(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "nobody is signed in at test: cordon login --app test --az") {
		t.Errorf("signed out: %v", err)
	}
}

func TestATokenThatWasGivenIsForTheAppThatWasNamed(t *testing.T) {
	t.Parallel()
	app := newSite(t)
	k, _ := keeper(t, map[string]string{"CORDON_TOKEN": secret})
	if _, err := k.Open(""); !errors.Is(err, errNoApp) {
		t.Error(err)
	}
	if _, err := k.Open("http://cordon.example.com"); err == nil || !strings.Contains(err.Error(), "https only") {
		t.Error(err)
	}
	s, err := k.Open(app.url)
	if err != nil {
		t.Fatal(err)
	}
	if me, err := s.Client.Me(t.Context()); err != nil || me.Name == "" {
		t.Errorf("%+v, %v", me, err)
	}
	for _, bad := range []string{"Bearer " + secret, secret + "\n", "\x1b[2J", strings.Repeat("x", 1<<17)} {
		k, _ := keeper(t, map[string]string{"CORDON_TOKEN": bad})
		if _, err := k.Open(app.url); err == nil || !strings.Contains(err.Error(), "CORDON_TOKEN is no token") ||
			strings.Contains(err.Error(), secret) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func TestWhatTheAzureCLISaysIsTold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		out  string
		err  error
		want string
	}{
		"missing":  {"", &exec.Error{Name: "az", Err: exec.ErrNotFound}, "the Azure CLI (az) is not installed"},
		"refused":  {"", errors.New("exit status 1: AADSTS65001: no consent"), "AADSTS65001: no consent; try az login"},
		"nonsense": {"hello " + secret, nil, "without a token that can be read"},
		"no token": {`{"accessToken":""}`, nil, "without a token that can be read"},
		"two":      {`{"accessToken":"a b"}`, nil, "without a token that can be read"},
	} {
		app := newSite(t)
		k, _ := keeper(t, map[string]string{})
		k.run = func(context.Context, string, ...string) ([]byte, error) { return []byte(tt.out), tt.err }
		_, err := k.Login(t.Context(), byAz(app.url))
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := k.Open(""); !errors.Is(err, errNoApp) {
			t.Errorf("%s: signed in all the same: %v", name, err)
		}
	}
}

func TestAProgramThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	if _, err := runProgram(t.Context(), "no-such-program-here"); !errors.Is(err, exec.ErrNotFound) {
		t.Error(err)
	}
	if _, err := exec.LookPath("sh"); err != nil {
		return // nothing to run here
	}
	out, err := runProgram(t.Context(), "sh", "-c", "echo one")
	if err != nil || string(out) != "one\n" {
		t.Errorf("%q, %v", out, err)
	}
	_, err = runProgram(t.Context(), "sh", "-c", `printf 'first\nlast \033[2J' >&2; exit 3`)
	if err == nil || err.Error() != `exit status 3: last \x1b[2J` {
		t.Error(err)
	}
}

// TestNoProgramGetsTheSecretsOfCordon runs one that prints its environment. It is not parallel: so is the environment.
func TestNoProgramGetsTheSecretsOfCordon(t *testing.T) {
	if _, err := exec.LookPath("env"); err != nil {
		return // nothing to run here
	}
	t.Setenv("CORDON_TOKEN", secret)
	t.Setenv("CORDON_CLIENT_SECRET", secret)
	t.Setenv("AzureWebJobsStorage", secret)
	t.Setenv("ServiceBus", secret)
	t.Setenv("AZURE_CONFIG_DIR", "kept")
	out, err := runProgram(t.Context(), "env")
	if err != nil || strings.Contains(string(out), secret) || !strings.Contains(string(out), "AZURE_CONFIG_DIR=kept") {
		t.Errorf("%s, %v", out, err)
	}
}

// TestWhatIsKeptWhileSomebodySignsInStays signs in at one app, and out of another, while a sign-in is on its way.
func TestWhatIsKeptWhileSomebodySignsInStays(t *testing.T) {
	t.Parallel()
	one, two, three, env := newSite(t), newSite(t), newSite(t), map[string]string{}
	named := func(s *site, name string) Login {
		l := byAz(s.url)
		l.Name = name
		return l
	}
	k, _ := keeper(t, env)
	if _, err := k.Login(t.Context(), named(one, "one")); err != nil {
		t.Fatal(err)
	}
	slow, _ := keeper(t, env)
	answer := slow.run
	slow.run = func(ctx context.Context, name string, args ...string) ([]byte, error) {
		if _, err := k.Login(ctx, named(two, "two")); err != nil {
			t.Error(err)
		}
		if _, err := k.Logout("one", false); err != nil {
			t.Error(err)
		}
		return answer(ctx, name, args...)
	}
	if _, err := slow.Login(t.Context(), named(three, "three")); err != nil {
		t.Fatal(err)
	}
	b, err := folder(env["CORDON_CONFIG_DIR"]).open()
	if err != nil || !b.Apps["one"].Out || b.Apps["two"].URL != two.url || b.Apps["three"].URL != three.url {
		t.Errorf("kept are %+v, %v", b, err)
	}
	if _, err := slow.Login(t.Context(), named(newSite(t), "two")); err == nil {
		t.Error("two apps have one name")
	}
}

func TestAnAppWithoutARegistrationForTheCommandLineSaysSo(t *testing.T) {
	t.Parallel()
	app := newSite(t)
	app.says.CLI = ""
	k, _ := keeper(t, map[string]string{})
	l := byAz(app.url)
	l.Way = Browser
	if _, err := k.Login(t.Context(), l); err == nil || !strings.Contains(err.Error(), "sign in with --az") {
		t.Error(err)
	}
}
