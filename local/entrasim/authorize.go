package entrasim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// prompts are what prompt may be. All but none and nothing at all show the page.
var prompts = []string{"", "none", "login", "select_account", "consent"}

// question is a request to the authorize endpoint.
type question struct {
	authorization
	state string
	mode  string // how the answer goes back: query or form_post
}

// authorize serves the page on which a person is chosen, in place of a sign-in. A GET asks, a POST of the same URL
// answers; whoever was chosen stays signed in at the browser
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow).
func (s *Sim) authorize(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.ParseForm() != nil {
		s.refusePage(w, formless())
		return
	}
	query := r.URL.Query()
	client, no := s.client(r.PathValue("tenant"), query.Get("client_id"))
	if no == nil {
		no = knownRedirect(client, query.Get("redirect_uri"))
	}
	if no != nil {
		// Nothing says that the redirect URI is the client's, so nobody is sent there.
		s.refusePage(w, *no)
		return
	}
	q := question{state: query.Get("state"), mode: query.Get("response_mode")}
	q.client, q.scope, q.nonce = client, query.Get("scope"), query.Get("nonce")
	q.redirect = query.Get("redirect_uri")
	q.challenge, q.method = query.Get("code_challenge"), query.Get("code_challenge_method")
	if no := s.askable(&q, query); no != nil {
		s.sendBack(w, r, q, s.refusalValues(*no))
		return
	}
	who, signedIn := s.signedIn(r, client.TenantID, query.Get("login_hint"))
	prompt := query.Get("prompt")
	switch chosen := r.PostForm.Get("person"); {
	case prompt == "none":
		s.silently(w, r, q, who, signedIn)
	case r.Method == http.MethodGet && signedIn && prompt == "":
		s.signIn(w, r, q, who.Username)
	case r.Method == http.MethodGet:
		s.choosePage(w, client, "")
	case chosen == "":
		s.sendBack(w, r, q, s.refusalValues(refusal{
			400, "access_denied", 65004, "User declined to consent to access the app.",
		}))
	default:
		s.signIn(w, r, q, chosen)
	}
}

// silently answers without a page: with a code for whoever is signed in, or with why a page would be needed.
func (s *Sim) silently(w http.ResponseWriter, r *http.Request, q question, who Person, signedIn bool) {
	no := &refusal{400, "login_required", 50058, "A silent sign-in request was sent but no user is signed in."}
	if signedIn {
		var asked wish
		if asked, no = s.wish(q.client, q.scope); no == nil {
			no = s.admitted(who, q.client, asked)
		}
		if no != nil {
			no.oauth = "interaction_required"
		}
	}
	if no != nil {
		s.sendBack(w, r, q, s.refusalValues(*no))
		return
	}
	s.signIn(w, r, q, who.Username)
}

// signIn answers with a code for the person who was chosen. Why somebody is not let in is shown and not sent back, as
// the real one does.
func (s *Sim) signIn(w http.ResponseWriter, r *http.Request, q question, who string) {
	asked, no := s.wish(q.client, q.scope)
	if no != nil {
		s.sendBack(w, r, q, s.refusalValues(*no))
		return
	}
	p, no := s.chosen(q.client, asked, who)
	if no != nil {
		s.refusePage(w, *no)
		return
	}
	q.oid = p.ObjectID
	s.remember(w, p)
	s.sendBack(w, r, q, url.Values{
		"code":          {s.codes.put(s.options.Now(), codeLifetime, q.authorization)},
		"session_state": {newID()},
	})
}

// chosen is the person of that name, or why they are not let in.
func (s *Sim) chosen(client App, asked wish, who string) (Person, *refusal) {
	p, found := s.people.person(client.TenantID, who)
	if !found {
		return p, &refusal{
			400, "invalid_grant", 50034,
			fmt.Sprintf("The user account %s does not exist in the %s directory.", who, client.TenantID),
		}
	}
	return p, s.admitted(p, client, asked)
}

// askable says what is wrong with a request whose redirect URI is right.
func (s *Sim) askable(q *question, query url.Values) *refusal {
	if q.mode == "" {
		q.mode = "query"
	}
	if mode := q.mode; mode != "query" && mode != "form_post" {
		// The real one also knows fragment, which is for apps that run in browsers.
		q.mode = "query"
		return &refusal{
			400, "invalid_request", 70007,
			fmt.Sprintf("'%s' is not a supported value of 'response_mode' when requesting a token.", mode),
		}
	}
	switch kind := query.Get("response_type"); {
	case kind == "":
		return missing("response_type")
	case kind != "code":
		return &refusal{
			400, "unsupported_response_type", 70005,
			fmt.Sprintf("The response_type '%s' is not enabled for the application.", kind),
		}
	case q.scope == "":
		return missing("scope")
	case !slices.Contains([]string{"", "S256", "plain"}, q.method):
		return &refusal{400, "invalid_request", 50149, "Invalid Code_Challenge_method parameter."}
	case q.challenge != "" && (len(q.challenge) < 43 || len(q.challenge) > 128):
		return &refusal{400, "invalid_request", 501491, "Invalid size of Code_Challenge parameter."}
	case q.challenge == "" && q.method != "":
		return &refusal{400, "invalid_request", 50147, "Missing code challenge."}
	}
	if prompt := query.Get("prompt"); !slices.Contains(prompts, prompt) {
		return &refusal{400, "invalid_request", 90023, fmt.Sprintf("Unsupported 'prompt' value '%s'.", prompt)}
	}
	_, no := s.wish(q.client, q.scope)
	return no
}

// knownRedirect says why nobody is sent to a redirect URI; nil: it is registered.
func knownRedirect(client App, redirect string) *refusal {
	if redirect == "" {
		// Assumed: the real one takes the registered one if there is one only.
		return &refusal{400, "invalid_request", 900971, "No reply address provided."}
	}
	asked := withoutPort(redirect)
	if !slices.ContainsFunc(client.RedirectURIs, func(known string) bool { return withoutPort(known) == asked }) {
		return &refusal{
			400, "invalid_request", 50011,
			fmt.Sprintf("The redirect URI '%s' specified in the request does not match the redirect URIs configured "+
				"for the application '%s'. Make sure the redirect URI sent in the request matches one added to your "+
				"application in the Azure portal. Navigate to https://aka.ms/redirectUriMismatchError to learn more "+
				"about how to fix this.", redirect, client.ClientID),
		}
	}
	return nil
}

// withoutPort is a redirect URI as it is compared: of localhost and 127.0.0.1 any port counts. A path that is just a
// slash is none.
func withoutPort(redirect string) string {
	u, err := url.Parse(redirect)
	if err != nil {
		return redirect
	}
	if u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" {
		u.Host = u.Hostname()
	}
	if u.Path == "/" {
		u.Path = ""
	}
	return u.String()
}

// sendBack answers the client, through the person's browser.
func (s *Sim) sendBack(w http.ResponseWriter, r *http.Request, q question, values url.Values) {
	if q.state != "" {
		values.Set("state", q.state)
	}
	if q.mode == "form_post" {
		postPage(w, q.redirect, values)
		return
	}
	back, err := url.Parse(q.redirect)
	if err != nil {
		s.refusePage(w, refusal{400, "invalid_request", 50011, "The redirect URI is not valid."})
		return
	}
	if back.Path == "" {
		back.Path = "/"
	}
	if back.RawQuery != "" {
		back.RawQuery += "&"
	}
	back.RawQuery += values.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}
