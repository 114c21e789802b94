package entrasim

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Identity is a managed identity that is assigned to the app which the identity endpoints serve.
type Identity struct {
	TenantID string
	ClientID string
	System   bool // the system-assigned one; there is at most one
	// Roles are the application permissions that were granted, by resource.
	Roles map[string][]string
}

// The versions of the identity endpoints' protocols.
const (
	appServiceVersion = "2019-08-01"
	imdsVersion       = "2018-02-01"
)

// identityLifetime is how long a token of a managed identity is valid when Options says nothing.
const identityLifetime = 24 * time.Hour

// publicCloud issues what the platform hands out, unless At says otherwise.
const publicCloud = "https://login.microsoftonline.com"

// kept is a token that the platform hands out again.
type kept struct {
	token  string
	issued time.Time
}

// AppService serves the endpoint that IDENTITY_ENDPOINT names in App Service and Azure Functions, under every path
// (https://learn.microsoft.com/azure/app-service/overview-managed-identity). It knows the caller by
// Options.IdentityHeader. What the documentation does not say is how a wrong header is answered: with 401 here.
func (s *Sim) AppService() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.count(func(c *Counts) { c.AppService++ })
		if fault := delayed(r, s.nextIdentityFault()); fault.Status != 0 {
			appServiceFailure(w, fault.Status, "An unexpected error occured while fetching the AAD Token.",
				fault.RetryAfter)
			return
		}
		query := r.URL.Query()
		want, got := sha256.Sum256([]byte(s.options.IdentityHeader)), sha256.Sum256([]byte(r.Header.Get("X-IDENTITY-HEADER")))
		switch {
		case s.options.IdentityHeader == "" || subtle.ConstantTimeCompare(want[:], got[:]) != 1:
			appServiceFailure(w, http.StatusUnauthorized, "Unauthorized", 0)
		case r.Method != http.MethodGet:
			appServiceFailure(w, http.StatusMethodNotAllowed, "Method not allowed", 0)
		case query.Get("api-version") != appServiceVersion:
			appServiceFailure(w, http.StatusBadRequest,
				fmt.Sprintf("The HTTP resource that matches the request URI does not support the API version '%s'.",
					query.Get("api-version")), 0)
		default:
			s.answerAppService(w, query.Get("client_id"), query.Get("resource"))
		}
	})
}

func (s *Sim) answerAppService(w http.ResponseWriter, clientID, resource string) {
	identity, found := s.identity(clientID, false)
	switch {
	case !found && clientID == "":
		appServiceFailure(w, http.StatusBadRequest, "Unable to load the proper Managed Identity.", 0)
	case !found:
		appServiceFailure(w, http.StatusBadRequest,
			"No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.", 0)
	case !s.hasResource(identity.TenantID, resource):
		appServiceFailure(w, http.StatusInternalServerError,
			"An unexpected error occured while fetching the AAD Token.", 0)
	default:
		token, expires := s.identityToken(identity, resource)
		writeJSON(w, http.StatusOK, map[string]any{
			"access_token": token,
			"expires_on":   strconv.FormatInt(expires.Unix(), 10),
			"resource":     resource,
			"token_type":   "Bearer",
			"client_id":    identity.ClientID,
		})
	}
}

func appServiceFailure(w http.ResponseWriter, status int, text string, retryAfter time.Duration) {
	setRetryAfter(w, retryAfter)
	writeJSON(w, status, map[string]any{"statusCode": status, "message": text, "correlationId": newID()})
}

// IMDS serves the instance metadata service's token endpoint, which virtual machines reach at 169.254.169.254
// (https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token).
func (s *Sim) IMDS() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metadata/identity/oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		s.count(func(c *Counts) { c.IMDS++ })
		if fault := delayed(r, s.nextIdentityFault()); fault.Status != 0 {
			imdsFailure(w, fault.Status, "unknown", "The service is out of order on request.", fault.RetryAfter)
			return
		}
		query := r.URL.Query()
		switch {
		case !strings.EqualFold(r.Header.Get("Metadata"), "true"):
			imdsFailure(w, http.StatusBadRequest, "invalid_request", "Required metadata header not specified", 0)
			return
		case r.Header.Get("X-Forwarded-For") != "":
			imdsFailure(w, http.StatusBadRequest, "invalid_request", "Requests that came through a proxy are refused",
				0)
			return
		case query.Get("api-version") != imdsVersion:
			imdsFailure(w, http.StatusBadRequest, "invalid_request", "The requested version is not supported", 0)
			return
		case query.Get("resource") == "":
			imdsFailure(w, http.StatusBadRequest, "invalid_request", "Required query variable 'resource' is missing", 0)
			return
		}
		s.answerIMDS(w, query.Get("client_id"), query.Get("resource"))
	})
	return mux
}

func (s *Sim) answerIMDS(w http.ResponseWriter, clientID, resource string) {
	identity, found := s.identity(clientID, true)
	switch {
	case !found && clientID == "" && len(s.options.Identities) > 1:
		imdsFailure(w, http.StatusBadRequest, "invalid_request",
			"Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in "+
				"the token request", 0)
	case !found:
		imdsFailure(w, http.StatusBadRequest, "invalid_request", "Identity not found", 0)
	case !s.hasResource(identity.TenantID, resource):
		imdsFailure(w, http.StatusBadRequest, "invalid_resource",
			fmt.Sprintf("AADSTS500011: The resource principal named %s was not found in the tenant named %s.", resource,
				identity.TenantID), 0)
	default:
		token, expires := s.identityToken(identity, resource)
		left := expires.Sub(s.options.Now()) / time.Second
		writeJSON(w, http.StatusOK, map[string]any{
			"access_token":   token,
			"refresh_token":  "",
			"client_id":      identity.ClientID,
			"expires_in":     strconv.Itoa(int(left)),
			"expires_on":     strconv.FormatInt(expires.Unix(), 10),
			"ext_expires_in": strconv.Itoa(int(left)),
			"not_before":     strconv.FormatInt(s.options.Now().Add(-skew).Unix(), 10),
			"resource":       resource,
			"token_type":     "Bearer",
		})
	}
}

func imdsFailure(w http.ResponseWriter, status int, code, text string, retryAfter time.Duration) {
	setRetryAfter(w, retryAfter)
	writeJSON(w, status, map[string]any{"error": code, "error_description": text})
}

// identity picks the identity of a request: the one with the client id; without one the system-assigned, or, where
// alone is enough, the only one that there is.
func (s *Sim) identity(clientID string, aloneIsEnough bool) (Identity, bool) {
	i := slices.IndexFunc(s.options.Identities, func(i Identity) bool {
		if clientID == "" {
			return i.System
		}
		return strings.EqualFold(i.ClientID, clientID)
	})
	if i < 0 && clientID == "" && aloneIsEnough && len(s.options.Identities) == 1 {
		i = 0
	}
	if i < 0 {
		return Identity{}, false
	}
	return s.options.Identities[i], true
}

// identityToken issues a token, or hands the one out again that the platform keeps. It keeps one for the first half of
// its life.
func (s *Sim) identityToken(i Identity, resource string) (token string, expires time.Time) {
	now, key := s.options.Now(), strings.ToLower(i.ClientID)+" "+resource
	s.mu.Lock()
	defer s.mu.Unlock()
	k, found := s.platform[key]
	if !found || !s.options.KeepIdentityTokens || now.Sub(k.issued) > s.options.IdentityLifetime/2 {
		s.counts.Issued++
		k = kept{
			s.appToken(cmp.Or(s.at, publicCloud), i.asApp(), resource, "2", s.options.IdentityLifetime), now,
		}
		s.platform[key] = k
	}
	return k.token, k.issued.Add(s.options.IdentityLifetime)
}

// SetIdentityFault makes the identity endpoints misbehave from now on; Fault{} ends it.
func (s *Sim) SetIdentityFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.identityFault = f
}

func (s *Sim) nextIdentityFault() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.identityFault.take()
}
