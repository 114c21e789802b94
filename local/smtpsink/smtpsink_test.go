package smtpsink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"net/smtp"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	server "github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t *testing.T, s *Sink) string {
	t.Helper()
	addr, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return addr.String()
}

const (
	sender    = "cordon@example.com"
	recipient = "soc@example.com"
)

// send hands a mail to the server at addr over a plain connection.
func send(addr, content string, to ...string) error {
	if len(to) == 0 {
		to = []string{recipient}
	}
	return smtp.SendMail(addr, nil, sender, to, []byte(strings.ReplaceAll(content, "\n", "\r\n")))
}

func numbered(n int) string {
	return fmt.Sprintf("Subject: mail %d\nMessage-ID: <%d@example.com>\n\nbody %d\n", n, n, n)
}

func subjects(mails []Mail) []string {
	var all []string
	for _, m := range mails {
		all = append(all, m.Subject)
	}
	return all
}

func code(err error) int {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return reply.Code
	}
	return 0
}

func TestATakenMailIsKeptAsSentAndAsParsed(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	s := New(Options{Now: func() time.Time { return at }})
	addr := listen(t, s)
	content := "Subject: =?utf-8?q?Isolated=3A_m=C3=BCnchen-01?=\nMessage-ID: <two@example.com>\nIn-Reply-To: " +
		"<one@example.com>\n" +
		"Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain; " +
		"charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" +
		"gr=C3=BC=\n=C3=9Fe\n.dot\n--b\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: " +
		"base64\n\nPGI+aGk8L2I+\n--b--\n"
	if err := send(addr, content, recipient, "ops@example.com"); err != nil {
		t.Fatal(err)
	}
	mails, err := s.Wait(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	got := mails[0]
	if want := strings.ReplaceAll(content, "\n", "\r\n"); string(got.Raw) != want {
		t.Errorf("source differs (-want +got):\n%s", cmp.Diff(want, string(got.Raw)))
	}
	if h := got.Header.Get("Content-Type"); h != "multipart/alternative; boundary=b" {
		t.Errorf("header Content-Type is %q", h)
	}
	got.Raw, got.Header = nil, nil
	want := Mail{
		N:         1,
		At:        at,
		From:      sender,
		To:        []string{recipient, "ops@example.com"},
		MessageID: "two@example.com",
		InReplyTo: "one@example.com",
		Subject:   "Isolated: münchen-01",
		Text:      "grüße\n.dot",
		HTML:      "<b>hi</b>",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mail differs (-want +got):\n%s", diff)
	}
}

func TestFaultsHitTheNextMailsAndNoOthers(t *testing.T) {
	for _, c := range []struct {
		name   string
		set    func(*Sink)
		answer func(error) bool
		kept   []string
	}{
		{"dropped mails are answered as taken", func(s *Sink) {
			s.DropNext(2)
		}, func(err error) bool { return err == nil }, []string{"mail 3"}},
		{"failed mails are answered with the code", func(s *Sink) {
			s.FailNext(2, 451)
		}, func(err error) bool { return code(err) == 451 }, []string{"mail 3"}},
		{"a broken connection leaves the mail recorded", func(s *Sink) { s.CloseAfterData(2) },
			func(err error) bool { return err != nil && code(err) == 0 }, []string{"mail 1", "mail 2", "mail 3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(Options{})
			addr := listen(t, s)
			c.set(s)
			for n := 1; n <= 2; n++ {
				if err := send(addr, numbered(n)); !c.answer(err) {
					t.Errorf("mail %d was answered %v", n, err)
				}
			}
			if err := send(addr, numbered(3)); err != nil {
				t.Errorf("mail 3, past the fault, was answered %v", err)
			}
			if diff := cmp.Diff(c.kept, subjects(s.Mails())); diff != "" {
				t.Errorf("kept mails differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRejectSeesSenderRecipientsAndCountAndItsCodeIsAnswered(t *testing.T) {
	var seen []string
	s := New(Options{
		Reject: func(from string, to []string, n int) error {
			seen = append(seen, fmt.Sprintf("%d %s %s", n, from, to))
			if n == 1 {
				return &server.SMTPError{Code: 552, EnhancedCode: server.EnhancedCode{5, 3, 4}, Message: "too big"}
			}
			return nil
		},
		RejectRecipient: func(to string) error {
			if strings.HasPrefix(to, "gone@") {
				return &server.SMTPError{Code: 550, EnhancedCode: server.EnhancedCode{5, 1, 1}, Message: "no such user"}
			}
			return nil
		},
	})
	addr := listen(t, s)
	answers := []int{
		code(send(addr, numbered(1))), code(send(addr, numbered(2))), code(send(addr, numbered(3), "gone@example.com")),
	}
	if diff := cmp.Diff([]int{552, 0, 550}, answers); diff != "" {
		t.Errorf("answers differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"1 cordon@example.com [soc@example.com]", "2 cordon@example.com [soc@example.com]"},
		seen); diff != "" {
		t.Errorf("Reject saw (-want +got):\n%s", diff)
	}
}

func TestLoginIsAskedForAndChecked(t *testing.T) {
	for _, c := range []struct {
		name       string
		mechanisms []string
		auth       smtp.Auth
		want       int
	}{
		{"right password", nil, smtp.PlainAuth("", "cordon", "right", "127.0.0.1"), 0},
		{"wrong password", nil, smtp.PlainAuth("", "cordon", "wrong", "127.0.0.1"), 535},
		{"LOGIN with the right password", []string{"LOGIN"}, loginAuth{"cordon", "right"}, 0},
		{"LOGIN with the wrong password", []string{"LOGIN"}, loginAuth{"cordon", "wrong"}, 535},
		{"a mechanism that is not offered", []string{"LOGIN"}, smtp.PlainAuth("", "cordon", "right", "127.0.0.1"), 504},
		{"no login", nil, nil, 530},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(Options{Username: "cordon", Password: "right", Mechanisms: c.mechanisms})
			addr := listen(t, s)
			err := smtp.SendMail(addr, c.auth, sender, []string{recipient}, []byte("Subject: x\r\n\r\n"))
			if code(err) != c.want || len(s.Mails()) != map[bool]int{true: 1}[c.want == 0] {
				t.Errorf("answer %v, %d mails; want code %d", err, len(s.Mails()), c.want)
			}
		})
	}
}

// loginAuth is the client's side of LOGIN.
type loginAuth struct{ user, password string }

func (a loginAuth) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

func (a loginAuth) Next(question []byte, more bool) ([]byte, error) {
	switch {
	case !more:
		return nil, nil
	case string(question) == "Username:":
		return []byte(a.user), nil
	case string(question) == "Password:":
		return []byte(a.password), nil
	}
	return nil, fmt.Errorf("unexpected question %q", question)
}

// tokenAuth is the client's side of XOAUTH2.
type tokenAuth struct{ user, token, told string }

func (a *tokenAuth) Start(*smtp.ServerInfo) (string, []byte, error) {
	return "XOAUTH2", []byte("user=" + a.user + "\x01auth=Bearer " + a.token + "\x01\x01"), nil
}

func (a *tokenAuth) Next(question []byte, more bool) ([]byte, error) {
	if more {
		a.told = string(question)
		return []byte{}, nil
	}
	return nil, nil
}

func TestATokenLetsItsUserIn(t *testing.T) {
	for _, c := range []struct {
		name, user, token string
		want              int
		told              string
	}{
		{"right", "cordon@example.com", "good", 0, ""},
		{"another user", "ceo@example.com", "good", 535, `"status":"400"`},
		{"another token", "cordon@example.com", "bad", 535, `"status":"400"`},
		{"nonsense", "cordon@example.com\x01", "good", 535, ""},
	} {
		s := New(Options{VerifyToken: func(user, token string) error {
			if user != "cordon@example.com" || token != "good" {
				return errors.New("no")
			}
			return nil
		}})
		auth := &tokenAuth{user: c.user, token: c.token}
		err := smtp.SendMail(listen(t, s), auth, sender, []string{recipient}, []byte("Subject: x\r\n\r\n"))
		if got := code(err); got != c.want && (c.name != "nonsense" || got < 400) ||
			!strings.Contains(auth.told, c.told) || len(s.Mails()) != map[bool]int{true: 1}[c.want == 0] {
			t.Errorf("%s: answer %v, told %q, %d mails; want code %d", c.name, err, auth.told, len(s.Mails()), c.want)
		}
	}
	s := New(Options{VerifyToken: func(string, string) error { return nil }})
	if err := smtp.SendMail(listen(t, s), nil, sender, []string{recipient},
		[]byte("Subject: x\r\n\r\n")); code(err) != 530 {
		t.Errorf("no login: %v", err)
	}
}

func TestWithTLSLoginIsOfferedOnlyBehindIt(t *testing.T) {
	https := httptest.NewTLSServer(nil) // only for its certificate
	defer https.Close()
	s := New(Options{Username: "cordon", Password: "right", TLS: &tls.Config{Certificates: https.TLS.Certificates}})
	addr := listen(t, s)
	client, err := smtp.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if offered, _ := client.Extension("AUTH"); offered {
		t.Error("AUTH is offered before STARTTLS")
	}
	roots := x509.NewCertPool()
	roots.AddCert(https.Certificate())
	if err := client.StartTLS(&tls.Config{RootCAs: roots, ServerName: "example.com"}); err != nil {
		t.Fatal(err)
	}
	if _, offer := client.Extension("AUTH"); offer != "PLAIN LOGIN" {
		t.Errorf("behind STARTTLS the offer is %q; want PLAIN LOGIN", offer)
	}
}

func TestWaitReturnsWhenEnoughMailsCameAndSaysHowManyAreMissing(t *testing.T) {
	s := New(Options{})
	addr := listen(t, s)
	var senders sync.WaitGroup
	for n := range 5 {
		senders.Go(func() {
			if err := send(addr, numbered(n)); err != nil {
				t.Error(err)
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if mails, err := s.Wait(ctx, 5); err != nil || len(mails) != 5 {
		t.Errorf("waiting for 5 mails gave %d, %v", len(mails), err)
	}
	senders.Wait()
	over, stop := context.WithCancel(t.Context())
	stop()
	if mails, err := s.Wait(over, 6); !errors.Is(err, context.Canceled) || len(mails) != 5 ||
		!strings.Contains(err.Error(), "6 mails, have 5") {
		t.Errorf("waiting for a mail that never comes gave %d, %v", len(mails), err)
	}
}

func TestAClosedSinkTakesNothingAndKeepsWhatItHas(t *testing.T) {
	s := New(Options{})
	addr := listen(t, s)
	if err := send(addr, numbered(1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	var refused *net.OpError
	if err := send(addr, numbered(2)); !errors.As(err, &refused) {
		t.Errorf("a closed sink answered %v", err)
	}
	if _, err := s.Listen("127.0.0.1:0"); !errors.Is(err, server.ErrServerClosed) {
		t.Errorf("listening again gave %v", err)
	}
	if got := subjects(s.Mails()); len(got) != 1 {
		t.Errorf("kept %v; want mail 1", got)
	}
}
