package entra

import (
	"context"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Credential is a Source as Azure's client libraries want it.
type Credential struct{ source *Source }

var _ azcore.TokenCredential = (*Credential)(nil)

// Credential returns s for use with Azure's client libraries. It shares the tokens of s.
func (s *Source) Credential() *Credential { return &Credential{source: s} }

// Format prints what its Source prints.
func (c *Credential) Format(f fmt.State, verb rune) {
	c.source.Format(f, verb)
}

// GetToken returns a token for the one scope in o, and a new one if o has claims. Errors are those of Source.Token;
// more scopes than one, and a tenant other than the configured one, are refused.
func (c *Credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if len(o.Scopes) != 1 {
		return azcore.AccessToken{}, fmt.Errorf("entra: %d scopes asked for at once, want exactly one", len(o.Scopes))
	}
	if o.TenantID != "" && !strings.EqualFold(o.TenantID, c.source.tenant) {
		return azcore.AccessToken{},
			fmt.Errorf("entra: a token of tenant %q was asked for, but the app is set up for %q", o.TenantID,
				c.source.tenant)
	}
	token, err := c.token(ctx, o.Scopes[0], o.Claims)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	return azcore.AccessToken{
		Token:     token.Value.Reveal(),
		ExpiresOn: token.ExpiresAt,
		RefreshOn: token.RefreshAt,
	}, nil
}

func (c *Credential) token(ctx context.Context, scope, claims string) (Token, error) {
	if claims != "" {
		return c.source.TokenForClaims(ctx, scope, claims)
	}
	return c.source.Token(ctx, scope)
}
