package mail

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// DefaultTimeout is the time for one mail when the URL says nothing.
const DefaultTimeout = 30 * time.Second

// maxTimeout keeps one mail well inside the time that a function may run.
const maxTimeout = 5 * time.Minute

// The default ports: submission (RFC 6409), submission over TLS (RFC 8314), and plain SMTP.
const (
	portSubmission = 587
	portImplicit   = 465
	portPlain      = 25
)

// Parse reads a URL of the form
//
//	smtp://user:password@host:port?tls=starttls|implicit|none&auth=auto|plain|login&timeout=30s&hello=name
//	smtps://user:password@host
//	smtp://mailbox@host?auth=xoauth2&audience=https://outlook.office365.com
//
// User and password are percent-encoded where they hold anything but letters and digits of ASCII and - . _ ~ ! $ & ' (
// ) * + , ; = : @. smtps means tls=implicit. Without more, STARTTLS is required. tls=none is for loopback only.
// auth=xoauth2 logs in with an access token for the audience. hello is what EHLO says. An error names the part that is
// wrong and the way out. Of what may belong to the password it quotes no more than the characters that have to be
// encoded.
func Parse(rawURL string) (Config, error) {
	u, err := split(rawURL)
	if err != nil {
		return Config{}, fmt.Errorf("SMTP URL: %w", err)
	}
	c := Config{Timeout: DefaultTimeout}
	for _, part := range []func(*url.URL, *Config) error{hostOf, queryOf, tlsOf, portOf, userOf} {
		if err := part(u, &c); err != nil {
			return Config{}, fmt.Errorf("SMTP URL: %w", err)
		}
	}
	return c, nil
}

// split takes the URL apart. It looks for a password that is not encoded first, because then every later part may be a
// piece of the password.
func split(raw string) (*url.URL, error) {
	_, rest, found := strings.Cut(raw, "://")
	switch {
	case raw == "":
		return nil, errors.New("empty; write smtp://user:password@host:587")
	case !found || (!strings.HasPrefix(raw, "smtp://") && !strings.HasPrefix(raw, "smtps://")):
		return nil, errors.New("must begin with smtp:// or smtps://")
	case strings.ContainsFunc(raw, unicode.IsControl) || strings.Contains(raw, " "):
		return nil,
			errors.New("holds a blank, a line break or another control character; write it percent-encoded or take " +
				"it out")
	}
	at := strings.LastIndexByte(rest, '@')
	if at >= 0 {
		wrong := unencoded(rest[:at])
		if wrong != "" {
			return nil, fmt.Errorf("user and password must be percent-encoded: %s", wrong)
		}
	}
	u, err := url.Parse(raw)
	if err != nil { // not wrapped: it quotes the URL
		return nil,
			errors.New("host or port cannot be read: write smtp://user:password@host:587, where the port is a " +
				"number, user and password are percent-encoded and an @ follows them")
	}
	if u.Fragment != "" || strings.Contains(raw, "#") {
		return nil, errors.New("has a # part, which means nothing here; write # in a password as %23")
	}
	if u.Path != "" && u.Path != "/" {
		return nil, errors.New("has a path, which means nothing here; write / in a password as %2F")
	}
	return u, nil
}

// unencoded names the characters of user and password that do not stand for themselves in a URL, each with how it is
// written (RFC 3986, section 3.2.1); empty: there are none.
func unencoded(login string) string {
	var wrong []string
	for at, r := range login {
		known := r < unicode.MaxASCII && only(string(r), "-._~!$&'()*+,;=:@")
		if r == '%' {
			known = len(login) >= at+3 && isHex(login[at+1:at+3])
		}
		one := fmt.Sprintf("%c is %s", r, url.QueryEscape(string(r)))
		if r == utf8.RuneError {
			one = "a byte that is no UTF-8"
		}
		if !known && !slices.Contains(wrong, one) {
			wrong = append(wrong, one)
		}
	}
	return strings.Join(wrong, ", ")
}

func isHex(s string) bool {
	_, err := strconv.ParseUint(s, 16, 8)
	return err == nil && only(s, "")
}

func hostOf(u *url.URL, c *Config) error {
	c.Host = u.Hostname()
	if c.Host == "" {
		return errors.New("no host; write smtp://host:587")
	}
	if net.ParseIP(c.Host) == nil && (!only(c.Host, "-._") || len(c.Host) > 253) {
		return errors.New("the host must be a name of ASCII letters, digits, hyphens and dots or an IP address; " +
			"write an international name in its xn-- form")
	}
	return nil
}

func queryOf(u *url.URL, c *Config) error {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil { // not wrapped: it quotes the query
		return errors.New("the part behind ? cannot be read; write it as name=value&name=value")
	}
	c.TLS = StartTLS
	for name, all := range values {
		if len(all) != 1 {
			return errors.New("a parameter is given twice; give tls, auth, timeout, audience and hello once each")
		}
		if err := parameter(c, name, all[0]); err != nil {
			return err
		}
	}
	return nil
}

func parameter(c *Config, name, value string) error {
	switch name {
	case "tls":
		mode, ok := map[string]TLSMode{"starttls": StartTLS, "implicit": Implicit, "none": NoTLS}[value]
		if !ok {
			return fmt.Errorf("tls=%s: give starttls, implicit or none", cut(value, 40))
		}
		c.TLS = mode
	case "auth":
		mode, ok := map[string]AuthMode{
			"auto":    AuthAuto,
			"plain":   AuthPlain,
			"login":   AuthLogin,
			"xoauth2": AuthXOAuth2,
		}[value]
		if !ok {
			return fmt.Errorf("auth=%s: give auto, plain, login or xoauth2", cut(value, 40))
		}
		c.Auth = mode
	case "timeout":
		d, err := time.ParseDuration(value)
		if err != nil || d < time.Second || d > maxTimeout {
			return fmt.Errorf("timeout=%s: give a time from 1s to %s", cut(value, 40), maxTimeout)
		}
		c.Timeout = d
	case "audience":
		value = strings.TrimSuffix(value, "/.default")
		u, err := url.Parse(value)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil ||
			strings.ContainsAny(value, " ?#") {
			return fmt.Errorf("audience=%s: give the URI that the token is for, such as https://outlook.office365.com",
				cut(value, 80))
		}
		c.Audience = value
	case "hello":
		literal := strings.HasPrefix(value, "[") &&
			strings.HasSuffix(value, "]") &&
			net.ParseIP(strings.TrimPrefix(value[1:len(value)-1], "IPv6:")) != nil
		if !literal && !isDomain(value) {
			return fmt.Errorf("hello=%s: give the domain name that the server is to see, such as "+
				"cordon.contoso.com, or an address such as [192.0.2.1]", cut(value, 80))
		}
		c.Hello = value
	default:
		return errors.New("has a parameter that is none of tls, auth, timeout, audience and hello; take it out")
	}
	return nil
}

// isDomain reports whether a text can be said in EHLO as a domain name (RFC 5321, section 4.1.2).
func isDomain(s string) bool {
	return only(s, "-.") &&
		len(s) <= 253 &&
		strings.Trim(s, "-.") == s
}

func tlsOf(u *url.URL, c *Config) error {
	if u.Scheme == "smtps" {
		if u.Query().Has("tls") && c.TLS != Implicit {
			return fmt.Errorf("smtps and tls=%s exclude each other; write smtp with tls=%s, or smtps alone", c.TLS,
				c.TLS)
		}
		c.TLS = Implicit
	}
	if c.TLS == NoTLS && !loopback(c.Host) {
		return fmt.Errorf("tls=none is for loopback only, not for %s: passwords and alerts would be readable on the way",
			c.Host)
	}
	return nil
}

// loopback reports whether a host can only be this machine. What "localhost" really resolves to is checked when
// dialled.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || (ip != nil && ip.IsLoopback())
}

func portOf(u *url.URL, c *Config) error {
	text := u.Port()
	if text == "" {
		c.Port = map[TLSMode]int{StartTLS: portSubmission, Implicit: portImplicit, NoTLS: portPlain}[c.TLS]
		return nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return errors.New("the port must be a number from 1 to 65535")
	}
	c.Port = int(port)
	return nil
}

// tokenUser checks the user that logs in with a token.
func tokenUser(c *Config, password string) error {
	switch {
	case password != "":
		return errors.New("auth=xoauth2 logs in with a token and needs no password; write " +
			"smtp://mailbox@host?auth=xoauth2")
	case c.User == "" || strings.ContainsFunc(c.User, unicode.IsControl):
		return errors.New("auth=xoauth2 needs the mailbox as user; write smtp://mailbox@host?auth=xoauth2")
	}
	return nil
}

func userOf(u *url.URL, c *Config) error {
	if c.Audience != "" && c.Auth != AuthXOAuth2 {
		return errors.New("audience means something only with auth=xoauth2; take it out, or add auth=xoauth2")
	}
	if u.User == nil {
		if u.Query().Has("auth") {
			return fmt.Errorf("auth=%s without a user; write smtp://user:password@host (smtp://mailbox@host for "+
				"xoauth2) or take auth out", c.Auth)
		}
		return nil
	}
	password, _ := u.User.Password()
	c.User = u.User.Username()
	if c.Auth == AuthXOAuth2 {
		return tokenUser(c, password)
	}
	if c.User == "" || password == "" {
		return errors.New("user and password belong together; write smtp://user:password@host, or smtp://host " +
			"without a login")
	}
	if strings.ContainsFunc(c.User+password, unicode.IsControl) {
		return errors.New("user or password holds a control character")
	}
	c.password = func() string { return password }
	return nil
}
