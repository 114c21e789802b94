package signin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"

	"cordon/handler/logging"
	"cordon/handler/operate/wire"
)

// Options are the parts and settings of a Verifier, all of them set.
type Options struct {
	Authority string // scheme and host of the authority
	Tenant    string // its id, in lower case
	ClientID  string // of the registration that people sign in to, in lower case
	Host      string // of CORDON_APP_URL, without port: the scope names it
	Client    *http.Client
	Log       *slog.Logger
	Now       func() time.Time
}

// Verifier says whose a bearer token is. It is safe for concurrent use.
type Verifier struct {
	standards standards
	keys      *keys
	log       *slog.Logger
	now       func() time.Time
	refused   logging.Seldom
}

// New makes a Verifier. It makes no request.
func New(o Options) *Verifier {
	issuer := strings.TrimSuffix(o.Authority, "/") + "/" + o.Tenant + "/v2.0"
	return &Verifier{
		standards: standards{
			issuer:   issuer,
			tenant:   o.Tenant,
			audience: o.ClientID,
			scope:    wire.SignIn{API: o.ClientID}.Scope(o.Host),
		},
		keys: newKeys(issuer, o.Client, o.Log, o.Now),
		log:  o.Log,
		now:  o.Now,
	}
}

// Check reads the keys of the authority, for a person who wants to know whether that works. Nothing is remembered.
func (v *Verifier) Check(ctx context.Context) error {
	_, err := v.keys.fetch(ctx)
	return err
}

const notSignedIn = "not_signed_in"

// Bearer says who sent a request, by its Authorization header alone. Every error is a *wire.Problem.
func (v *Verifier) Bearer(ctx context.Context, from http.Header) (Person, error) {
	who, problem := v.bearer(ctx, from)
	if problem == nil {
		return who, nil
	}
	if problem.Code != notSignedIn && problem.Status < http.StatusInternalServerError {
		v.refused.Warn(ctx, v.log, "requests with a token that is not taken were refused", problem)
	}
	return Person{}, problem
}

func (v *Verifier) bearer(ctx context.Context, from http.Header) (Person, *wire.Problem) {
	token, problem := bearerToken(from)
	if problem != nil {
		return Person{}, problem
	}
	c, problem := v.believe(ctx, token, v.standards.judgeAccess)
	if problem != nil {
		return Person{}, problem
	}
	return c.person(), nil
}

// IDToken says who signed in, by the id token of a sign-in that was begun with a nonce. It comes from the authority by
// a way of our own, and is believed no sooner than others. Every error is a *wire.Problem.
func (v *Verifier) IDToken(ctx context.Context, token, nonce string) (Person, error) {
	c, problem := v.believe(ctx, token, func(c claims) *wire.Problem {
		return v.standards.judgeSignIn(c, nonce)
	})
	if problem != nil {
		return Person{}, problem
	}
	p := c.person()
	p.Client = v.standards.audience
	return p, nil
}

// believe returns the claims of a token that is meant for us now, and that judge has nothing against, once it is proven
// that the authority made it.
func (v *Verifier) believe(
	ctx context.Context,
	token string,
	judge func(claims) *wire.Problem,
) (claims, *wire.Problem) {
	if len(token) > maxToken {
		return claims{}, unauthorized("too_long", "the token is longer than any of Microsoft Entra")
	}
	h, c, err := read(token)
	switch {
	case err == nil && (h.Algorithm != oidc.RS256 || len(h.signature) < minSignature):
		return claims{}, unauthorized("wrong_algorithm",
			"the token is not signed as Microsoft Entra signs, with RS256; sign in again")
	case err != nil || h.KeyID == "" || h.Critical != nil:
		return claims{}, unauthorized("malformed",
			"the token is none of Microsoft Entra; sign in again")
	}
	all := func(c claims) *wire.Problem {
		problem := v.standards.judge(c, v.now())
		if problem == nil {
			problem = judge(c)
		}
		return problem
	}
	if problem := all(c); problem != nil {
		return claims{}, problem
	}
	c, problem := v.prove(ctx, token)
	if problem == nil {
		problem = all(c) // of what was signed; nothing that was read before counts
	}
	return c, problem
}

// bearerToken takes the token out of the one Authorization header that there may be.
func bearerToken(from http.Header) (string, *wire.Problem) {
	values := from.Values("Authorization")
	if len(values) == 0 {
		return "", unauthorized(notSignedIn,
			"you are not signed in; sign in with cordon login --app and the address of this app")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	switch {
	case len(values) > 1:
		return "", unauthorized("several_tokens", "send one Authorization header, not several")
	case !strings.EqualFold(scheme, "Bearer"):
		return "", unauthorized("not_bearer", "send Authorization: Bearer and an access token")
	}
	return token, nil
}

// prove checks the signature and returns what was signed.
func (v *Verifier) prove(ctx context.Context, token string) (claims, *wire.Problem) {
	signed := &signature{keys: v.keys}
	_, err := oidc.NewVerifier(v.standards.issuer, signed, &oidc.Config{
		ClientID:             v.standards.audience,
		SupportedSigningAlgs: []string{oidc.RS256},
		SkipExpiryCheck:      true, // judge knows the times, and how much clocks may differ
	}).Verify(ctx, token)
	if signed.problem != nil {
		return claims{}, signed.problem
	}
	var c claims
	if err == nil {
		err = json.Unmarshal(signed.payload, &c)
	}
	if err != nil {
		return claims{}, unauthorized("bad_signature",
			"the token is not signed by Microsoft Entra for this tenant; sign in again")
	}
	return c, nil
}

// signature is go-oidc's way to the keys, for one token. It remembers what go-oidc does not pass on.
type signature struct {
	keys    *keys
	payload []byte        // that was signed
	problem *wire.Problem // there are no keys
}

// VerifySignature implements oidc.KeySet.
func (s *signature) VerifySignature(ctx context.Context, token string) (_ []byte, err error) {
	s.payload, err = s.keys.verify(ctx, token)
	var none *noKeys
	if errors.As(err, &none) {
		s.problem = later("keys_unavailable", "it cannot be told now whose token this is: the keys of Microsoft Entra "+
			"could not be read; send the request again", none.wait)
	}
	return s.payload, err
}
