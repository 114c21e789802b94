package mail

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"time"
)

// TLSMode is how the connection is encrypted.
type TLSMode int

// The modes. The zero value is the safe one.
const (
	StartTLS TLSMode = iota // plain until STARTTLS, which is required before anything else is said
	Implicit                // TLS from the first byte, usually port 465
	NoTLS                   // none; loopback only
)

// String returns the mode as it is written in the URL.
func (m TLSMode) String() string {
	return [...]string{"starttls", "implicit", "none"}[m]
}

// AuthMode is how the user is proven.
type AuthMode int

// The modes.
const (
	AuthAuto    AuthMode = iota // PLAIN if the server offers it, else LOGIN
	AuthPlain                   // RFC 4616
	AuthLogin                   // two prompts; older Exchange servers offer nothing else
	AuthXOAuth2                 // an access token instead of a password; Exchange Online
)

// String returns the mode as it is written in the URL.
func (m AuthMode) String() string {
	return [...]string{"auto", "plain", "login", "xoauth2"}[m]
}

// Config says where and how mail is sent. It comes from Parse. However it is printed, logged or encoded, also as a part
// of something else, the password does not show.
type Config struct {
	Host    string
	Port    int
	TLS     TLSMode
	Auth    AuthMode
	User    string         // empty: no login
	Timeout time.Duration  // for one mail, from dialling to the server's word
	Hello   string         // the name that is said in EHLO; empty: the domain of the mail's sender
	RootCAs *x509.CertPool // nil: those of the system

	// Audience is whom the token of AuthXOAuth2 is for, without /.default; empty if the URL does not say.
	Audience string
	// Token gets that token; required with AuthXOAuth2. It is called for every mail, so it should keep tokens. An error
	// may say by a method RetryIn() (time.Duration, bool) whether trying again can help.
	Token func(ctx context.Context) (string, error)

	password func() string // a function, because fmt prints the content of every other kind of unexported field
}

// String returns the URL of the server with the password hidden.
func (c Config) String() string {
	u := url.URL{Scheme: "smtp", Host: c.address()}
	switch {
	case c.User != "" && c.Auth == AuthXOAuth2:
		u.User = url.User(c.User)
	case c.User != "":
		u.User = url.UserPassword(c.User, "hidden")
	}
	values := url.Values{
		"tls":     {c.TLS.String()},
		"auth":    {c.Auth.String()},
		"timeout": {c.Timeout.String()},
	}
	for name, value := range map[string]string{"audience": c.Audience, "hello": c.Hello} {
		if value != "" {
			values.Set(name, value)
		}
	}
	u.RawQuery = values.Encode()
	return u.String()
}

// Format prints String for every verb.
func (c Config) Format(f fmt.State, _ rune) {
	fmt.Fprint(f, c.String())
}

// LogValue returns String.
func (c Config) LogValue() slog.Value {
	return slog.StringValue(c.String())
}

// MarshalJSON returns String as a JSON string.
func (c Config) MarshalJSON() ([]byte, error) {
	return json.Marshal(c.String())
}

func (c Config) address() string {
	return net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
}

func (c Config) secret() string {
	if c.password == nil {
		return ""
	}
	return c.password()
}
