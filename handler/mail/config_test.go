package mail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
)

const secret = "p4ssw0rd-of-the-server"

func TestParseReadsWhatTheURLSays(t *testing.T) {
	for _, c := range []struct {
		url      string
		want     Config
		password string
	}{
		{"smtp://mail.contoso.com", Config{Host: "mail.contoso.com", Port: 587, Timeout: DefaultTimeout}, ""},
		{"smtp://mail.contoso.com:25/", Config{Host: "mail.contoso.com", Port: 25, Timeout: DefaultTimeout}, ""},
		{
			"smtps://mail.contoso.com",
			Config{Host: "mail.contoso.com", Port: 465, TLS: Implicit, Timeout: DefaultTimeout}, "",
		},
		{
			"smtps://mail.contoso.com?tls=implicit",
			Config{Host: "mail.contoso.com", Port: 465, TLS: Implicit, Timeout: DefaultTimeout}, "",
		},
		{
			"smtp://mail.contoso.com?tls=implicit&timeout=90s",
			Config{Host: "mail.contoso.com", Port: 465, TLS: Implicit, Timeout: 90 * time.Second}, "",
		},
		{
			"smtp://localhost:1025?tls=none",
			Config{Host: "localhost", Port: 1025, TLS: NoTLS, Timeout: DefaultTimeout}, "",
		},
		{"smtp://[::1]?tls=none", Config{Host: "::1", Port: 25, TLS: NoTLS, Timeout: DefaultTimeout}, ""},
		{
			"smtp://u:p@mail.contoso.com?auth=login&tls=starttls",
			Config{Host: "mail.contoso.com", Port: 587, Auth: AuthLogin, User: "u", Timeout: DefaultTimeout}, "p",
		},
		{
			"smtp://jane@contoso.com:a@b:c@mail.contoso.com?auth=plain",
			Config{
				Host:    "mail.contoso.com",
				Port:    587,
				Auth:    AuthPlain,
				User:    "jane@contoso.com",
				Timeout: DefaultTimeout,
			}, "a@b:c",
		},
		{
			"smtp://jane@contoso.com@smtp.office365.com?auth=xoauth2",
			Config{
				Host:    "smtp.office365.com",
				Port:    587,
				Auth:    AuthXOAuth2,
				User:    "jane@contoso.com",
				Timeout: DefaultTimeout,
			}, "",
		},
		{"smtp://jane%40contoso.com@host?auth=xoauth2&audience=https://outlook.office365.us/.default",
			Config{
				Host:     "host",
				Port:     587,
				Auth:     AuthXOAuth2,
				User:     "jane@contoso.com",
				Audience: "https://outlook.office365.us",
				Timeout:  DefaultTimeout,
			}, ""},
		{
			"smtp://mail.contoso.com?hello=cordon.contoso.com",
			Config{Host: "mail.contoso.com", Port: 587, Timeout: DefaultTimeout, Hello: "cordon.contoso.com"}, "",
		},
		{
			"smtp://mail.contoso.com?hello=[192.0.2.1]",
			Config{Host: "mail.contoso.com", Port: 587, Timeout: DefaultTimeout, Hello: "[192.0.2.1]"}, "",
		},
		{
			"smtp://mail.contoso.com?hello=[IPv6:2001:db8::1]",
			Config{Host: "mail.contoso.com", Port: 587, Timeout: DefaultTimeout, Hello: "[IPv6:2001:db8::1]"}, "",
		},
		{
			"smtp://u:-._~!$&'()*+,;=:@@mail.contoso.com",
			Config{Host: "mail.contoso.com", Port: 587, User: "u", Timeout: DefaultTimeout}, "-._~!$&'()*+,;=:@",
		},
		{
			"smtp://u:%2F%3F%23%25%40%C3%A4@mail.contoso.com",
			Config{Host: "mail.contoso.com", Port: 587, User: "u", Timeout: DefaultTimeout}, "/?#%@ä",
		},
	} {
		got, err := Parse(c.url)
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if got.secret() != c.password {
			t.Errorf("%s: password is %q, want %q", c.url, got.secret(), c.password)
		}
		if got.String() != c.want.String() {
			t.Errorf("%s: is %s, want %s", c.url, got, c.want)
		}
	}
}

func TestAURLThatIsWrongIsRefusedByPartWithoutItsPassword(t *testing.T) {
	user := "smtp://user:" + secret
	for _, c := range []struct{ url, want string }{
		{"", "empty"},
		{secret, "must begin with smtp://"},
		{"https://user:" + secret + "@host", "must begin with smtp://"},
		{"user:" + secret + "@host:587", "must begin with smtp://"},
		{user + "@", "no host"},
		{user + "@:587", "no host"},
		{user + "@host:0", "port"},
		{user + "@host:65536", "port"},
		{user + "@host:port", "port"},
		{user + "@ho st", "blank"},
		{user + "\n@host", "line break"},
		{user + "%0A@host", "control character"},
		{user + "%zz@host", "percent-encoded"},
		{user + "/rest@host", "percent-encoded"},
		{user + "?rest@host", "percent-encoded"},
		{user + "#rest@host", "percent-encoded"},
		{user + "@real/" + secret + "@host", "percent-encoded"},
		{"smtp://host:" + secret, "percent-encoded"},
		{user + "@host/" + secret, "path"},
		{user + "@host#" + secret, "# part"},
		{user + "@host#", "# part"},
		{user + "@host?hello=", "hello=: give the domain name"},
		{user + "@host?hello=.", "give the domain name"},
		{user + "@host?hello=a%0D%0AMAIL", "give the domain name"},
		{user + "@host?hello=[contoso.com]", "give the domain name"},
		{user + "@host?hello=a_b%20c", "give the domain name"},
		{user + "@host?hello=[", "give the domain name"},
		{user + "@host?tls=maybe", "tls=maybe: give starttls, implicit or none"},
		{user + "@host?auth=ntlm", "auth=ntlm: give auto, plain, login or xoauth2"},
		{user + "@host?timeout=1h", "timeout=1h: give a time from 1s to 5m"},
		{user + "@host?timeout=soon", "timeout=soon"},
		{user + "@host?tls=starttls&tls=none", "given twice"},
		{user + "@host?" + secret + "=1", "none of tls, auth, timeout, audience and hello"},
		{user + "@host?tls=%zz", "cannot be read"},
		{user + "@host?tls=none", "loopback only, not for host"},
		{user + "@10.0.0.1?tls=none", "loopback only"},
		{"smtps://user:" + secret + "@host?tls=starttls", "exclude each other"},
		{user + "@münchen", "xn-- form"},
		{"smtp://user@host", "belong together"},
		{"smtp://:" + secret + "@host", "belong together"},
		{"smtp://host?auth=plain", "auth=plain without a user"},
		{"smtp://host?auth=xoauth2", "auth=xoauth2 without a user"},
		{"smtp://@host?auth=xoauth2", "needs the mailbox"},
		{user + "@host?auth=xoauth2", "needs no password"},
		{user + "@host?audience=https://outlook.office365.com", "only with auth=xoauth2"},
		{"smtp://jane@host?auth=xoauth2&audience=outlook", "audience=outlook: give the URI"},
		{"smtp://jane@host?auth=xoauth2&audience=http://outlook.office365.com", "give the URI"},
	} {
		got, err := Parse(c.url)
		if err == nil || !strings.HasPrefix(err.Error(), "SMTP URL: ") || !strings.Contains(err.Error(), c.want) ||
			strings.Contains(err.Error(), secret) {
			t.Errorf("%q: got %v, %v; want an error with %q and without the password", c.url, got, err, c.want)
		}
	}
}

func TestHoweverAConfigIsShownThePasswordStaysHidden(t *testing.T) {
	c, err := Parse("smtp://cordon:" + secret + "@mail.contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c, "in", struct{ C Config }{c})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "config", c, "sender", New(c))
	encoded, err := json.Marshal(map[string]any{"a": c, "b": &c})
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{c.String(), log.String(), string(encoded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, value := range []any{
			c, &c, New(c), *New(c), struct{ inner Config }{c}, []Config{c}, struct{ inner *Sender }{New(c)},
		} {
			shown = append(shown, fmt.Sprintf(verb, value))
		}
	}
	for _, s := range shown {
		if strings.Contains(s, secret) || strings.Contains(s, fmt.Sprintf("%x", secret)) {
			t.Errorf("the password shows in %q", s)
		}
	}
	const want = "smtp://cordon:hidden@mail.contoso.com:587?auth=auto&timeout=30s&tls=starttls"
	if c.String() != want ||
		string(encoded) != strings.ReplaceAll(`{"a":"X","b":"X"}`, "X", strings.ReplaceAll(want, "&", `\u0026`)) {
		t.Errorf("shown as %s and %s; want %s", c, encoded, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range [][2]string{
		{"", "@host:587"}, {"/x", "@host"}, {"?a=", "@host"}, {"#", "@host?tls=none"}, {"%", "@host"},
		{"@", "@host:1?tls="}, {"&tls=", "@host/"}, {"", ""},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, tail, rest string) {
		// Behind a host of its own the password would be no password; only what stands before the last @ is one.
		if strings.Contains(tail, "@") && !strings.Contains(rest, "@") {
			t.Skip()
		}
		const marker = "kBv7marker"
		c, err := Parse("smtp://user:" + marker + tail + marker + rest)
		if err != nil {
			if strings.Contains(err.Error(), marker) {
				t.Errorf("the error shows the password: %v", err)
			}
			return
		}
		if c.Host == "" || c.Port < 1 || c.Port > 65535 || c.Timeout <= 0 ||
			(c.User == "") != (c.secret() == "" && c.Auth != AuthXOAuth2) || (c.TLS == NoTLS && !loopback(c.Host)) {
			t.Errorf("accepted as %v", c)
		}
		if c.User != "" && strings.Contains(c.String(), marker) && !strings.Contains(c.User, marker) &&
			!strings.Contains(c.Host, marker) {
			t.Errorf("the password shows in %s", c)
		}
	})
}

// TestTheCharactersThatAreWrongAreNamedAndNoOthers has passwords as people write them.
func TestTheCharactersThatAreWrongAreNamedAndNoOthers(t *testing.T) {
	t.Parallel()
	for password, want := range map[string]string{
		"pa[ss]word":  "[ is %5B, ] is %5D",
		"pa^ssword":   "^ is %5E",
		"paßwort":     "ß is %C3%9F",
		"pa/ss?wo#rd": "/ is %2F, ? is %3F, # is %23",
		"pa%ss":       "% is %25",
		"pa%2":        "% is %25",
		"pa%%41":      "% is %25",
		"100%":        "% is %25",
		`pa"ss\word`:  `" is %22, \ is %5C`,
		"pa{ss}|`<>":  "{ is %7B, } is %7D, | is %7C, ` is %60, < is %3C, > is %3E",
		"[[[[":        "[ is %5B",
		"pa\xffss":    "a byte that is no UTF-8",
		"pa😀/":        "😀 is %F0%9F%98%80, / is %2F",
	} {
		_, err := Parse("smtp://cordon@contoso.com:" + password + "@smtp.contoso.com:587")
		if err == nil || err.Error() != "SMTP URL: user and password must be percent-encoded: "+want {
			t.Errorf("%q: %v, want %s", password, err, want)
		}
	}
	for _, b := range []byte("abcXYZ019-._~!$&'()*+,;=:@") {
		if _, err := Parse("smtp://cordon:pa" + string(b) + "ss@smtp.contoso.com:587"); err != nil {
			t.Errorf("%q: %v", b, err)
		}
	}
}

func FuzzPasswordThatIsEncodedIsTakenWhatever(f *testing.F) {
	for _, seed := range []string{"pa[ss]word", "paßwort", "%", "a/b?c#d@e:f", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, password string) {
		if password == "" || strings.ContainsFunc(password, unicode.IsControl) {
			return
		}
		c, err := Parse("smtp://u:" + strings.ReplaceAll(url.QueryEscape(password), "+", "%20") + "@host")
		if err != nil || c.secret() != password {
			t.Errorf("%q: %q, %v", password, c.secret(), err)
		}
	})
}
