package entrasim_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/local/entrasim"
)

func set(key, value string) func(url.Values) {
	return func(f url.Values) {
		if f.Set(key, value); value == "" {
			f.Del(key)
		}
	}
}

func TestThePageOffersThePeopleOfTheTenant(t *testing.T) {
	sim := tenant(t, fixtureClock())
	w := serveRequest(sim, http.MethodGet, host+"/"+tenantID+"/oauth2/v2.0/authorize?"+authorizeQuery().Encode(), nil)
	for _, want := range []string{`value="` + operator + `"`, `value="` + stranger + `"`, `value=""`} {
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `<button name="person" `+want) {
			t.Errorf("%d, no button with %s:\n%s", w.Code, want, w.Body)
		}
	}
}

func TestNobodyIsSentToARedirectURIThatIsNotRegistered(t *testing.T) {
	sim := tenant(t, fixtureClock())
	for _, tt := range []struct {
		client, redirect string
		code             int // 0: known
	}{
		{cliID, "http://localhost", 0},
		{cliID, "http://localhost/", 0},
		{cliID, "http://localhost:1", 0},
		{cliID, "http://localhost:65535/", 0},
		{cliID, "http://127.0.0.1:4711", 50011}, // registered is localhost
		{cliID, "http://localhost:4711/other", 50011},
		{cliID, "https://localhost:4711", 50011},
		{cliID, "http://localhost.example.com", 50011},
		{cliID, "http://localhost@example.com", 50011},
		{cliID, "http://localhost:4711/#x", 50011},
		{otherID, "http://127.0.0.1:4711/back", 0},
		{otherID, "http://127.0.0.1:4711/back/", 50011},
		{otherID, "http://127.0.0.1:4711/BACK", 50011},
		{webID, callback, 0},
		{webID, "https://app.example.com:8443/api/signin/callback", 50011},
		{webID, callback + "?x=1", 50011},
		{webID, "", 900971},
		{"nobody", callback, 700016},
	} {
		query := authorizeQuery()
		query.Set("client_id", tt.client)
		query.Set("redirect_uri", tt.redirect)
		query.Set("scope", "openid")
		for _, person := range []string{"", operator} {
			w := serveRequest(sim, http.MethodPost, host+"/"+tenantID+"/oauth2/v2.0/authorize?"+query.Encode(),
				url.Values{"person": {person}})
			if tt.code == 0 {
				if !strings.HasPrefix(w.Header().Get("Location"), tt.redirect) {
					t.Errorf("%s: sent to %q, %d", tt.redirect, w.Header().Get("Location"), w.Code)
				}
				continue
			}
			if w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" ||
				!strings.Contains(w.Body.String(), fmt.Sprintf("AADSTS%d:", tt.code)) {
				t.Errorf("%s: %d %q %s", tt.redirect, w.Code, w.Header().Get("Location"), w.Body)
			}
		}
	}
}

func TestWhatIsWrongWithARequestIsSentBackWithItsState(t *testing.T) {
	sim := tenant(t, fixtureClock())
	for name, tt := range map[string]struct {
		change func(url.Values)
		person string
		oauth  string
		code   int
	}{
		"no response type":      {set("response_type", ""), operator, "invalid_request", 900144},
		"token at once":         {set("response_type", "token"), operator, "unsupported_response_type", 70005},
		"fragment":              {set("response_mode", "fragment"), operator, "invalid_request", 70007},
		"no scope":              {set("scope", ""), operator, "invalid_request", 900144},
		"short challenge":       {set("code_challenge", "short"), operator, "invalid_request", 501491},
		"other challenge":       {set("code_challenge_method", "S512"), operator, "invalid_request", 50149},
		"method alone":          {set("code_challenge", ""), operator, "invalid_request", 50147},
		"silent":                {set("prompt", "none"), operator, "login_required", 50058},
		"unknown prompt":        {set("prompt", "maybe"), operator, "invalid_request", 90023},
		"unknown resource":      {set("scope", "api://evil.example.com/x/Cordon.Use"), operator, "invalid_resource", 500011},
		"unknown scope":         {set("scope", webURI+"/Cordon.All"), operator, "invalid_client", 650053},
		"two resources":         {set("scope", webURI+"/Cordon.Use User.Read"), operator, "invalid_request", 28000},
		"without pre-authority": {other, operator, "invalid_grant", 65001},
		"cancelled":             {set("prompt", "select_account"), "", "access_denied", 65004},
	} {
		query := authorizeQuery()
		tt.change(query)
		got := answered(t, sim, query, tt.person)
		if got.Get("error") != tt.oauth || got.Get("state") != "st/ate" || got.Has("code") ||
			!strings.HasPrefix(got.Get("error_description"), fmt.Sprintf("AADSTS%d: ", tt.code)) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// other is a client that the API does not know.
func other(query url.Values) {
	query.Set("client_id", otherID)
	query.Set("redirect_uri", "http://127.0.0.1/back")
}

func TestWhyAPersonIsNotLetInIsShownAndNotSentBack(t *testing.T) {
	sim := tenant(t, fixtureClock())
	if err := sim.SetDisabled(operator, true); err != nil {
		t.Fatal(err)
	}
	for person, code := range map[string]int{stranger: 50105, operator: 50057, "nobody@contoso.com": 50034} {
		w := serveRequest(sim, http.MethodPost, host+"/"+tenantID+"/oauth2/v2.0/authorize?"+authorizeQuery().Encode(),
			url.Values{"person": {person}})
		if w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" ||
			!strings.Contains(w.Body.String(), fmt.Sprintf("AADSTS%d:", code)) {
			t.Errorf("%s: %d %s", person, w.Code, w.Body)
		}
	}
}

func TestACodeIsRedeemedOnceByItsClientWithItsVerifier(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(url.Values)
		later  time.Duration
		oauth  string // empty: tokens
		code   float64
	}{
		"as documented":          {set("code_verifier", verifier), 0, "", 0},
		"to the last second":     {set("code_verifier", verifier), 10*time.Minute - time.Second, "", 0},
		"ten minutes later":      {set("code_verifier", verifier), 10 * time.Minute, "invalid_grant", 70008},
		"no code":                {set("code", ""), 0, "invalid_request", 900144},
		"another code":           {set("code", "other"), 0, "invalid_grant", 70000},
		"no verifier":            {set("code_verifier", ""), 0, "invalid_grant", 50148},
		"the challenge instead":  {set("code_verifier", challenge()), 0, "invalid_grant", 501481},
		"another redirect URI":   {set("redirect_uri", "http://localhost:4712"), 0, "invalid_client", 500112},
		"another client":         {set("client_id", otherID), 0, "invalid_grant", 70000},
		"a secret of nobody":     {set("client_secret", "x"), 0, "invalid_client", 700025},
		"an assertion of nobody": {set("client_assertion", "x"), 0, "invalid_client", 700025},
		"a scope of Graph": {
			set("scope", "https://graph.microsoft.com/User.Read "+webURI+"/.default"), 0, "invalid_request", 28000,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := fixtureClock()
			sim := tenant(t, c)
			form := redeemForm(answered(t, sim, authorizeQuery(), operator).Get("code"))
			tt.change(form)
			c.now = c.now.Add(tt.later)
			status, _, body := ask(t, sim, tenantID, form)
			if tt.oauth == "" {
				if status != http.StatusOK || body["id_token"] == nil {
					t.Fatalf("%d %v", status, body)
				}
				status, _, body = ask(t, sim, tenantID, form)
				tt.oauth, tt.code = "invalid_grant", 54005
			}
			if status < 400 || body["error"] != tt.oauth || !cmp.Equal(body["error_codes"], []any{tt.code}) {
				t.Errorf("%d %v, want %s %v", status, body, tt.oauth, tt.code)
			}
		})
	}
}

func TestAConfidentialClientNeedsItsCredentialToRedeem(t *testing.T) {
	sim := tenant(t, fixtureClock())
	query := authorizeQuery()
	query.Set("client_id", webID)
	query.Set("redirect_uri", callback)
	query.Set("scope", "openid profile offline_access")
	form := redeemForm(answered(t, sim, query, operator).Get("code"))
	form.Set("client_id", webID)
	form.Set("redirect_uri", callback)
	for _, secret := range []string{"", "wrong"} {
		form.Set("client_secret", secret)
		if status, _, body := ask(t, sim, tenantID, form); status != http.StatusUnauthorized {
			t.Errorf("secret %q: %v", secret, body)
		}
	}
	form.Set("client_secret", webSecret)
	_, _, body := ask(t, sim, tenantID, form)
	id, ok := body["id_token"].(string)
	if !ok {
		t.Fatal(body)
	}
	claims, signed := verified(t, sim, id)
	if !signed || claims["aud"] != webID || !cmp.Equal(claims["roles"], []any{"Cordon.Operator"}) ||
		claims["nonce"] != "nonce-1" || claims["scp"] != nil {
		t.Errorf("%t %v", signed, claims)
	}
	access, _ := verified(t, sim, body["access_token"].(string))
	if access["aud"] != "https://graph.microsoft.com" || access["ver"] != "1.0" {
		t.Errorf("a token for nothing but to sign in is for %v", access)
	}
}

func TestAnAnswerIsPostedWhereThatIsAskedFor(t *testing.T) {
	sim := tenant(t, fixtureClock())
	query := authorizeQuery()
	query.Set("response_mode", "form_post")
	query.Set("state", `"><script>alert(1)</script>`)
	w := serveRequest(sim, http.MethodPost, host+"/"+tenantID+"/oauth2/v2.0/authorize?"+query.Encode(),
		url.Values{"person": {operator}})
	page := w.Body.String()
	if w.Code != http.StatusOK || w.Header().Get("Location") != "" ||
		!strings.Contains(page, `<form method="post" action="http://localhost:4711">`) ||
		!strings.Contains(page, `<input type="hidden" name="code" value="`) || strings.Contains(page, "<script>alert") {
		t.Errorf("%d %s", w.Code, page)
	}
}

// asked is what the browser brings back to the client after a GET, with a cookie; no values: it shows a page.
func asked(t *testing.T, sim *entrasim.Sim, query url.Values, cookie *http.Cookie) url.Values {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, host+"/"+tenantID+"/oauth2/v2.0/authorize?"+query.Encode(), nil)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	sim.ServeHTTP(w, r)
	if w.Code == http.StatusOK {
		return nil
	}
	back, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusFound {
		t.Fatalf("%d %q %v: %s", w.Code, w.Header().Get("Location"), err, w.Body)
	}
	return back.Query()
}

func TestWhoSignedInOnceIsNotAskedAgainAtThatBrowser(t *testing.T) {
	c := fixtureClock()
	sim := tenant(t, c)
	w := serveRequest(sim, http.MethodPost, host+"/"+tenantID+"/oauth2/v2.0/authorize?"+authorizeQuery().Encode(),
		url.Values{"person": {operator}})
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || !cookies[0].Secure || !cookies[0].HttpOnly {
		t.Fatalf("cookies %v", cookies)
	}
	silent := func(f url.Values) { f.Set("prompt", "none") }
	for name, tt := range map[string]struct {
		change func(url.Values)
		cookie *http.Cookie
		before func() error // changes what the directory or the clock says
		want   string       // code, page, or an error
	}{
		"silently":                    {change: silent, cookie: cookies[0], want: "code"},
		"silently, with the own hint": {change: both(silent, set("login_hint", operator)), cookie: cookies[0], want: "code"},
		"without a word":              {change: set("prompt", ""), cookie: cookies[0], want: "code"},
		"to choose":                   {change: set("prompt", "select_account"), cookie: cookies[0], want: "page"},
		"to sign in":                  {change: set("prompt", "login"), cookie: cookies[0], want: "page"},
		"at another browser":          {change: set("prompt", ""), want: "page"},
		"silently at another browser": {change: silent, want: "login_required"},
		"with a foreign session": {
			change: silent, cookie: &http.Cookie{Name: "ESTSAUTH", Value: "x"}, want: "login_required",
		},
		"for somebody else": {
			change: both(silent, set("login_hint", stranger)), cookie: cookies[0], want: "login_required",
		},
		"a day later": {
			change: silent,
			cookie: cookies[0],
			before: func() error { c.now = c.now.Add(24 * time.Hour); return nil },
			want:   "login_required",
		},
		"without a role": {
			change: silent,
			cookie: cookies[0],
			before: func() error { return sim.SetRoles(operator, webID) },
			want:   "interaction_required",
		},
		"disabled": {
			change: silent,
			cookie: cookies[0],
			before: func() error { return sim.SetDisabled(operator, true) },
			want:   "interaction_required",
		},
	} {
		start := c.now
		if tt.before != nil {
			if err := tt.before(); err != nil {
				t.Fatal(err)
			}
		}
		query := authorizeQuery()
		tt.change(query)
		answer := asked(t, sim, query, tt.cookie)
		got := answer.Get("error")
		if answer.Has("code") {
			got = "code"
		} else if answer == nil {
			got = "page"
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
		c.now = start
		if err := errors.Join(sim.SetRoles(operator, webID, "Cordon.Operator"), sim.SetDisabled(operator, false)); err != nil {
			t.Fatal(err)
		}
	}
}

func both(a, b func(url.Values)) func(url.Values) { return func(f url.Values) { a(f); b(f) } }
