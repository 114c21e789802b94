package entrasim

import (
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

// discovery serves the metadata of a tenant. The scopes are those of the real one.
func (s *Sim) discovery(w http.ResponseWriter, r *http.Request) {
	s.count(func(c *Counts) { c.Discovery++ })
	tenant := r.PathValue("tenant")
	if !s.hasTenant(tenant) {
		s.refuse(w, unknownTenant(tenant))
		return
	}
	base := s.base(r) + "/" + tenant
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                issuer(s.base(r), tenant),
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"device_authorization_endpoint":         base + "/oauth2/v2.0/devicecode",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"},
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query", "form_post"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"request_uri_parameter_supported":       false,
	})
}

// publish serves the keys that tokens of a tenant are signed by.
func (s *Sim) publish(w http.ResponseWriter, r *http.Request) {
	s.count(func(c *Counts) { c.Keys++ })
	tenant := r.PathValue("tenant")
	if !s.hasTenant(tenant) {
		s.refuse(w, unknownTenant(tenant))
		return
	}
	writeJSON(w, http.StatusOK, s.keys.Published(issuer(s.base(r), tenant)))
}

// base is the scheme and host that the sim is reached at.
func (s *Sim) base(r *http.Request) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at != "" {
		return s.at
	}
	return "https://" + r.Host
}

func (s *Sim) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	// The body is read first: until then the server does not notice that a client has gone away.
	err := r.ParseForm()
	if s.hit(w, r, s.nextFault()) {
		return
	}
	if err != nil {
		s.refuse(w, formless())
		return
	}
	answer, no := s.answer(r)
	if no != nil {
		s.refuse(w, *no)
		return
	}
	if challengeClaims(r.PostForm.Get("claims")) {
		s.count(func(c *Counts) { c.Claims++ })
	}
	writeJSON(w, http.StatusOK, answer)
}

// answer finds the tokens that a request is for, or why there are none.
func (s *Sim) answer(r *http.Request) (map[string]any, *refusal) {
	tenant, grant := r.PathValue("tenant"), r.PostForm.Get("grant_type")
	redeem := map[string]func(*http.Request, App) (map[string]any, *refusal){
		"client_credentials": s.appAnswer,
		"authorization_code": s.redeemCode,
		"refresh_token":      s.redeemRefresh,
		deviceGrant:          s.redeemDevice,
		shortDeviceGrant:     s.redeemDevice,
	}[grant]
	if redeem == nil && s.hasTenant(tenant) {
		return nil, &refusal{
			400, "unsupported_grant_type", 70003,
			fmt.Sprintf("The app requested an unsupported grant type '%s'.", grant),
		}
	}
	client, no := s.client(tenant, r.PostForm.Get("client_id"))
	if no == nil {
		no = s.checkCredential(client, r)
	}
	if no != nil {
		return nil, no
	}
	return redeem(r, client)
}

// client finds the app that a request is from.
func (s *Sim) client(tenant, id string) (App, *refusal) {
	if !s.hasTenant(tenant) {
		no := unknownTenant(tenant)
		return App{}, &no
	}
	app, found := s.app(tenant, id)
	if !found {
		return App{}, &refusal{
			400, "unauthorized_client", 700016,
			fmt.Sprintf("Application with identifier '%s' was not found in the directory '%s'.", id, tenant),
		}
	}
	return app, nil
}

// appAnswer answers an app that asks for itself.
func (s *Sim) appAnswer(r *http.Request, app App) (map[string]any, *refusal) {
	if app.Public {
		return nil, confidential()
	}
	resource, no := s.resource(app.TenantID, r.PostForm.Get("scope"))
	if no != nil {
		return nil, no
	}
	s.count(func(c *Counts) { c.Issued++ })
	lifetime := int(s.options.TokenLifetime / time.Second)
	answer := map[string]any{
		"token_type":     "Bearer",
		"expires_in":     lifetime,
		"ext_expires_in": lifetime,
		"access_token":   s.appToken(s.base(r), app, resource, acr(r), s.options.TokenLifetime),
	}
	if s.options.RefreshIn > 0 {
		answer["refresh_in"] = int(s.options.RefreshIn / time.Second)
	}
	return answer, nil
}

// acr is how a request was authenticated, as tokens say it.
func acr(r *http.Request) string {
	switch {
	case r.PostForm.Has("client_assertion"):
		return "2"
	case r.PostForm.Has("client_secret"):
		return "1"
	}
	return "0"
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
		no := unknownResource(tenant, resource)
		return "", &no
	}
	return resource, nil
}

func (s *Sim) hasResource(tenant, resource string) bool {
	resource = strings.TrimSuffix(resource, "/")
	switch resource {
	case Defender, Graph, ServiceBus, Storage, Exchange, TokenExchange:
		return true
	}
	if _, found := s.exposed(tenant, resource); found {
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
