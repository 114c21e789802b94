package entra

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// Claims are what this program looks at of a token. A token is the API's to read and its form may change without notice
// ("Access tokens in the Microsoft identity platform"), so nothing may depend on them but advice.
type Claims struct {
	Roles     []string `json:"roles"` // application permissions
	Principal string   `json:"oid"`   // object id of whoever the token is for
}

// ReadClaims takes a token apart. Its errors show nothing of it.
func ReadClaims(token Secret) (c Claims, err error) {
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return c, errors.New("is not one that can be read")
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return c, errors.New("is not one that can be read")
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return Claims{}, errors.New("holds no claims that can be read")
	}
	return c, nil
}

// Lacks reports that the token for a scope is known to hold neither a permission nor the wider one that holds it. What
// cannot be told counts as held.
func Lacks(ctx context.Context, source TokenSource, scope, permission string) bool {
	token, err := source.Token(ctx, scope)
	if err != nil {
		return false
	}
	claims, err := ReadClaims(token.Value)
	return err == nil &&
		!slices.ContainsFunc(append(Wider(permission), permission), func(p string) bool {
			return slices.Contains(claims.Roles, p)
		})
}

// Wider are the application permissions that hold another one.
func Wider(permission string) []string {
	what, reads := strings.CutSuffix(permission, ".Read.All")
	if reads {
		return []string{what + ".ReadWrite.All"}
	}
	return nil
}
