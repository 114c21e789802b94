package mail

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"cordon/local/smtpsink"
)

// The token is as long as a secret in other tests, and failed looks for it too.
const tokenURL = "smtp://cordon@contoso.com@127.0.0.1:PORT?auth=xoauth2"

// noToken is the error of a source of tokens.
type noToken struct {
	wait  time.Duration
	again bool
}

func (n noToken) Error() string                  { return "entra: no token: set CORDON_CLIENT_SECRET" }
func (n noToken) RetryIn() (time.Duration, bool) { return n.wait, n.again }

func tokens(token string, err error) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, err }
}

func verify(user, token string) error {
	if user != "cordon@contoso.com" || token != secret {
		return errors.New("no")
	}
	return nil
}

func TestATokenIsAsGoodAsAPassword(t *testing.T) {
	config, roots := certificate(t)
	for _, o := range []smtpsink.Options{
		{TLS: config, VerifyToken: verify}, {TLS: config, VerifyToken: verify, Username: "other", Password: "password"},
	} {
		sink, port := serve(t, o)
		s := sender(t, tokenURL, port, roots)
		s.cfg.Token = tokens(secret, nil)
		for range 2 {
			if err := s.Send(t.Context(), good()); err != nil {
				t.Fatal(err)
			}
		}
		if mails := sink.Mails(); len(mails) != 2 || mails[0].MessageID != good().ID {
			t.Errorf("%d mails arrived", len(mails))
		}
	}
}

func TestTroubleWithATokenNamesTheWayOut(t *testing.T) {
	config, roots := certificate(t)
	for _, c := range []struct {
		name      string
		server    smtpsink.Options
		token     func(context.Context) (string, error)
		code      int
		temporary bool
		wait      time.Duration
		says      string
	}{
		{
			"the server refuses it", smtpsink.Options{VerifyToken: verify}, tokens("another-token", nil), 535, false, 0,
			"SMTP.SendAsApp",
		},
		{
			"the server takes passwords only", smtpsink.Options{Username: "cordon@contoso.com", Password: secret},
			tokens(secret, nil), 0, false, 0, `auth=xoauth2, the server offers "PLAIN LOGIN"`,
		},
		{
			"there is none", smtpsink.Options{VerifyToken: verify}, tokens("", noToken{0, false}), 0, false, 0,
			"CORDON_CLIENT_SECRET",
		},
		{
			"there is none for now", smtpsink.Options{VerifyToken: verify}, tokens("", noToken{time.Minute, true}), 0,
			true, time.Minute, "no token",
		},
		{
			"nobody has tokens", smtpsink.Options{VerifyToken: verify}, nil, 0, false, 0,
			"without anybody to get tokens from",
		},
	} {
		c.server.TLS = config
		sink, port := serve(t, c.server)
		s := sender(t, tokenURL, port, roots)
		s.cfg.Token = c.token
		e := failed(t, s.Send(t.Context(), good()))
		wait, again := e.RetryIn()
		if e.Op != OpLogin || e.Code != c.code || e.Temporary() != c.temporary || again != c.temporary ||
			wait != c.wait || !strings.Contains(e.Error(), c.says) || strings.Contains(e.Error(), "another-token") {
			t.Errorf("%s: got op %s, code %d, temporary %t, wait %v: %v; want code %d, temporary %t, wait %v and %q",
				c.name, e.Op, e.Code, e.Temporary(), wait, e, c.code, c.temporary, c.wait, c.says)
		}
		if len(sink.Mails()) != 0 {
			t.Errorf("%s: a mail arrived", c.name)
		}
	}
}

func TestWhatTheServerSaysIsCleanedOfTheToken(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	for _, said := range []string{
		"535 no login with " + secret,
		"535 no login with " + b64([]byte("user=cordon@contoso.com\x01auth=Bearer "+secret+"\x01\x01")),
		"334 " + b64([]byte(secret)),
	} {
		port, _ := script(t, "220 here", "250-localhost\r\n250 AUTH XOAUTH2", said, "535 no", "221 bye")
		s := sender(t, "smtp://cordon@contoso.com@127.0.0.1:PORT?tls=none&auth=xoauth2", port, nil)
		s.cfg.Token = tokens(secret, nil)
		if e := failed(t, s.Send(t.Context(), good())); e.Op != OpLogin || e.Code != 535 {
			t.Errorf("got %v; want the refused login", e)
		}
	}
}
