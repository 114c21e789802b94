package entra_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"cordon/handler/entra"
)

// fixed hands out one token.
type fixed struct {
	token string
	err   error
}

func (f fixed) Token(context.Context, string) (entra.Token, error) {
	return entra.Token{Value: entra.Secret(f.token)}, f.err
}

func (f fixed) TokenForClaims(ctx context.Context, scope, _ string) (entra.Token, error) {
	return f.Token(ctx, scope)
}

func payload(claims string) string {
	return "a." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c"
}

func TestATokenLacksWhatItIsKnownNotToHold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		source     fixed
		permission string
		want       bool
	}{
		"held":                  {fixed{token: payload(`{"roles":["Machine.Isolate"]}`)}, "Machine.Isolate", false},
		"not held":              {fixed{token: payload(`{"roles":["Machine.Read.All"]}`)}, "Machine.Isolate", true},
		"no roles":              {fixed{token: payload(`{"oid":"o1"}`)}, "Machine.Isolate", true},
		"a wider one is held":   {fixed{token: payload(`{"roles":["Alert.ReadWrite.All"]}`)}, "Alert.Read.All", false},
		"a narrower one is not": {fixed{token: payload(`{"roles":["Alert.Read.All"]}`)}, "Alert.ReadWrite.All", true},
		"unreadable":            {fixed{token: "opaque"}, "Machine.Isolate", false},
		"no token":              {fixed{err: errors.New("none")}, "Machine.Isolate", false},
	} {
		if got := entra.Lacks(t.Context(), tt.source, "s/.default", tt.permission); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestATokenThatCannotBeReadIsNotShown(t *testing.T) {
	t.Parallel()
	for _, token := range []string{
		"", "opaque-s3cr3t", "a.!s3cr3t.c", payload("s3cr3t"), payload(`{"roles":"s3cr3t"}`),
	} {
		if c, err := entra.ReadClaims(entra.Secret(token)); err == nil || strings.Contains(err.Error(), "s3cr3t") ||
			c.Roles != nil {
			t.Errorf("%q: %+v, %v", token, c, err)
		}
	}
	if c, err := entra.ReadClaims(entra.Secret(payload(`{"oid":"o1","roles":["Y"]}`))); err != nil ||
		c.Principal != "o1" || len(c.Roles) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
}
