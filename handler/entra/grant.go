package entra

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"
)

// grant asks for one token, once. Claims are those of a claims challenge, or empty.
type grant func(ctx context.Context, scope, claims string) (confidential.AuthResult, error)

// identity is one of the ways to be somebody: how tokens are asked for, and what is said about it.
type identity struct {
	name  string // for people: "certificate 0A1B… of app …"
	from  party
	ask   grant
	scrub func(string) string // hides what is secret in a text
}

// identityOf picks the way that the options ask for.
func identityOf(o Options) (identity, error) {
	switch {
	case o.Secret != "" && o.Certificate != nil:
		return identity{},
			errors.New("entra: a client secret and a certificate: leave one of CORDON_CLIENT_SECRET and " +
				"CORDON_CLIENT_CERTIFICATE out")
	case o.Secret != "":
		credential, err := confidential.NewCredFromSecret(o.Secret.Reveal())
		if err != nil {
			return identity{}, fmt.Errorf("entra: client secret: %w", err)
		}
		return registered(o, "client secret of app "+o.ClientID, credential)
	case o.Certificate != nil:
		return registered(o, fmt.Sprintf("certificate %s of app %s", o.Certificate.Thumbprint, o.ClientID),
			o.Certificate.credential(), confidential.WithX5C())
	}
	return managed(o)
}

// registered is an app registration with a credential. x5c, sent along with a certificate, lets the authority trust a
// renewed one by its subject name and issuer where that is set up; elsewhere it is passed over.
func registered(o Options, name string, credential confidential.Credential,
	more ...confidential.Option) (identity, error) {
	if o.ClientID == "" {
		return identity{},
			errors.New("entra: no client id: set CORDON_CLIENT_ID to the application (client) id of the app " +
				"registration")
	}
	client, err := newClient(o, credential, append(more,
		// cp1 tells the API that claims challenges are understood here: Transport answers them.
		confidential.WithClientCapabilities([]string{"cp1"}))...)
	if err != nil {
		return identity{}, err
	}
	ask := func(ctx context.Context, scope, claims string) (confidential.AuthResult, error) {
		var options []confidential.AcquireByCredentialOption
		if claims != "" {
			options = append(options, confidential.WithClaims(claims))
		}
		return client.AcquireTokenByCredential(ctx, []string{scope}, options...)
	}
	return identity{
		name:  name,
		from:  authorityParty(),
		ask:   ask,
		scrub: scrubber(o.Secret),
	}, nil
}

// newClient makes MSAL's client of an app registration. It makes no request.
func newClient(
	o Options,
	credential confidential.Credential,
	more ...confidential.Option,
) (confidential.Client, error) {
	authority, host, err := authorityURL(o.AuthorityURL, o.TenantID)
	if err != nil {
		return confidential.Client{}, err
	}
	client, err := confidential.New(authority, o.ClientID, credential, append(more,
		confidential.WithHTTPClient(tokenClient(o.HTTPClient)),
		confidential.WithInstanceDiscovery(publicHost(host)),
	)...)
	if err != nil {
		return confidential.Client{}, fmt.Errorf("entra: authority %s: %w", authority, err)
	}
	return client, nil
}

// managed is an identity that the platform vouches for: the system-assigned one, or, with a client id, a user-assigned
// one.
func managed(o Options) (identity, error) {
	source, err := managedidentity.GetSource()
	if err != nil {
		return identity{}, fmt.Errorf("entra: managed identity: %w", err)
	}
	if source != managedidentity.AppService && source != managedidentity.DefaultToIMDS {
		return identity{},
			fmt.Errorf("entra: managed identities of %s are not supported, only those of Azure Functions, App "+
				"Service and virtual machines: "+
				"set CORDON_CLIENT_SECRET or CORDON_CLIENT_CERTIFICATE", source)
	}
	var id managedidentity.ID = managedidentity.SystemAssigned()
	name := "managed identity (system-assigned)"
	if o.ClientID != "" {
		id = managedidentity.UserAssignedClientID(o.ClientID)
		name = "managed identity " + o.ClientID
	}
	client, err := managedidentity.New(id, managedidentity.WithHTTPClient(rereading{localClient(o.HTTPClient)}),
		managedidentity.WithRetryPolicyDisabled())
	if err != nil {
		return identity{}, fmt.Errorf("entra: managed identity: %w", err)
	}
	ask := func(ctx context.Context, scope, claims string) (confidential.AuthResult, error) {
		if claims == "" {
			// MSAL keeps tokens of managed identities for the whole process and forgets when they are due. Claims,
			// which it does not pass on, make it ask; Source keeps the tokens.
			claims = "{}"
		}
		return client.AcquireToken(ctx,
			strings.TrimSuffix(scope, "/.default"),
			managedidentity.WithClaims(claims))
	}
	return identity{
		name:  name,
		from:  platformParty(source == managedidentity.AppService, o.clientIDSetting()),
		ask:   ask,
		scrub: scrubber(Secret(os.Getenv("IDENTITY_HEADER"))),
	}, nil
}

// localClient asks an endpoint of this machine: no proxy is in between, whatever the environment says.
func localClient(c *http.Client) *http.Client {
	own := tokenClient(c)
	transport, ok := own.Transport.(*http.Transport)
	if own.Transport == nil {
		transport, ok = http.DefaultTransport.(*http.Transport)
	}
	if ok {
		direct := transport.Clone()
		direct.Proxy = nil
		own.Transport = direct
	}
	return own
}

// rereading lets the answer to a failed request be read again: MSAL reads it to the end before it hands it out with its
// error.
type rereading struct{ *http.Client }

// Do sends the request.
func (c rereading) Do(req *http.Request) (*http.Response, error) {
	resp, err := c.Client.Do(req)
	if err != nil || resp.StatusCode == http.StatusOK {
		return resp, err
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, drainLimit))
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = &rewound{bytes.NewReader(content)}
	return resp, nil
}

// rewound is a body that begins again when it is closed.
type rewound struct{ *bytes.Reader }

func (b *rewound) Close() error {
	_, err := b.Seek(0, io.SeekStart)
	return err
}

// scrubber hides a secret in a text, as it is and as a form carries it, and every signed token and assertion, and
// bounds the length.
func scrubber(secret Secret) func(string) string {
	signed := regexp.MustCompile(`eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_.-]*`)
	return func(text string) string {
		return secret.scrub(signed.ReplaceAllString(text, hidden))
	}
}
