package entrasim

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"time"

	"cordon/local/entrasim/keys"
)

// codeLifetime is how long an authorization code is valid.
const codeLifetime = 10 * time.Minute

// authorization is what an authorization code stands for.
type authorization struct {
	grant
	redirect  string
	challenge string // of PKCE; empty: there is none
	method    string
}

// redeemCode answers a token request with an authorization code.
func (s *Sim) redeemCode(r *http.Request, client App) (map[string]any, *refusal) {
	code := r.PostForm.Get("code")
	if code == "" {
		return nil, missing("code")
	}
	h, found := s.codes.get(code)
	switch {
	case !found || h.what.client.ClientID != client.ClientID || h.what.client.TenantID != client.TenantID:
		return nil, &refusal{400, "invalid_grant", 70000, "Provided grant is invalid or malformed."}
	case h.used:
		return nil, redeemed()
	case !s.options.Now().Before(h.until):
		return nil, expiredGrant()
	case r.PostForm.Get("redirect_uri") != h.what.redirect:
		return nil, &refusal{
			400, "invalid_client", 500112,
			fmt.Sprintf("The reply address '%s' does not match the reply address '%s' provided when requesting "+
				"Authorization code.", r.PostForm.Get("redirect_uri"), h.what.redirect),
		}
	}
	if no := h.what.proven(r.PostForm.Get("code_verifier")); no != nil {
		return nil, no
	}
	if !s.codes.use(code) {
		return nil, redeemed()
	}
	g := h.what.grant
	if scope := r.PostForm.Get("scope"); scope != "" {
		g.scope = scope
	}
	return s.tokens(r, g)
}

// proven holds the verifier of PKCE against the challenge.
func (a authorization) proven(verifier string) *refusal {
	if (verifier == "") != (a.challenge == "") {
		return &refusal{
			400, "invalid_grant", 50148,
			"The code_verifier does not match the code_challenge supplied in the authorization request for PKCE.",
		}
	}
	want := verifier
	if a.method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		want = keys.Encode(sum[:])
	}
	if a.challenge != "" && subtle.ConstantTimeCompare([]byte(want), []byte(a.challenge)) != 1 {
		return &refusal{
			400, "invalid_grant", 501481,
			"The Code_Verifier does not match the code_challenge supplied in the authorization request.",
		}
	}
	return nil
}

// redeemRefresh answers a token request with a refresh token.
func (s *Sim) redeemRefresh(r *http.Request, client App) (map[string]any, *refusal) {
	token := r.PostForm.Get("refresh_token")
	if token == "" {
		return nil, missing("refresh_token")
	}
	h, found := s.refresh.get(token)
	switch {
	case !found || h.what.client.ClientID != client.ClientID || h.what.client.TenantID != client.TenantID:
		return nil, &refusal{400, "invalid_grant", 70000, "Provided grant is invalid or malformed."}
	case !s.options.Now().Before(h.until):
		return nil, expiredGrant()
	}
	g := h.what
	g.nonce = ""
	if scope := r.PostForm.Get("scope"); scope != "" {
		g.scope = scope
	}
	return s.tokens(r, g)
}

func missing(parameter string) *refusal {
	return &refusal{
		400, "invalid_request", 900144,
		fmt.Sprintf("The request body must contain the following parameter: '%s'.", parameter),
	}
}

func redeemed() *refusal {
	return &refusal{
		400, "invalid_grant", 54005,
		"OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing " +
			"refresh token.",
	}
}

func expiredGrant() *refusal {
	return &refusal{
		400, "invalid_grant", 70008,
		"The provided authorization code or refresh token has expired due to inactivity. Send a new interactive " +
			"authorization request for this user and resource.",
	}
}
