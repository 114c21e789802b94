package entrasim

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxForm bounds a token request.
const maxForm = 64 << 10

func (s *Sim) discovery(w http.ResponseWriter, r *http.Request) {
	s.count(func(c *Counts) { c.Discovery++ })
	tenant := r.PathValue("tenant")
	if !s.hasTenant(tenant) {
		s.refuse(w, unknownTenant(tenant))
		return
	}
	base := "https://" + r.Host + "/" + tenant
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                base + "/v2.0",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"},
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"pairwise"},
	})
}

func (s *Sim) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	// The body is read first: until then the server does not notice that a client has gone away.
	err := r.ParseForm()
	if s.hit(w, r, s.nextFault()) {
		return
	}
	if err != nil {
		s.refuse(w, refusal{400, "invalid_request", 900144, "The request body is not a form."})
		return
	}
	app, resource, refused := s.check(r)
	if refused != nil {
		s.refuse(w, *refused)
		return
	}
	challenged := challengeClaims(r.PostForm.Get("claims"))
	s.count(func(c *Counts) {
		c.Issued++
		if challenged {
			c.Claims++
		}
	})
	lifetime, acr := int(s.options.TokenLifetime/time.Second), "1"
	if r.PostForm.Has("client_assertion") {
		acr = "2"
	}
	answer := map[string]any{
		"token_type":     "Bearer",
		"expires_in":     lifetime,
		"ext_expires_in": lifetime,
		"access_token":   s.issue(app, resource, acr, s.options.TokenLifetime),
	}
	if s.options.RefreshIn > 0 {
		answer["refresh_in"] = int(s.options.RefreshIn / time.Second)
	}
	writeJSON(w, http.StatusOK, answer)
}

// hit plays fault f and says whether that was the answer.
func (s *Sim) hit(w http.ResponseWriter, r *http.Request, f Fault) bool {
	if f = delayed(r, f); f.Status == 0 {
		return false
	}
	setRetryAfter(w, f.RetryAfter)
	s.refuse(w,
		refusal{f.Status, "temporarily_unavailable", 90033, "A transient error has occurred. Please try again."})
	return true
}

// delayed lets the fault's delay pass and says what is left of the fault.
func delayed(r *http.Request, f Fault) Fault {
	if f.Delay <= 0 {
		return f
	}
	timer := time.NewTimer(f.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		// A client that is just closing its connection may still read this, and an empty 200 would look like an answer.
		f.Status = http.StatusServiceUnavailable
	}
	return f
}

func setRetryAfter(w http.ResponseWriter, wait time.Duration) {
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
	}
}

// check finds the app and the resource that a request is about, or why there is no token for it.
func (s *Sim) check(r *http.Request) (App, string, *refusal) {
	tenant, client := r.PathValue("tenant"), r.PostForm.Get("client_id")
	if !s.hasTenant(tenant) {
		no := unknownTenant(tenant)
		return App{}, "", &no
	}
	if grant := r.PostForm.Get("grant_type"); grant != "client_credentials" {
		return App{}, "",
			&refusal{
				400, "unsupported_grant_type", 70003,
				fmt.Sprintf("The app requested an unsupported grant type '%s'.", grant),
			}
	}
	app, ok := s.app(tenant, client)
	if !ok {
		return App{}, "", &refusal{400, "unauthorized_client", 700016,
			fmt.Sprintf("Application with identifier '%s' was not found in the directory '%s'.", client, tenant)}
	}
	no := s.checkCredential(app, r)
	if no != nil {
		return App{}, "", no
	}
	resource, no := s.resource(tenant, r.PostForm.Get("scope"))
	return app, resource, no
}

// checkCredential finds out whether a request proves that it is from the app.
func (s *Sim) checkCredential(app App, r *http.Request) *refusal {
	if r.PostForm.Has("client_assertion") {
		return s.checkAssertion(app, r)
	}
	return s.checkSecret(app, r.PostForm.Get("client_secret"))
}

func (s *Sim) checkSecret(app App, given string) *refusal {
	if given == "" {
		return &refusal{
			401, "invalid_client", 7000218,
			"The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
		}
	}
	want, got := sha256.Sum256([]byte(app.Secret)), sha256.Sum256([]byte(given))
	if app.Secret == "" || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
		return &refusal{
			401, "invalid_client", 7000215,
			"Invalid client secret provided. Ensure the secret being sent in the request is the " +
				"client secret value, not the client secret ID, for a secret added to app '" + app.ClientID + "'.",
		}
	}
	if !app.SecretExpires.IsZero() && !s.options.Now().Before(app.SecretExpires) {
		return &refusal{
			401, "invalid_client", 7000222,
			"The provided client secret keys for app '" + app.ClientID + "' are expired.",
		}
	}
	return nil
}

// resource reads the resource out of a scope. Clients add OpenID scopes behind the one that counts. A resource may end
// in a slash of its own, which then stays in the token's audience.
func (s *Sim) resource(tenant, scope string) (string, *refusal) {
	first, _, _ := strings.Cut(strings.TrimSpace(scope), " ")
	resource, ok := strings.CutSuffix(first, "/.default")
	if !ok {
		return "",
			&refusal{
				400, "invalid_scope", 1002012,
				fmt.Sprintf("The provided value for scope %s is not valid. Client credential "+
					"flows must have a scope value with /.default suffixed to the resource identifier (application "+
					"ID URI).", first),
			}
	}
	if !s.hasResource(tenant, resource) {
		return "", &refusal{400, "invalid_resource", 500011,
			fmt.Sprintf("The resource principal named %s was not found in the tenant named %s.", resource, tenant)}
	}
	return resource, nil
}

func (s *Sim) hasResource(tenant, resource string) bool {
	resource = strings.TrimSuffix(resource, "/")
	switch resource {
	case Defender, Graph, ServiceBus, Storage, Exchange:
		return true
	}
	known := func(of string, roles map[string][]string) bool {
		for name := range roles {
			if strings.EqualFold(of, tenant) && strings.TrimSuffix(name, "/") == resource {
				return true
			}
		}
		return false
	}
	return slices.ContainsFunc(s.options.Apps, func(a App) bool { return known(a.TenantID, a.Roles) }) ||
		slices.ContainsFunc(s.options.Identities, func(i Identity) bool { return known(i.TenantID, i.Roles) })
}

// challengeClaims says whether a claims parameter asks for more than xms_cc, which merely announces what the client can
// do.
func challengeClaims(claims string) bool {
	var asked struct {
		AccessToken map[string]json.RawMessage `json:"access_token"`
	}
	if json.Unmarshal([]byte(claims), &asked) != nil {
		return false
	}
	delete(asked.AccessToken, "xms_cc")
	return len(asked.AccessToken) > 0
}

// refusal is an error answer of the authority.
type refusal struct {
	status int
	oauth  string
	code   int
	text   string
}

func unknownTenant(tenant string) refusal {
	return refusal{
		400, "invalid_tenant", 90002,
		fmt.Sprintf("Tenant '%s' not found. Check to make sure you have the correct tenant ID.", tenant),
	}
}

func (s *Sim) refuse(w http.ResponseWriter, no refusal) {
	now := s.options.Now().UTC().Format("2006-01-02 15:04:05Z")
	trace, correlation := newID(), newID()
	writeJSON(w, no.status, map[string]any{
		"error": no.oauth,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s",
			no.code, no.text, trace, correlation, now),
		"error_codes":    []int{no.code},
		"timestamp":      now,
		"trace_id":       trace,
		"correlation_id": correlation,
	})
}

func writeJSON(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.WriteHeader(status)
	// The only failure is a client that has gone away.
	_ = json.NewEncoder(w).Encode(body)
}
