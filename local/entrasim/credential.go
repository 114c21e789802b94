package entrasim

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// checkCredential finds out whether a request proves that it is from the app.
func (s *Sim) checkCredential(app App, r *http.Request) *refusal {
	asserted := r.PostForm.Has("client_assertion")
	switch {
	case app.Public && (asserted || r.PostForm.Has("client_secret")):
		return &refusal{
			401, "invalid_client", 700025,
			"Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
		}
	case app.Public:
		return nil
	case asserted && federated(r.PostForm.Get("client_assertion")):
		return s.checkFederated(app, r)
	case asserted:
		return s.checkAssertion(app, r)
	}
	return s.checkSecret(app, r.PostForm.Get("client_secret"))
}

// federated says whether an assertion is a token that somebody else issued: then its issuer is a URL and not the app.
func federated(assertion string) bool {
	return strings.HasPrefix(unverified(assertion).Issuer, "https://")
}

// unverified are the claims of a token that nobody believes yet.
func unverified(token string) (c Claims) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c
	}
	if raw, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
		_ = json.Unmarshal(raw, &c) // what cannot be read has no issuer
	}
	return c
}

// checkFederated finds out whether the token of a managed identity stands for the app's credential
// (https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity). The
// real one also believes other issuers, whose keys it fetches.
func (s *Sim) checkFederated(app App, r *http.Request) *refusal {
	if r.PostForm.Get("client_assertion_type") != assertionType {
		return missing("client_assertion_type")
	}
	token := r.PostForm.Get("client_assertion")
	said := unverified(token)
	for _, f := range app.Federated {
		if f.Issuer == "" {
			f.Issuer = issuer(s.base(r), app.TenantID)
		}
		if f.Issuer != said.Issuer || f.Subject != said.Sub || f.Audience != said.Audience {
			continue
		}
		claims, err := s.Verify(token)
		switch {
		case errors.Is(err, ErrExpired):
			return &refusal{401, "invalid_client", 700024, "Client assertion is not within its valid time range."}
		case err != nil:
			return &refusal{401, "invalid_client", 700027, "Client assertion failed signature validation."}
		case claims.Scope != "":
			return &refusal{
				401, "invalid_client", 700229,
				"Only app-only tokens can be used as Federated Identity Credentials for Microsoft Entra issuer.",
			}
		}
		return nil
	}
	return s.unmatched(app, s.base(r), said)
}

// unmatched says what of a token no federated credential names.
func (s *Sim) unmatched(app App, base string, said Claims) *refusal {
	code, what, value := 700213, "subject", said.Sub
	if !slices.ContainsFunc(app.Federated, func(f Federated) bool {
		return f.Issuer == said.Issuer || f.Issuer == "" && said.Issuer == issuer(base, app.TenantID)
	}) {
		code, what, value = 700211, "issuer", said.Issuer
	} else if !slices.ContainsFunc(app.Federated, func(f Federated) bool { return f.Audience == said.Audience }) {
		code, what, value = 700212, "audience", said.Audience
	}
	return &refusal{
		401, "invalid_client", code,
		fmt.Sprintf("No matching federated identity record found for presented assertion %s '%s'. Check your "+
			"federated identity credential Subject, Audience and Issuer against the presented assertion. "+
			"https://learn.microsoft.com/entra/workload-id/workload-identity-federation", what, value),
	}
}

func (s *Sim) checkSecret(app App, given string) *refusal {
	if given == "" {
		return confidential()
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
