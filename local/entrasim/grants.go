package entrasim

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"cordon/local/entrasim/keys"
)

// grant is what a person let a client have.
type grant struct {
	client App
	oid    string // the person's
	scope  string // as the client asked for it
	nonce  string
}

// wish is a scope that was taken apart.
type wish struct {
	openid, offline bool
	api             *App     // nil: Graph, or nothing but to sign in
	scopes          []string // of api or Graph, without their resource
	full            []string // the same with it
}

// tokens answers a token request of a person's client. Roles, and whether the person may sign in at all, are looked up
// anew each time.
func (s *Sim) tokens(r *http.Request, g grant) (map[string]any, *refusal) {
	p, found := s.people.person(g.client.TenantID, g.oid)
	if !found {
		return nil, &refusal{400, "invalid_grant", 50034, "The user account does not exist in the directory."}
	}
	asked, no := s.wish(g.client, g.scope)
	if no != nil {
		return nil, no
	}
	if no := s.admitted(p, g.client, asked); no != nil {
		return nil, no
	}
	base, lifetime := s.base(r), int(s.options.TokenLifetime/time.Second)
	answer := map[string]any{
		"token_type":     "Bearer",
		"scope":          strings.Join(asked.full, " "),
		"expires_in":     lifetime,
		"ext_expires_in": lifetime,
		"access_token":   s.personToken(base, p, g.client, asked, acr(r)),
	}
	s.count(func(c *Counts) { c.Issued++ })
	if s.options.RefreshIn > 0 {
		answer["refresh_in"] = int(s.options.RefreshIn / time.Second)
	}
	if asked.openid {
		answer["id_token"] = s.keys.Sign(s.idClaims(base, p, g), false)
	}
	if asked.offline {
		// The one before stays valid: the real one does not revoke it either.
		answer["refresh_token"] = s.refresh.put(s.options.Now(), refreshLifetime, g)
	}
	if r.PostForm.Get("client_info") == "1" {
		// Both fields are text.
		info, _ := json.Marshal(map[string]string{"uid": p.ObjectID, "utid": p.TenantID})
		answer["client_info"] = keys.Encode(info)
	}
	return answer, nil
}

// wish takes a scope apart and finds out whether the client may have it.
func (s *Sim) wish(client App, scope string) (wish, *refusal) {
	var w wish
	resource := ""
	for _, word := range strings.Fields(scope) {
		switch word {
		case "openid":
			w.openid = true
			fallthrough
		case "profile", "email":
			w.full = append(w.full, word)
			continue
		case "offline_access":
			w.offline = true
			continue
		}
		of, name := Graph, word
		if cut := strings.LastIndex(word, "/"); cut >= 0 {
			of, name = word[:cut], word[cut+1:]
		}
		if resource != "" && of != resource {
			return w, &refusal{
				400, "invalid_request", 28000,
				fmt.Sprintf("Provided value for the input parameter scope is not valid because it contains more than "+
					"one resource. Scope %s is not valid.", scope),
			}
		}
		resource = of
		w.scopes, w.full = append(w.scopes, name), append(w.full, word)
	}
	if resource == "" || strings.TrimSuffix(resource, "/") == Graph {
		return w, nil
	}
	api, found := s.exposed(client.TenantID, resource)
	if !found {
		no := unknownResource(client.TenantID, resource)
		return w, &no
	}
	w.api = &api
	return w, w.permitted(client)
}

// permitted holds the scopes against what the API exposes to the client. .default stands for all of them.
func (w *wish) permitted(client App) *refusal {
	if !w.api.allows(client) {
		// Assumed: the real one asks the person for consent first, and says this when that is not given.
		return &refusal{
			400, "invalid_grant", 65001,
			fmt.Sprintf("The user or administrator has not consented to use the application with ID '%s' named '%s'. "+
				"Send an interactive authorization request for this user and resource.", client.ClientID,
				client.called()),
		}
	}
	if slices.Contains(w.scopes, ".default") {
		w.scopes = w.api.API.Scopes
		return nil
	}
	for _, name := range w.scopes {
		if !slices.Contains(w.api.API.Scopes, name) {
			return &refusal{
				400, "invalid_client", 650053,
				fmt.Sprintf("The application '%s' asked for scope '%s' that doesn't exist on the resource '%s'. "+
					"Contact the app vendor.", client.called(), name, w.api.ClientID),
			}
		}
	}
	return nil
}

// admitted says why a person may not sign in at a client for what it asks; nil: they may.
func (s *Sim) admitted(p Person, client App, asked wish) *refusal {
	if asked.api == nil {
		return admits(p, client)
	}
	return admits(p, client, *asked.api)
}

// personToken makes an access token about a person. One for Graph is of version 1.0, and nobody but Graph reads it.
func (s *Sim) personToken(base string, p Person, client App, asked wish, acr string) string {
	if asked.api == nil {
		c := s.personClaims(base, p, client)
		c.Scope = strings.Join(asked.full, " ")
		return s.keys.Sign(c.versionOne(Graph, client.ClientID, acr), true)
	}
	return s.keys.Sign(s.accessClaims(base, p, client, *asked.api, asked.scopes, acr), false)
}

// accessClaims are those of a person's access token for an API.
func (s *Sim) accessClaims(base string, p Person, client, api App, scopes []string, acr string) Claims {
	c := s.personClaims(base, p, api)
	c.Azp, c.AzpACR = client.ClientID, acr
	c.Scope = strings.Join(scopes, " ")
	return c
}

// idClaims are those of a person's id token. It says the roles at the client, because it is for the client.
func (s *Sim) idClaims(base string, p Person, g grant) Claims {
	c := s.personClaims(base, p, g.client)
	c.Nonce = g.nonce
	return c
}

// personClaims are those of every token about a person for an app.
func (s *Sim) personClaims(base string, p Person, audience App) Claims {
	c := s.claims(base, p.TenantID, s.options.TokenLifetime)
	c.Audience = audience.ClientID
	c.OID = p.ObjectID
	// It differs from app to app, so that apps cannot compare whom they know.
	pairwise := sha256.Sum256([]byte(audience.ClientID + "/" + p.ObjectID))
	c.Sub = keys.Encode(pairwise[:])
	c.Name, c.Username = p.Name, p.Username
	c.Roles = p.rolesAt(audience)
	return c
}

// refreshLifetime is how long a refresh token is valid.
const refreshLifetime = 90 * 24 * time.Hour
