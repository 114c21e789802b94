package pages

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/operate/wire"
	"cordon/local/entrasim"
)

// TestAHostileSignInSignsNobodyIn has each way in which a sign-in can be turned against somebody.
func TestAHostileSignInSignsNobodyIn(t *testing.T) {
	t.Parallel()
	back := func(t *testing.T, w *world, b *browser) string {
		t.Helper()
		return path(b.choose(w.sim, b.start(w.Sessions, ""), operator))
	}
	with := func(at, name, value string) string {
		u, err := url.Parse(at)
		if err != nil {
			panic(err)
		}
		q := u.Query()
		q.Set(name, value)
		if value == "" {
			q.Del(name)
		}
		u.RawQuery = q.Encode()
		return u.String()
	}
	for name, c := range map[string]struct {
		status int
		code   string
		run    func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder
	}{
		"a code and state of another browser": {401, "wrong_state",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				evil := newBrowser(t)
				at := back(t, w, evil)
				b.start(w.Sessions, "")
				return b.ask(w.Sessions, http.MethodGet, at)
			}},
		"a code and state of another browser, and no sign-in here": {401, "wrong_state",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				return b.ask(w.Sessions, http.MethodGet, back(t, w, newBrowser(t)))
			}},
		"another state": {401, "wrong_state",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				return b.ask(w.Sessions, http.MethodGet, with(back(t, w, b), "state", draw()))
			}},
		"no state": {401, "wrong_state",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				return b.ask(w.Sessions, http.MethodGet, with(back(t, w, b), "state", ""))
			}},
		"two states, as the host joins them": {401, "wrong_state",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				at := back(t, w, b)
				u, _ := url.Parse(at)
				state := u.Query().Get("state")
				return b.ask(w.Sessions, http.MethodGet, with(at, "state", state+","+state))
			}},
		"too late": {401, "wrong_state",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				at := back(t, w, b)
				time.Sleep(flowTime)
				return b.ask(w.Sessions, http.MethodGet, at)
			}},
		"the cookie of another deployment": {401, "wrong_state",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				other := newWorld(t, app)
				at := back(t, other, b)
				return b.ask(w.Sessions, http.MethodGet, at)
			}},
		"the cookie of another address of the app": {401, "wrong_state",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				other := w.instance(t, "https://other.example.com")
				at := path(b.start(other, ""))
				u, _ := url.Parse(at)
				return b.ask(w.Sessions, http.MethodGet, callback+"?code=c&state="+u.Query().Get("state"))
			}},
		"the callback again": {401, "wrong_state",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				at := back(t, w, b)
				b.ask(w.Sessions, http.MethodGet, at)
				return b.ask(w.Sessions, http.MethodGet, at)
			}},
		"the callback again, with the cookie kept": {401, "code_refused",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				at := back(t, w, b)
				kept := maps.Clone(b.cookies)
				b.ask(w.Sessions, http.MethodGet, at)
				b.cookies = kept
				return b.ask(w.Sessions, http.MethodGet, at)
			}},
		"a second code for a state that was used": {401, "state_used",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				at := b.start(w.Sessions, "")
				kept := maps.Clone(b.cookies)
				first, second := b.choose(w.sim, at, operator), b.choose(w.sim, at, reader)
				b.ask(w.Sessions, http.MethodGet, path(first))
				b.cookies = kept
				return b.ask(w.Sessions, http.MethodGet, path(second))
			}},
		"a code of another sign-in": {401, "code_refused",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				u, _ := url.Parse(back(t, w, newBrowser(t)))
				return b.ask(w.Sessions, http.MethodGet, with(back(t, w, b), "code", u.Query().Get("code")))
			}},
		"a code with another nonce": {401, "wrong_nonce",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				at := with(b.start(w.Sessions, ""), "nonce", draw())
				return b.ask(w.Sessions, http.MethodGet, path(b.choose(w.sim, at, operator)))
			}},
		"a code without a nonce": {401, "wrong_nonce",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				at := with(b.start(w.Sessions, ""), "nonce", "")
				return b.ask(w.Sessions, http.MethodGet, path(b.choose(w.sim, at, operator)))
			}},
		"a made-up code": {401, "code_refused",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				return b.ask(w.Sessions, http.MethodGet, with(back(t, w, b), "code", "made-up"))
			}},
		"no code": {401, "no_code",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				return b.ask(w.Sessions, http.MethodGet, with(back(t, w, b), "code", ""))
			}},
		"an endless code": {401, "no_code",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				return b.ask(w.Sessions, http.MethodGet, with(back(t, w, b), "code", strings.Repeat("a", maxCode+1)))
			}},
		"an error with a text that plays tricks": {401, "not_let_in",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				at := with(back(t, w, b), "error", "<script>")
				answer := b.ask(w.Sessions, http.MethodGet, with(at, "error_description", "AADSTS16000: <script>"))
				if strings.Contains(answer.Body.String(), "script") ||
					!strings.Contains(answer.Body.String(), "AADSTS16000") {
					t.Errorf("%s", answer.Body)
				}
				return answer
			}},
		"somebody who is not assigned": {403, "no_role",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				at := with(back(t, w, b), "error", "access_denied")
				return b.ask(w.Sessions, http.MethodGet, with(at, "error_description", "AADSTS50105: no"))
			}},
		"somebody who declined": {401, "declined",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				return b.ask(w.Sessions, http.MethodGet, path(b.choose(w.sim, b.start(w.Sessions, ""), "")))
			}},
		"somebody without a role": {403, "no_role",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				return b.ask(w.Sessions, http.MethodGet, path(b.choose(w.sim, b.start(w.Sessions, ""), nobody)))
			}},
		"Entra out of order": {503, "entra_unavailable",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				at := back(t, w, b)
				w.sim.SetFault(entrasim.Fault{Status: http.StatusServiceUnavailable})
				return b.ask(w.Sessions, http.MethodGet, at)
			}},
		"the ledger out of order": {503, "ledger_unavailable",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				at := back(t, w, b)
				w.down.Store(true)
				return b.ask(w.Sessions, http.MethodGet, at)
			}},
		"the ledger out of order before anybody signed in": {503, "ledger_unavailable",
			func(t *testing.T, w *world, b *browser) *httptest.ResponseRecorder {
				w.down.Store(true)
				other := w.Sessions
				before := w.calls.Load()
				for range 20 {
					newBrowser(t).ask(other, http.MethodGet, "/api/signin/start")
				}
				if n := w.calls.Load() - before; n > 2 {
					t.Errorf("%d calls to the tables", n)
				}
				return b.ask(other, http.MethodGet, "/api/signin/start")
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, b := newWorld(t, app), newBrowser(t)
				answer := c.run(t, w, b)
				if got := code(t, answer); answer.Code != c.status || got != c.code {
					t.Errorf("%d %s, want %d %s", answer.Code, got, c.status, c.code)
				}
				if given := answer.Result().Cookies(); len(given) > 1 ||
					len(given) == 1 && (given[0].MaxAge >= 0 || given[0].Name != "__Host-cordon-signin") {
					t.Errorf("given %v", given)
				}
				for _, secret := range []string{"made-up", "code=", secret} {
					if strings.Contains(w.log.String(), secret) {
						t.Errorf("the log says %s", w.log)
					}
				}
			})
		})
	}
}

// TestASessionIsOverWhenItShouldBe has a signed-in browser, and what happens to it.
func TestASessionIsOverWhenItShouldBe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		read, write string // how the person is refused then; empty: they are known
		run         func(t *testing.T, w *world, b *browser)
	}{
		"at once": {"", "", func(*testing.T, *world, *browser) {}},
		"after a quarter of an hour": {"", "renew", func(*testing.T, *world, *browser) {
			time.Sleep(rolesAct)
		}},
		"just before a quarter of an hour": {"", "", func(*testing.T, *world, *browser) {
			time.Sleep(rolesAct - time.Second)
		}},
		"just before an hour of nothing": {"", "renew", func(*testing.T, *world, *browser) {
			time.Sleep(idle - time.Second)
		}},
		"after an hour of nothing": {"session_over", "session_over", func(*testing.T, *world, *browser) {
			time.Sleep(idle)
		}},
		"after an hour in use": {"renew", "renew", func(t *testing.T, w *world, b *browser) {
			use(t, w, b, idle)
		}},
		"renewed each hour until eight are over": {"session_over", "session_over",
			func(t *testing.T, w *world, b *browser) {
				for range 8 {
					use(t, w, b, 59*time.Minute)
					renew(t, w, b, operator)
				}
				if who, refused := b.who(w.Sessions, true); refused != "" ||
					time.Until(who.Until) != 8*time.Minute {
					t.Errorf("before: %+v, %q", who, refused)
				}
				time.Sleep(8 * time.Minute)
			}},
		"made up by somebody who read the ledger": {"not_signed_in", "not_signed_in",
			func(t *testing.T, w *world, b *browser) {
				value, ok, err := w.seals.open(t.Context(), sessionCookie, b.cookies["__Host-cordon"])
				id, _, _ := strings.Cut(value, ".")
				sealed, errSeal := w.seals.seal(t.Context(), sessionCookie, id+"."+draw())
				if !ok || err != nil || errSeal != nil {
					t.Fatal(ok, err, errSeal)
				}
				b.cookies["__Host-cordon"] = sealed
			}},
		"with its cookie changed": {"not_signed_in", "not_signed_in", func(_ *testing.T, _ *world, b *browser) {
			value := []byte(b.cookies["__Host-cordon"])
			value[70] ^= 1
			b.cookies["__Host-cordon"] = string(value)
		}},
		"with a cookie that was there before": {"not_signed_in", "not_signed_in",
			func(t *testing.T, w *world, b *browser) {
				// Fixation: somebody puts a session cookie into a browser, and waits for its owner to sign in.
				b.cookies["__Host-cordon"] = "planted"
				b.signIn(w, reader)
				if b.cookies["__Host-cordon"] == "planted" {
					t.Error("the planted cookie is the session")
				}
				b.cookies["__Host-cordon"] = "planted"
			}},
		"with the session of somebody who plants it": {"session_over", "session_over",
			func(t *testing.T, w *world, b *browser) {
				evil := newBrowser(t)
				evil.signIn(w, reader)
				planted := evil.cookies["__Host-cordon"]
				b.cookies["__Host-cordon"] = planted
				b.signIn(w, operator)
				if b.cookies["__Host-cordon"] == planted {
					t.Error("the planted session is the owner's")
				}
				b.cookies["__Host-cordon"] = planted
			}},
		"with the session before this one": {"session_over", "session_over",
			func(t *testing.T, w *world, b *browser) {
				before := b.cookies["__Host-cordon"]
				b.signIn(w, operator)
				if _, refused := b.who(w.Sessions, true); refused != "" {
					t.Errorf("the new one: %q", refused)
				}
				b.cookies["__Host-cordon"] = before
			}},
		"stolen, and signed out": {"session_over", "session_over", func(t *testing.T, w *world, b *browser) {
			stolen := maps.Clone(b.cookies)
			b.ask(w.Sessions, http.MethodPost, "/api/signin/out")
			b.cookies = stolen
		}},
		"in another deployment": {"not_signed_in", "not_signed_in", func(t *testing.T, w *world, _ *browser) {
			w.Sessions = newWorld(t, app).Sessions
		}},
		"at another address of the app": {"not_signed_in", "not_signed_in", func(t *testing.T, w *world, _ *browser) {
			w.Sessions = w.instance(t, "https://other.example.com")
		}},
		"with the ledger out of order": {"ledger_unavailable", "ledger_unavailable",
			func(_ *testing.T, w *world, _ *browser) { w.down.Store(true) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, b := newWorld(t, app), newBrowser(t)
				b.signIn(w, operator)
				c.run(t, w, b)
				for write, want := range map[bool]string{false: c.read, true: c.write} {
					if who, refused := b.who(w.Sessions, write); refused != want || (who.Name != "") != (want == "") {
						t.Errorf("write %t: %+v, %q, want %q", write, who, refused, want)
					}
				}
			})
		})
	}
}

// use looks at pages for some time.
func use(t *testing.T, w *world, b *browser, how time.Duration) {
	t.Helper()
	const often = 10 * time.Minute
	for ; how > often; how -= often {
		time.Sleep(often)
		if _, refused := b.who(w.Sessions, false); refused != "" {
			t.Fatalf("in use: %q", refused)
		}
	}
	time.Sleep(how)
}

// renew has the roles read anew, as a page does that is answered with renew, and Entra without asking anybody.
func renew(t *testing.T, w *world, b *browser, who string) *httptest.ResponseRecorder {
	t.Helper()
	at, err := url.Parse(b.start(w.Sessions, "?renew=1&returnTo=/api/console/machines"))
	if err != nil {
		t.Fatal(err)
	}
	q := at.Query()
	if q.Get("prompt") != "none" || q.Get("login_hint") != operator {
		t.Errorf("sent to %s", at)
	}
	q.Del("prompt") // nobody stays signed in at the stand-in
	at.RawQuery = q.Encode()
	return b.ask(w.Sessions, http.MethodGet, path(b.choose(w.sim, at.String(), who)))
}

func TestRolesThatWereTakenAwayAreGoneAtTheNextRenewal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, b := newWorld(t, app), newBrowser(t)
		b.signIn(w, operator)
		if err := w.sim.SetRoles(operator, webID, "Cordon.Reader"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rolesAct)
		if who, refused := b.who(w.Sessions, true); refused != "renew" {
			t.Errorf("with old roles: %+v, %q", who, refused)
		}
		before := b.cookies["__Host-cordon"]
		renew(t, w, b, operator)
		who, refused := b.who(w.Sessions, true)
		if refused != "" || len(who.Roles) != 1 || who.Roles[0] != wire.Reader || who.May(wire.Operator) == nil ||
			b.cookies["__Host-cordon"] == before {
			t.Errorf("with new roles: %+v, %q", who, refused)
		}
		if err := w.sim.SetRoles(operator, webID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rolesRead - time.Second)
		if answer := renew(t, w, b, operator); code(t, answer) != "no_role" {
			t.Errorf("without a role: %d %s", answer.Code, answer.Body)
		}
		time.Sleep(time.Second)
		if who, refused := b.who(w.Sessions, false); refused == "" {
			t.Errorf("without a role: %+v", who)
		}
	})
}

func TestARenewalIsOfTheSamePersonAndOfASessionThatLasts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, b := newWorld(t, app), newBrowser(t)
		b.signIn(w, operator)
		if answer := renew(t, w, b, reader); answer.Code != 401 || code(t, answer) != "session_over" {
			t.Errorf("by somebody else: %d %s", answer.Code, answer.Body)
		}
		if who, _ := b.who(w.Sessions, false); who.Name != operator {
			t.Errorf("after that: %+v", who)
		}
		// Entra has to ask: the browser is sent to sign in as anybody who comes new.
		back := b.start(w.Sessions, "?renew=1&returnTo=/api/console/machines")
		u, _ := url.Parse(back)
		answer := b.ask(w.Sessions, http.MethodGet, callback+"?"+url.Values{
			"error": {"login_required"}, "error_description": {"AADSTS50058: no"}, "state": {u.Query().Get("state")},
		}.Encode())
		if answer.Header().Get("Location") != app+"/api/signin/start?returnTo=%2Fapi%2Fconsole%2Fmachines" {
			t.Errorf("%d %v", answer.Code, answer.Header())
		}
		// Of a session that is over nothing is renewed.
		time.Sleep(idle)
		u, _ = url.Parse(b.start(w.Sessions, "?renew=1"))
		if u.Query().Get("prompt") != "select_account" || u.Query().Has("login_hint") {
			t.Errorf("sent to %s", u)
		}
		answer = b.ask(w.Sessions, http.MethodGet, callback+"?"+url.Values{
			"error": {"login_required"}, "state": {u.Query().Get("state")},
		}.Encode())
		if answer.Code != 401 || code(t, answer) != "not_let_in" {
			t.Errorf("round in circles: %d %v", answer.Code, answer.Header())
		}
	})
}

// TestOnlyPagesOfThisAppChangeAnything has what foreign pages can send along with the person's cookie.
func TestOnlyPagesOfThisAppChangeAnything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, b := newWorld(t, app), newBrowser(t)
		b.signIn(w, operator)
		for name, headers := range map[string][]string{
			"another site":   {"Sec-Fetch-Site", "cross-site", "Origin", app},
			"a neighbour":    {"Sec-Fetch-Site", "same-site", "Origin", app},
			"nobody":         {"Sec-Fetch-Site", "none", "Origin", app},
			"nothing at all": {"Sec-Fetch-Site", "", "Origin", ""},
			"another origin": {"Sec-Fetch-Site", "", "Origin", "https://evil.example.net"},
			"the host that is asked": {
				"Sec-Fetch-Site", "", "Origin", "https://evil.example.net", "Host", "evil.example.net",
			},
			"no origin":                     {"Sec-Fetch-Site", "", "Origin", "null"},
			"the same over http":            {"Sec-Fetch-Site", "", "Origin", "http://cordon.example.com"},
			"one that only begins the same": {"Sec-Fetch-Site", "", "Origin", app + ".evil.example.net"},
		} {
			answer := b.ask(w.Sessions, http.MethodPost, "/api/signin/out", headers...)
			if answer.Code != 403 || code(t, answer) != "cross_site" {
				t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
			}
		}
		if _, refused := b.who(w.Sessions, true); refused != "" {
			t.Errorf("signed out by somebody else: %q", refused)
		}
		if _, refused := b.who(w.Sessions, true, "Sec-Fetch-Site", "cross-site"); refused != "cross_site" {
			t.Errorf("a write of another site: %q", refused)
		}
		if answer := b.ask(w.Sessions, http.MethodPost, "/api/signin/out", "Sec-Fetch-Site", "", "Origin",
			app); answer.Code != 303 {
			t.Errorf("by its own origin: %d %s", answer.Code, answer.Body)
		}
	})
}

// TestManyCodesAtOnceAreNotRedeemed has an authority that does not answer.
func TestManyCodesAtOnceAreNotRedeemed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, app)
		w.sim.SetFault(entrasim.Fault{Delay: 20 * time.Second})
		answers := make(chan int, 20)
		for range cap(answers) {
			b := newBrowser(t)
			at := path(b.choose(w.sim, b.start(w.Sessions, ""), operator))
			go func() { answers <- b.ask(w.Sessions, http.MethodGet, at).Code }()
		}
		synctest.Wait()
		got := map[int]int{}
		for len(answers) > 0 {
			got[<-answers]++
		}
		if got[http.StatusTooManyRequests] != 12 || len(got) != 1 {
			t.Errorf("%v", got)
		}
		for range atOnce {
			if status := <-answers; status != http.StatusSeeOther {
				t.Errorf("%d", status)
			}
		}
	})
}
