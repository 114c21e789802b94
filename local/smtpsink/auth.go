package smtpsink

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const (
	plain   = sasl.Plain
	login   = sasl.Login
	xoauth2 = "XOAUTH2"
)

// AuthMechanisms lists what EHLO offers; nothing without a user.
func (s *session) AuthMechanisms() []string {
	if !s.sink.opts.locked() {
		return nil
	}
	return s.sink.opts.Mechanisms
}

// Auth begins a login.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	for _, offered := range s.AuthMechanisms() {
		switch {
		case mechanism != offered:
		case mechanism == plain:
			return sasl.NewPlainServer(func(_, user, password string) error { return s.check(user, password) }), nil
		case mechanism == login:
			return &loginServer{check: s.check}, nil
		case mechanism == xoauth2:
			return &tokenServer{check: s.checkToken}, nil
		}
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

func (s *session) check(user, password string) error {
	o := s.sink.opts
	want, got := sha256.Sum256([]byte(o.Username+"\x00"+o.Password)), sha256.Sum256([]byte(user+"\x00"+password))
	if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
		return smtp.ErrAuthFailed
	}
	s.authed = true
	return nil
}

// loginServer is the server's side of LOGIN: it asks for the user, then for the password.
type loginServer struct {
	check func(user, password string) error
	step  int
	user  string
}

// Next answers one response of the client with the next question.
func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	l.step++
	switch {
	case l.step == 1 && len(response) == 0:
		return []byte("Username:"), false, nil
	case l.step == 1: // the client sent the user along
		l.step++
		fallthrough
	case l.step == 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	case l.step == 3:
		return nil, true, l.check(l.user, string(response))
	}
	return nil, false, sasl.ErrUnexpectedClientResponse
}

func (s *session) checkToken(user, token string) error {
	verify := s.sink.opts.VerifyToken
	if verify == nil || verify(user, token) != nil {
		return smtp.ErrAuthFailed
	}
	s.authed = true
	return nil
}

// tokenServer is the server's side of XOAUTH2 (https://developers.google.com/gmail/imap/xoauth2-protocol, and
// "Authenticate an IMAP, POP or SMTP connection using OAuth" on learn.microsoft.com): user and token in the first
// response; a refusal is said as a challenge, which the client answers with nothing.
type tokenServer struct {
	check  func(user, token string) error
	failed error
}

// Next answers one response of the client.
func (s *tokenServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if s.failed != nil {
		return nil, true, s.failed
	}
	user, rest, _ := strings.Cut(strings.TrimPrefix(string(response), "user="), "\x01")
	token, end, ok := strings.Cut(strings.TrimPrefix(rest, "auth=Bearer "), "\x01")
	if !ok || end != "\x01" || !strings.HasPrefix(string(response), "user=") ||
		!strings.HasPrefix(rest, "auth=Bearer ") {
		return nil, false, sasl.ErrUnexpectedClientResponse
	}
	if s.failed = s.check(user, token); s.failed != nil {
		return []byte(`{"status":"400","schemes":"Bearer","scope":"https://outlook.office365.com/.default"}`), false,
			nil
	}
	return nil, true, nil
}
