package tables

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
)

// authorize checks the signature of a request as "Authorize with Shared Key" on learn.microsoft.com has it for the
// Table service: SharedKey signs verb, Content-MD5, Content-Type, date and resource; SharedKeyLite, which aztables
// sends, signs date and resource only.
func (s *Server) authorize(r *http.Request) *problem {
	header := r.Header.Get("Authorization")
	if header == "" {
		return refuse(http.StatusUnauthorized, "NoAuthenticationInformation",
			"Server failed to authenticate the request: it has no Authorization header.")
	}
	scheme, credential, _ := strings.Cut(header, " ")
	if scheme == "Bearer" && s.verify != nil {
		return s.authorizeToken(r, credential)
	}
	account, signature, found := strings.Cut(strings.TrimSpace(credential), ":")
	if !found {
		return refuse(http.StatusBadRequest, "InvalidAuthenticationInfo",
			"Authentication information is not given in the correct format. Check the value of Authorization header.")
	}
	text, ok := s.stringToSign(scheme, r)
	if !ok || account != s.account || !s.signed(text, signature) {
		return refuse(http.StatusForbidden, "AuthenticationFailed",
			"Server failed to authenticate the request. Make sure the value of Authorization header is formed "+
				"correctly including the signature.")
	}
	return nil
}

// ErrNoPermission is what Options.Verify says of a good token whose bearer may not use the tables.
var ErrNoPermission = errors.New("tables: the bearer of the token has no role on the account")

// authorizeToken checks a bearer token ("Authorize with Microsoft Entra ID" on learn.microsoft.com).
func (s *Server) authorizeToken(r *http.Request, token string) *problem {
	err := s.verify(token)
	switch {
	case r.TLS == nil:
		return refuse(http.StatusForbidden, "AuthenticationFailed",
			"Server failed to authenticate the request: bearer tokens are taken over HTTPS only.")
	case errors.Is(err, ErrNoPermission):
		return refuse(http.StatusForbidden, "AuthorizationPermissionMismatch",
			"This request is not authorized to perform this operation using this permission.")
	case err != nil:
		return refuse(http.StatusUnauthorized, "InvalidAuthenticationInfo",
			"Server failed to authenticate the request. Please refer to the information in the www-authenticate header.")
	}
	return nil
}

func (s *Server) stringToSign(scheme string, r *http.Request) (string, bool) {
	date := r.Header.Get("x-ms-date")
	if date == "" {
		date = r.Header.Get("Date")
	}
	if date == "" {
		return "", false
	}
	switch scheme {
	case "SharedKeyLite":
		return strings.Join([]string{date, s.resource(r)}, "\n"), true
	case "SharedKey":
		return strings.Join([]string{
			r.Method, r.Header.Get("Content-MD5"), r.Header.Get("Content-Type"), date, s.resource(r),
		}, "\n"), true
	default:
		return "", false
	}
}

// resource is the canonical form of what is asked for: the account, then the path exactly as sent. With path-style
// addresses the account is in it twice.
func (s *Server) resource(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(path, "/") {
		path = r.URL.EscapedPath()
	}
	canonical := "/" + s.account + path
	if comp := r.URL.Query().Get("comp"); comp != "" {
		canonical += "?comp=" + comp
	}
	return canonical
}

func (s *Server) signed(text, signature string) bool {
	given, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || len(s.secret) == 0 {
		return false
	}
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(text))
	return hmac.Equal(given, mac.Sum(nil))
}
