package pages

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cordon/handler/operate/wire"
	"cordon/handler/outgoing"
	"cordon/handler/signin"
)

// flowTime is how long a sign-in may take.
const flowTime = 10 * time.Minute

// flow is a sign-in on its way. It lies in the browser, sealed.
type flow struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Return   string    `json:"return"`         // where the browser goes then
	Renew    bool      `json:"renew,omitzero"` // of a session that lasts: Entra is to ask nobody anything
	At       time.Time `json:"at"`
}

// start sends the browser to Microsoft Entra. It makes no call but to read the key of cookies once in a process: who
// asks may be anybody. With renew the session that there is has its roles read anew.
func (s *Sessions) start(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	back := query.Get("returnTo")
	if back == "" {
		back = home
	}
	if !ownPath(back) {
		s.refuse(w, r, wire.NewProblem(http.StatusBadRequest, "foreign_return",
			"returnTo is no page of this app; it has to be a path such as /api/console/runs"))
		return
	}
	f := flow{
		State:    draw(),
		Nonce:    draw(),
		Verifier: draw(),
		Return:   back,
		At:       s.o.Now().UTC(),
	}
	values := url.Values{"prompt": {"select_account"}}
	if query.Get("renew") != "" {
		found, err := s.find(r.Context(), r)
		if err == nil {
			f.Renew = true
			values = url.Values{
				"prompt":     {"none"},
				"login_hint": {found.Name},
			}
		}
	}
	if problem := s.keep(r.Context(), w, f); problem != nil {
		s.refuse(w, r, problem)
		return
	}
	challenge := sha256.Sum256([]byte(f.Verifier))
	for name, value := range map[string]string{
		"redirect_uri":          s.redirect(),
		"response_mode":         "query",
		"scope":                 "openid profile",
		"state":                 f.State,
		"nonce":                 f.Nonce,
		"code_challenge":        encode(challenge[:]),
		"code_challenge_method": "S256",
	} {
		values.Set(name, value)
	}
	send(w, s.o.Authority.Authorize(values))
}

// keep puts a flow into the browser.
func (s *Sessions) keep(
	ctx context.Context,
	w http.ResponseWriter,
	f flow,
) *wire.Problem {
	body, err := outgoing.Encode(f)
	if err != nil {
		return problem(err)
	}
	sealed, err := s.seals.seal(ctx, flowCookie, string(body))
	if err != nil {
		return s.noLedger(ctx, err)
	}
	s.setCookie(w, flowCookie, sealed, flowTime)
	return nil
}

// kept is the flow that the browser has, if it is ours and not too old.
func (s *Sessions) kept(ctx context.Context, r *http.Request) (f flow, ok bool, err error) {
	value, ok, err := s.seals.open(ctx, flowCookie, s.cookie(r, flowCookie))
	if err != nil || !ok {
		return f, false, err
	}
	if json.Unmarshal([]byte(value), &f) != nil {
		return f, false, nil
	}
	age := s.o.Now().Sub(f.At)
	ok = age < flowTime &&
		age > -flowTime
	return f, ok, nil
}

func (s *Sessions) redirect() string {
	return s.o.AppURL.String() + callback
}

// ownPath says whether a browser that is sent there stays in this app, and is not sent on to sign in again.
func ownPath(path string) bool {
	where, _, _ := strings.Cut(path, "?")
	where = strings.ToLower(where) // the host knows no letter case
	signsIn := where != self && strings.HasPrefix(where+"/", under)
	return signin.OwnPath(path) &&
		!signsIn
}
