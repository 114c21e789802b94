package entra

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// maxClaims bounds the claims of a challenge, which go out again in the token request.
const maxClaims = 8 << 10

// claimsChallenge finds the claims that a 401 asks for, as JSON
// (https://learn.microsoft.com/entra/identity-platform/claims-challenge). ok is false when there is no well-formed
// challenge.
func claimsChallenge(headers []string) (claims string, ok bool) {
	for _, header := range headers {
		p := challenge(header)
		if p["error"] != "insufficient_claims" || p["claims"] == "" || len(p["claims"]) > maxClaims {
			continue
		}
		decoded, err := decodeBase64(p["claims"])
		if err == nil &&
			json.Valid(decoded) &&
			strings.HasPrefix(strings.TrimSpace(string(decoded)), "{") {
			return string(decoded), true
		}
	}
	return "", false
}

// decodeBase64 takes both alphabets, padded or not: services differ.
func decodeBase64(s string) ([]byte, error) {
	s = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(s, "="))
	return base64.RawURLEncoding.DecodeString(s)
}

// challenge reads the parameters of the Bearer challenge in a WWW-Authenticate header (RFC 9110, section 11.6.1), names
// in lower case, none when there is no such challenge. What does not follow the grammar ends the reading.
func challenge(header string) map[string]string {
	params := map[string]string{}
	bearer := false
	for rest := strings.TrimLeft(header, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
		word, after := token(rest)
		if word == "" {
			break
		}
		value, isParam := strings.CutPrefix(strings.TrimLeft(after, " \t"), "=")
		if !isParam {
			if bearer {
				break
			}
			bearer, rest = strings.EqualFold(word, "Bearer"), after
			continue
		}
		text, remaining, ok := paramValue(strings.TrimLeft(value, " \t"))
		if !ok {
			break
		}
		rest = remaining
		if bearer {
			params[strings.ToLower(word)] = text
		}
	}
	return params
}

// token cuts the leading run of token characters off s.
func token(s string) (word, rest string) {
	end := strings.IndexAny(s, " \t,=\"")
	if end < 0 {
		return s, ""
	}
	return s[:end], s[end:]
}

// paramValue cuts a parameter's value, quoted or not, off s. An unquoted one may hold the = of base64.
func paramValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, " \t,")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], end > 0
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
