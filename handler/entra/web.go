package entra

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// Web signs people in at an app registration: it sends browsers to the authority, and turns what they bring back into
// the id token of whoever signed in. It keeps nothing. It is safe for concurrent use.
type Web struct {
	clientID  string
	authorize string
	identity  identity
	// client makes a client for one sign-in: MSAL keeps the tokens of everybody that a client signed in, and nobody
	// needs them.
	client func() (confidential.Client, error)
}

// NewWeb returns a Web. Without a secret and a certificate, platform vouches for the registration, which has a
// federated credential for it. It makes no request; the error names the setting that is wrong.
func NewWeb(o Options, platform TokenSource) (*Web, error) {
	authority, host, err := authorityURL(o.AuthorityURL, o.TenantID)
	if err != nil {
		return nil, err
	}
	credential, more, err := webCredential(o, host, platform)
	if err != nil {
		return nil, err
	}
	return &Web{
		clientID:  o.ClientID,
		authorize: authority + "/oauth2/v2.0/authorize",
		identity: identity{
			name:  "app " + o.ClientID,
			from:  webParty(),
			scrub: scrubber(o.Secret),
		},
		client: func() (confidential.Client, error) {
			return newClient(o, credential, more...)
		},
	}, nil
}

func webCredential(
	o Options,
	host string,
	platform TokenSource,
) (credential confidential.Credential, more []confidential.Option, err error) {
	switch {
	case o.Secret != "":
		credential, err = confidential.NewCredFromSecret(o.Secret.Reveal())
		return credential, nil, err
	case o.Certificate != nil:
		return o.Certificate.credential(), []confidential.Option{confidential.WithX5C()}, nil
	case platform == nil:
		return credential, nil, errors.New("entra: nothing vouches for the app registration of sign-in: set " +
			"CORDON_SIGNIN_SECRET or CORDON_SIGNIN_CERTIFICATE, or give the app a managed identity")
	}
	scope := exchange(host)
	vouch := func(ctx context.Context, _ confidential.AssertionRequestOptions) (string, error) {
		token, err := platform.Token(ctx, scope)
		return token.Value.Reveal(), err
	}
	return confidential.NewCredFromAssertionCallback(vouch), nil, nil
}

// exchange is whom a managed identity has its token for, so that a registration takes it for a credential ("Configure
// an application to trust a managed identity", learn.microsoft.com).
func exchange(host string) string {
	if strings.HasSuffix(host, "login.microsoftonline.us") {
		return "api://AzureADTokenExchangeUSGov/.default"
	}
	return "api://AzureADTokenExchange/.default"
}

// webParty is the authority, as errors about the registration of sign-in speak of it.
func webParty() party {
	p := authorityParty()
	advice := p.advice
	settings := strings.NewReplacer(
		"CORDON_CLIENT_ID", "CORDON_SIGNIN_CLIENT_ID",
		"CORDON_CLIENT_", "CORDON_SIGNIN_")
	p.advice = func(status int, code string) string {
		return settings.Replace(advice(status, code))
	}
	return p
}

// Authorize is where a browser is sent to sign in. MSAL would ask the authority for this address; whoever begins to
// sign in may be anybody, and causes no request.
func (w *Web) Authorize(more url.Values) string {
	values := url.Values{
		"client_id":     {w.clientID},
		"response_type": {"code"},
	}
	maps.Copy(values, more)
	return w.authorize + "?" + values.Encode()
}

// Check finds out whether the authority takes the credential of the registration, by a token that nobody uses. Errors
// are those of Redeem.
func (w *Web) Check(ctx context.Context, scope string) error {
	client, err := w.client()
	if err != nil {
		return err
	}
	_, err = client.AcquireTokenByCredential(ctx, []string{scope})
	return w.explain(ctx, err)
}

// Redeem turns the code of a sign-in into the id token, whose nonce and signature are still to be checked. Errors are
// an *Error, or the context's when it ends first.
func (w *Web) Redeem(ctx context.Context, code, redirect, verifier string) (string, error) {
	client, err := w.client()
	if err != nil {
		return "", err
	}
	result, err := client.AcquireTokenByAuthCode(ctx, code, redirect, []string{"profile"},
		confidential.WithChallenge(verifier))
	return result.IDToken.RawToken, w.explain(ctx, err)
}

func (w *Web) explain(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("entra: waiting for a sign-in: %w", context.Cause(ctx))
	case err != nil:
		return w.identity.describe(err, "a sign-in")
	}
	return nil
}
