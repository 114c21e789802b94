package pages

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/operate/wire"
	"cordon/handler/signin"
	"cordon/local/entrasim"
)

func TestWhoSignsInIsKnownUntilTheySignOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, b := newWorld(t, app), newBrowser(t)
		at, err := url.Parse(b.start(w.Sessions, "?returnTo=/api/console/machines"))
		if err != nil {
			t.Fatal(err)
		}
		q := at.Query()
		if at.Host != "login.example.com" || q.Get("client_id") != webID || q.Get("redirect_uri") != app+callback ||
			q.Get("response_type") != "code" || q.Get("response_mode") != "query" || q.Get("scope") != "openid profile" ||
			len(q.Get("state")) != 43 || len(q.Get("nonce")) != 43 || q.Get("state") == q.Get("nonce") ||
			len(q.Get("code_challenge")) != 43 || q.Get("code_challenge_method") != "S256" ||
			q.Get("prompt") != "select_account" {
			t.Errorf("sent to %s", at)
		}
		answer := b.ask(w.Sessions, http.MethodGet, path(b.choose(w.sim, at.String(), operator)))
		if answer.Code != http.StatusSeeOther || answer.Header().Get("Location") != app+"/api/console/machines" {
			t.Fatalf("%d %v %s", answer.Code, answer.Header(), answer.Body)
		}
		want := signin.Person{
			Name:     operator,
			ObjectID: w.sim.People(tenantID)[0].ObjectID,
			Tenant:   tenantID,
			Roles:    []wire.Role{wire.Operator},
			Client:   webID,
			Until:    time.Now().Add(8 * time.Hour),
		}
		for _, write := range []bool{false, true} {
			who, refused := b.who(w.Sessions, write)
			if diff := cmp.Diff(want, who); diff != "" || refused != "" {
				t.Errorf("%s %s", refused, diff)
			}
		}
		// Another process of the app knows the person as well.
		if who, refused := b.who(w.instance(t, app), true); who.Name != operator {
			t.Errorf("elsewhere: %+v, %s", who, refused)
		}
		if me := b.ask(w.Sessions, http.MethodGet, self); me.Code != http.StatusOK ||
			!strings.Contains(me.Body.String(), `"name":"operator@contoso.com"`) ||
			!strings.Contains(me.Body.String(), `"version":"v1"`) {
			t.Errorf("%d %s", me.Code, me.Body)
		}
		stolen := *b
		stolen.cookies = map[string]string{"__Host-cordon": b.cookies["__Host-cordon"]}
		out := b.ask(w.Sessions, http.MethodPost, "/api/signin/out")
		if out.Code != http.StatusSeeOther || out.Header().Get("Location") != app+"/api/signin/out" ||
			len(b.cookies) != 1 || b.cookies["__Host-cordon"] != "out" {
			t.Errorf("%d %v %v", out.Code, out.Header(), b.cookies)
		}
		if who, refused := b.who(w.Sessions, false); refused != "not_signed_in" {
			t.Errorf("after the sign-out: %+v, %q", who, refused)
		}
		if page := b.ask(w.Sessions, http.MethodGet, "/api/signin/out"); page.Code != http.StatusOK ||
			!strings.Contains(page.Body.String(), "signed out") {
			t.Errorf("%d %s", page.Code, page.Body)
		}
		if who, refused := stolen.who(w.Sessions, false); refused != "session_over" {
			t.Errorf("with a copy of the cookie, after the sign-out: %+v, %q", who, refused)
		}
		checkCookies(t, b.given, true)
	})
}

// checkCookies holds what every cookie promises.
func checkCookies(t *testing.T, all []*http.Cookie, secure bool) {
	t.Helper()
	for _, c := range all {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.Secure != secure ||
			strings.HasPrefix(c.Name, "__Host-") != secure || c.MaxAge > int(longest/time.Second) || c.MaxAge == 0 {
			t.Errorf("cookie %s", c)
		}
	}
	if len(all) < 3 {
		t.Errorf("only %d cookies", len(all))
	}
}

// TestOnThisComputerSignInWorksOverHTTP: browsers take the prefix over https only.
func TestOnThisComputerSignInWorksOverHTTP(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, b := newWorld(t, "http://localhost:7071"), newBrowser(t)
		if answer := b.signIn(w,
			operator); answer.Header().Get("Location") != "http://localhost:7071/api/console/machines" {
			t.Errorf("%d %v %s", answer.Code, answer.Header(), answer.Body)
		}
		if who, refused := b.who(w.Sessions, true); who.Name != operator {
			t.Errorf("%+v %s", who, refused)
		}
		checkCookies(t, b.given, false)
	})
}

// TestOnlyPathsOfThisAppAreReturnedTo has what sends browsers elsewhere, or round in circles.
func TestOnlyPathsOfThisAppAreReturnedTo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, app)
		for _, to := range []string{
			"https://evil.example.net/", "//evil.example.net/", "/\\evil.example.net", "\\\\evil.example.net",
			"/api//evil.example.net", "/api/../..//evil.example.net", "/api/%2e%2e/x", "/api/%2f/evil",
			"javascript:alert(1)",
			"/api/x\r\nSet-Cookie: a=b", "/api/x\tb", "/api/x#@evil.example.net", "evil.example.net", "api/console",
			"/", "/admin/host/status", "/api", "/api/", "/api/console/", "/api/console/..", "/api/console?x=<script>",
			"/api/signin", "/api/signin/start", "/api/SignIn/start", "/api/signin/callback", "/api/signin/out",
			"/api/signin/me/../start", "/api/console@evil.example.net", "/api/" + strings.Repeat("a", 1000),
			" /api/console", "/api/\u212aonsole",
		} {
			b := newBrowser(t)
			answer := b.ask(w.Sessions, http.MethodGet, "/api/signin/start?"+url.Values{"returnTo": {to}}.Encode())
			if answer.Code != http.StatusBadRequest || code(t, answer) != "foreign_return" || len(b.given) != 0 {
				t.Errorf("%q: %d %v", to, answer.Code, answer.Header())
			}
		}
		for to, want := range map[string]string{
			"":                                      app + "/api/console",
			"/api/console/machines":                 app + "/api/console/machines",
			"/api/Console/run/a-1_b?x=1&y=%2F,a+b@": app + "/api/Console/run/a-1_b?x=1&y=%2F,a+b@",
			"/api/signins/x":                        app + "/api/signins/x",
		} {
			b := newBrowser(t)
			at := b.start(w.Sessions, "?"+url.Values{"returnTo": {to}}.Encode())
			answer := b.ask(w.Sessions, http.MethodGet, path(b.choose(w.sim, at, operator)))
			if got := answer.Header().Get("Location"); answer.Code != http.StatusSeeOther || got != want {
				t.Errorf("%q: %d %s", to, answer.Code, got)
			}
		}
	})
}

// TestWhatIsNoProofCausesNoCall counts the calls that strangers cause.
func TestWhatIsNoProofCausesNoCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, app)
		before := w.calls.Load()
		for range 50 {
			newBrowser(t).start(w.Sessions, "")
		}
		if n := w.calls.Load() - before; n == 0 || n > 3 {
			t.Errorf("the key was read, and perhaps drawn, by %d calls", n)
		}
		before = w.calls.Load()
		b := newBrowser(t)
		b.start(w.Sessions, "")
		sealed := b.cookies["__Host-cordon-signin"]
		forged := []map[string]string{
			{},
			{"__Host-cordon": "x"},
			{"__Host-cordon": ""},
			{"__Host-cordon": "."},
			{"__Host-cordon": encode([]byte(digest("a") + "." + draw()))},
			{"__Host-cordon": encode([]byte(digest("a")+"."+draw())) + "." + encode(make([]byte, 32))},
			{"__Host-cordon": encode([]byte(digest("a")+"."+draw())) + "."},
			{"__Host-cordon": sealed}, // ours, and for something else
			{"__Host-cordon": strings.Repeat("a", 100<<10)},
			{"cordon": sealed, "__Secure-cordon": sealed},
		}
		for _, cookies := range forged {
			b := &browser{t: t, cookies: cookies}
			for _, write := range []bool{false, true} {
				who, refused := b.who(w.Sessions, write,
					"Authorization", "Bearer x", "X-Ms-Client-Principal-Id", "admin", "X-Ms-Client-Principal", "e30=",
					"X-Functions-Key", "k", "X-Forwarded-For", "127.0.0.1", "X-Ms-Client-Principal-Name", operator)
				if refused != "not_signed_in" || who.ObjectID != "" {
					t.Errorf("%v: %+v, %q", cookies, who, refused)
				}
			}
			if answer := b.ask(w.Sessions, http.MethodGet, callback+"?code=c&state=s"); answer.Code != 401 {
				t.Errorf("%v: %d", cookies, answer.Code)
			}
			if answer := b.ask(w.Sessions, http.MethodPost, "/api/signin/out"); answer.Code != http.StatusSeeOther {
				t.Errorf("%v: %d", cookies, answer.Code)
			}
		}
		if w.calls.Load() != before || w.sim.Counts() != (entrasim.Counts{}) {
			t.Errorf("%d calls to the tables, %+v to Entra", w.calls.Load()-before, w.sim.Counts())
		}
	})
}

func TestRefusalsArePagesForPeopleAndProblemsForPrograms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, b := newWorld(t, app), newBrowser(t)
		answer := b.ask(w.Sessions, http.MethodGet, callback+"?state=<script>", "Accept", "text/html,*/*")
		if answer.Code != 401 || answer.Header().Get("Content-Type") != "text/html; charset=utf-8" ||
			!strings.Contains(answer.Body.String(), "sign in again") ||
			strings.Contains(answer.Body.String(), "<script>") {
			t.Errorf("%d %v %s", answer.Code, answer.Header(), answer.Body)
		}
		for _, target := range []string{
			"GET /api/signin", "GET /api/signin/", "GET /api/signin/x", "POST /api/signin/start",
			"POST /api/signin/callback", "POST /api/signin/me",
		} {
			method, at, _ := strings.Cut(target, " ")
			if answer := b.ask(w.Sessions, method, at); answer.Code != 404 || code(t, answer) != "not_found" {
				t.Errorf("%s: %d", target, answer.Code)
			}
		}
	})
}

// TestASignOutDuringARenewalSignsOut has the person sign out between any two calls of a renewal.
func TestASignOutDuringARenewalSignsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		outs := 0
		for n, ran := 0, true; ran; n++ {
			ran = false
			w, b := newWorld(t, app), newBrowser(t)
			b.signIn(w, operator)
			tab := newBrowser(t)
			maps.Copy(tab.cookies, b.cookies)
			copied := newBrowser(t)
			maps.Copy(copied.cookies, b.cookies)
			back := b.start(w.Sessions, "?renew=1&returnTo=/api/console/machines")
			back = b.choose(w.sim, strings.Replace(back, "prompt=none", "", 1), operator)
			left, signedOut := n, false
			w.first = func() {
				left--
				if left != -1 || ran {
					return
				}
				ran = true
				_, before := copied.who(w.Sessions, false)
				tab.ask(w.Sessions, "POST", "/api/signin/out")
				signedOut = before == ""
			}
			b.ask(w.Sessions, "GET", path(back))
			w.first = nil
			who, refused := b.who(w.Sessions, false)
			if signedOut {
				outs++
				if refused == "" {
					t.Errorf("signed out before call %d, and still %s", n+1, who.Name)
				}
			}
		}
		if outs == 0 {
			t.Error("nobody ever signed out in time")
		}
	})
}

// TestAPageThatIsOpenKeepsNoSessionFromEnding has a page refresh itself while nobody sits there.
func TestAPageThatIsOpenKeepsNoSessionFromEnding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, b := newWorld(t, app), newBrowser(t)
		b.signIn(w, reader)
		for range 59 {
			time.Sleep(time.Minute)
			if refused := b.use(w.Sessions, signin.Refreshing); refused != "" {
				t.Fatal(refused)
			}
		}
		time.Sleep(time.Minute)
		if refused := b.use(w.Sessions, signin.Refreshing); refused != "session_over" {
			t.Errorf("after an hour: %q", refused)
		}
	})
}

// TestWhoBeginsToWriteHasTimeForIt has a form be asked for just before the roles are too old to act.
func TestWhoBeginsToWriteHasTimeForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, b := newWorld(t, app), newBrowser(t)
		b.signIn(w, operator)
		time.Sleep(rolesAct - formTime - time.Second)
		if refused := b.use(w.Sessions, signin.Preparing); refused != "" {
			t.Errorf("in time: %q", refused)
		}
		time.Sleep(time.Second)
		if refused := b.use(w.Sessions, signin.Preparing); refused != "renew" {
			t.Errorf("too late: %q", refused)
		}
		if refused := b.use(w.Sessions, signin.Looking); refused != "" {
			t.Errorf("to look: %q", refused)
		}
	})
}
