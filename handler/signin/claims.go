package signin

import (
	"cmp"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cordon/handler/incoming"
	"cordon/handler/operate/wire"
)

// The bounds of what a token may hold.
const (
	maxToken     = 16 << 10 // bytes; Entra's have some two or three thousand
	minSignature = 256      // bytes: that of a key of 2,048 bits
	maxName      = 200      // characters of a name that people and the journal are shown
	leeway       = 2 * time.Minute
)

// header is the part of a token that says how it is signed.
type header struct {
	Algorithm string         `json:"alg"`
	KeyID     string         `json:"kid"`
	Critical  jsontext.Value `json:"crit"` // what a reader has to understand; Entra asks for nothing

	signature []byte // the last part
}

// claims are what is looked at in a token ("Access token claims reference", learn.microsoft.com). Their names are
// compared exactly, and a name that comes twice makes the token malformed: it must mean the same to every reader.
type claims struct {
	Version   string   `json:"ver"`
	Issuer    string   `json:"iss"`
	Tenant    string   `json:"tid"`
	Audience  string   `json:"aud"`
	Expires   int64    `json:"exp"`
	NotBefore int64    `json:"nbf"`
	IssuedAt  int64    `json:"iat"`
	Client    string   `json:"azp"`
	Kind      string   `json:"idtyp"` // app for an app without a person, if the registration asks for the claim
	Scope     string   `json:"scp"`
	Subject   string   `json:"sub"`
	ObjectID  string   `json:"oid"`
	Roles     []string `json:"roles"`
	Nonce     string   `json:"nonce"` // of an id token
	Account   string   `json:"preferred_username"`
	Principal string   `json:"upn"`
	Name      string   `json:"name"`
}

// read takes a token apart. Nothing of it is proven.
func read(token string) (h header, c claims, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return h, c, errors.New("it has not three parts")
	}
	var raw [3][]byte
	for i, text := range parts {
		raw[i], err = base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil {
			return h, c, err
		}
	}
	err = json.Unmarshal(raw[0], &h)
	if err == nil {
		err = json.Unmarshal(raw[1], &c)
	}
	h.signature = raw[2]
	return h, c, err
}

// standards are what a token is held against.
type standards struct {
	issuer   string // exactly
	tenant   string // in lower case
	audience string // client id of the registration, in lower case
	scope    string // that a token has to be asked for
}

// judge is nil for claims that are meant for us now, whoever signed them.
func (s standards) judge(c claims, now time.Time) *wire.Problem {
	if problem := s.judgeOrigin(c); problem != nil {
		return problem
	}
	return judgeTimes(c, now)
}

// judgeOrigin is about who made the token, and for whom.
func (s standards) judgeOrigin(c claims) *wire.Problem {
	switch {
	case c.Version != "2.0":
		return unauthorized("wrong_version", "the token is not of version 2.0; the registration Cordon has to have "+
			"requestedAccessTokenVersion 2, and the token has to be asked for with the scope "+s.scope)
	case c.Tenant != s.tenant:
		return unauthorized("other_tenant", "the token is of another tenant; sign in to the tenant "+s.tenant)
	case c.Issuer != s.issuer:
		return unauthorized("wrong_issuer", "the token is of another authority; it has to be of "+s.issuer)
	case c.Audience != s.audience:
		return unauthorized("wrong_audience", "the token is for another API; ask for one with the scope "+s.scope)
	}
	return nil
}

// judgeTimes allows for clocks that differ a little.
func judgeTimes(c claims, now time.Time) *wire.Problem {
	at := now.Unix()
	const slack = int64(leeway / time.Second)
	switch {
	case c.Expires == 0 || c.NotBefore == 0 || c.IssuedAt == 0:
		return unauthorized("malformed", "the token does not say when it is valid; sign in again")
	case at >= c.Expires+slack:
		return unauthorized("expired", "the token has expired; sign in again")
	case at < c.NotBefore-slack, at < c.IssuedAt-slack:
		return unauthorized("not_yet",
			"the token is not valid yet; if you have just signed in, the clock of the app is slow")
	}
	return nil
}

// judgeAccess is about who asks with an access token, and whether that person may ask anything at all.
func (s standards) judgeAccess(c claims) *wire.Problem {
	switch {
	// An id token is for the same audience and has the same roles, and programs pass it about freely.
	case c.Client == "" || c.Nonce != "":
		return unauthorized("id_token",
			"the token is not an access token; ask for one with the scope "+s.scope)
	case !c.isApp() && !slices.Contains(strings.Fields(c.Scope), "Cordon.Use"):
		return unauthorized("no_scope",
			"the token does not hold the scope Cordon.Use; ask for one with the scope "+s.scope)
	case c.Kind == "app" && c.Scope != "", !isGUID(c.Client):
		return nobody()
	}
	return judgePerson(c)
}

// judgeSignIn is about who signed in with a browser. The nonce ties the token to that sign-in.
func (s standards) judgeSignIn(c claims, nonce string) *wire.Problem {
	switch {
	case c.Client != "" || c.Scope != "" || c.Kind == "app":
		return unauthorized("not_id_token", "the token does not say who signed in; sign in again")
	case nonce == "" || subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(nonce)) != 1:
		return unauthorized("wrong_nonce", "the token is of another sign-in; sign in again")
	}
	return judgePerson(c)
}

func judgePerson(c claims) *wire.Problem {
	if !isGUID(c.ObjectID) {
		return nobody()
	}
	if len(roles(c.Roles)) == 0 {
		return noRole()
	}
	return nil
}

func nobody() *wire.Problem {
	return unauthorized("malformed", "the token does not say whose it is; sign in again")
}

func isGUID(id string) bool {
	return regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`).MatchString(id)
}

// isApp says whether a token is an app's own, without a person: then it holds no scope, and its subject is the app
// itself, while a person's is made for each app anew.
func (c claims) isApp() bool {
	itself := c.Kind == "app" ||
		c.Kind == "" && c.Subject == c.ObjectID
	return c.Client != "" &&
		c.Scope == "" &&
		itself
}

// person is who claims are about that were judged and proven.
func (c claims) person() Person {
	p := Person{
		ObjectID: strings.ToLower(c.ObjectID),
		Tenant:   c.Tenant,
		Roles:    roles(c.Roles),
		App:      c.isApp(),
		Client:   strings.ToLower(c.Client),
		Until:    time.Unix(c.Expires, 0).UTC(),
	}
	name := cmp.Or(c.Account, c.Principal, c.Name)
	if p.App {
		name = p.Client
	}
	name = incoming.Text(incoming.Visible(name), maxName)
	name = strings.Join(strings.Fields(name), " ")
	p.Name = cmp.Or(name, p.ObjectID)
	return p
}
