package mail

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"cordon/local/smtpsink"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// certificate makes one for 127.0.0.1 that signs itself, and the pool that trusts it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		MinVersion:   tls.VersionTLS12,
	}, pool
}

// serve starts a sink and returns it with its port.
func serve(t *testing.T, o smtpsink.Options) (*smtpsink.Sink, int) {
	t.Helper()
	s := smtpsink.New(o)
	addr, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, addr.(*net.TCPAddr).Port
}

// sender makes a Sender from a URL in which PORT stands for the port.
func sender(t *testing.T, url string, port int, roots *x509.CertPool) *Sender {
	t.Helper()
	c, err := Parse(strings.ReplaceAll(url, "PORT", fmt.Sprint(port)))
	if err != nil {
		t.Fatal(err)
	}
	c.RootCAs = roots
	return New(c)
}

const plainURL = "smtp://127.0.0.1:PORT?tls=none"

// failed checks that an error is an *Error that shows no secret and no mailbox, and returns it.
func failed(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v; want an *Error", err)
	}
	for _, hidden := range []string{
		secret, base64.StdEncoding.EncodeToString([]byte(secret)), "soc@", "ops@", "cordon@",
	} {
		if strings.Contains(err.Error(), hidden) || strings.Contains(fmt.Sprintf("%+v", errors.Unwrap(err)), hidden) {
			t.Errorf("%q shows in %v", hidden, err)
		}
	}
	return e
}

func TestAMailArrivesOverEveryKindOfConnection(t *testing.T) {
	config, roots := certificate(t)
	login := func(o smtpsink.Options) smtpsink.Options {
		o.Username, o.Password = "cordon@contoso.com", secret
		return o
	}
	const user = "cordon@contoso.com:" + secret + "@"
	for _, c := range []struct {
		name, url string
		server    smtpsink.Options
	}{
		{"STARTTLS and PLAIN", "smtp://" + user + "127.0.0.1:PORT?auth=plain", login(smtpsink.Options{TLS: config})},
		{"STARTTLS and LOGIN", "smtp://" + user + "127.0.0.1:PORT?auth=login", login(smtpsink.Options{TLS: config})},
		{
			"STARTTLS and what is offered", "smtp://" + user + "127.0.0.1:PORT",
			login(smtpsink.Options{TLS: config, Mechanisms: []string{"LOGIN"}}),
		},
		{"STARTTLS without login", "smtp://127.0.0.1:PORT", smtpsink.Options{TLS: config}},
		{
			"implicit TLS and PLAIN", "smtps://" + user + "127.0.0.1:PORT",
			login(smtpsink.Options{TLS: config, ImplicitTLS: true}),
		},
		{
			"implicit TLS and LOGIN", "smtp://" + user + "127.0.0.1:PORT?tls=implicit&auth=login",
			login(smtpsink.Options{TLS: config, ImplicitTLS: true}),
		},
		{"no TLS to loopback", plainURL, smtpsink.Options{}},
		{"no TLS and PLAIN to loopback", "smtp://" + user + "127.0.0.1:PORT?tls=none", login(smtpsink.Options{})},
		{
			"no TLS and LOGIN to loopback", "smtp://" + user + "127.0.0.1:PORT?tls=none&auth=login",
			login(smtpsink.Options{}),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink, port := serve(t, c.server)
			m := good()
			if err := sender(t, c.url, port, roots).Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			mails := sink.Mails()
			if len(mails) != 1 {
				t.Fatalf("%d mails arrived", len(mails))
			}
			got := mails[0]
			want := smtpsink.Mail{
				N:         1,
				From:      "cordon@contoso.com",
				To:        []string{"soc@contoso.com", "ops@fabrikam.com"},
				MessageID: m.ID,
				InReplyTo: m.InReplyTo,
				Subject:   m.Subject,
				Text:      m.Text,
				HTML:      m.HTML,
			}
			got.At, got.Header, got.Raw = time.Time{}, nil, nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("mail differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTroubleNamesItsStepAndWhetherALaterTryCanHelp(t *testing.T) {
	config, roots := certificate(t)
	const user = "smtp://cordon:" + secret + "@127.0.0.1:PORT"
	locked := smtpsink.Options{TLS: config, Username: "cordon", Password: "another"}
	for _, c := range []struct {
		name, url string
		server    smtpsink.Options
		faults    func(*smtpsink.Sink)
		roots     *x509.CertPool
		op        string
		code      int
		temporary bool
		says      string
	}{
		{
			"wrong password, PLAIN", user + "?auth=plain", locked, nil, roots, OpLogin, 535, false,
			"check user and password",
		},
		{
			"wrong password, LOGIN", user + "?auth=login", locked, nil, roots, OpLogin, 535, false,
			"check user and password",
		},
		{
			"unknown CA, STARTTLS", "smtp://127.0.0.1:PORT", smtpsink.Options{TLS: config}, nil, nil, OpTLS, 0, false,
			"certificate is not trusted",
		},
		{
			"unknown CA, implicit", "smtps://127.0.0.1:PORT", smtpsink.Options{TLS: config, ImplicitTLS: true}, nil,
			nil, OpTLS, 0, false, "certificate is not trusted",
		},
		{
			"no STARTTLS though required", user, smtpsink.Options{Username: "cordon", Password: secret}, nil, roots,
			OpTLS, 0, false, "offers no STARTTLS",
		},
		{
			"login method not offered", user + "?auth=plain",
			smtpsink.Options{TLS: config, Username: "cordon", Password: secret, Mechanisms: []string{"LOGIN"}},
			nil, roots, OpLogin, 0, false, `auth=plain, the server offers "LOGIN"`,
		},
		{
			"login required", plainURL, smtpsink.Options{Username: "cordon", Password: secret}, nil, nil, OpSender, 530,
			false, "530",
		},
		{"451 after the content", plainURL, smtpsink.Options{}, func(s *smtpsink.Sink) {
			s.FailNext(1, 451)
		}, nil, OpConfirm, 451, true, "451"},
		{"554 after the content", plainURL, smtpsink.Options{}, func(s *smtpsink.Sink) {
			s.FailNext(1, 554)
		}, nil, OpConfirm, 554, false, "554"},
		{"connection lost after the content", plainURL, smtpsink.Options{}, func(s *smtpsink.Sink) {
			s.CloseAfterData(1)
		}, nil, OpConfirm, 0, true, "may have taken the mail"},
		{"nobody listens", plainURL, smtpsink.Options{}, func(s *smtpsink.Sink) {
			s.Close()
		}, nil, OpConnect, 0, true, "refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink, port := serve(t, c.server)
			if c.faults != nil {
				c.faults(sink)
			}
			e := failed(t, sender(t, c.url, port, c.roots).Send(t.Context(), good()))
			if e.Op != c.op || e.Code != c.code || e.Temporary() != c.temporary || e.Delivered() ||
				!strings.Contains(e.Error(), c.says) {
				t.Errorf("got op %s, code %d, temporary %t: %v\nwant op %s, code %d, temporary %t and %q", e.Op, e.Code,
					e.Temporary(), e, c.op, c.code, c.temporary, c.says)
			}
			var reply *textproto.Error
			if errors.As(e, &reply) != (c.code != 0) || (c.code != 0 && reply.Code != c.code) {
				t.Errorf("the cause is %v; want the server's answer exactly if there was one", e.Unwrap())
			}
			if c.op != OpConfirm && len(sink.Mails()) != 0 {
				t.Error("a mail arrived")
			}
		})
	}
}

// reject makes a sink's RejectRecipient from codes by mailbox name.
func reject(codes map[string]int) func(string) error {
	return func(to string) error {
		name, _, _ := strings.Cut(to, "@")
		if code := codes[name]; code != 0 {
			return &smtp.SMTPError{
				Code:         code,
				EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1},
				Message:      "<" + to + "> is not to be had",
			}
		}
		return nil
	}
}

func TestARefusedRecipientDoesNotKeepTheMailFromTheOthers(t *testing.T) {
	for _, c := range []struct {
		name      string
		codes     map[string]int
		arrived   []string
		code      int
		temporary bool
		refused   []int
		says      string
	}{
		{
			"one of two", map[string]int{"soc": 550}, []string{"ops@fabrikam.com"}, 550, false, []int{0},
			"1 of 2 refused, at contoso.com",
		},
		{
			"one of two for now", map[string]int{"ops": 451}, []string{"soc@contoso.com"}, 451, true, []int{1},
			"1 of 2 refused, at fabrikam.com",
		},
		{
			"all for ever", map[string]int{"soc": 550, "ops": 551}, nil, 550, false, []int{0, 1},
			"2 of 2 refused, at contoso.com, fabrikam.com",
		},
		{
			"all, one of them for now", map[string]int{"soc": 550, "ops": 452}, nil, 452, true, []int{0, 1},
			"2 of 2 refused, at contoso.com, fabrikam.com",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink, port := serve(t, smtpsink.Options{RejectRecipient: reject(c.codes)})
			e := failed(t, sender(t, plainURL, port, nil).Send(t.Context(), good()))
			var arrived []string
			for _, m := range sink.Mails() {
				arrived = append(arrived, m.To...)
			}
			if diff := cmp.Diff(c.arrived, arrived); diff != "" {
				t.Errorf("arrived at (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.refused, e.Refused); diff != "" {
				t.Errorf("refused positions (-want +got):\n%s", diff)
			}
			if e.Op != OpRecipients || e.Code != c.code || e.Temporary() != c.temporary ||
				e.Accepted != len(c.arrived) || e.Delivered() != (len(c.arrived) > 0) ||
				!strings.Contains(e.Error(), c.says) {
				t.Errorf("got op %s, code %d, temporary %t, accepted %d: %v; want code %d, temporary %t and %q", e.Op,
					e.Code, e.Temporary(), e.Accepted, e, c.code, c.temporary, c.says)
			}
		})
	}
}

func TestAMailThatIsNotTakenAfterRefusalsCountsForNobody(t *testing.T) {
	sink, port := serve(t, smtpsink.Options{RejectRecipient: reject(map[string]int{"soc": 550})})
	sink.FailNext(1, 451)
	e := failed(t, sender(t, plainURL, port, nil).Send(t.Context(), good()))
	if e.Op != OpConfirm || e.Delivered() || !e.Temporary() {
		t.Errorf("got %v, delivered %t; want the 451 of the content", e, e.Delivered())
	}
}

func TestTheEndOfTheContextEndsSendingAtOnce(t *testing.T) {
	reached, release := make(chan struct{}), make(chan struct{})
	_, port := serve(t, smtpsink.Options{Reject: func(string, []string, int) error {
		close(reached)
		<-release
		return nil
	}})
	defer close(release)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the host is shutting down")
	go func() {
		<-reached // the content is with the server, its answer is not
		cancel(reason)
	}()
	e := failed(t, sender(t, plainURL, port, nil).Send(ctx, good()))
	if e.Op != OpConfirm || !errors.Is(e, reason) || !e.Temporary() || !strings.Contains(e.Error(), "may have taken") {
		t.Errorf("got %v; want the context's cause at %s", e, OpConfirm)
	}
}

// hangUp as the last line of a script ends the connection; any other end is silence.
const hangUp = "hang up"

// script is a server that says given lines: one at the start, then one for everything it hears. The channel is closed
// when it has said its last line and heard one more thing.
func script(t *testing.T, lines ...string) (port int, silent <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done, quiet := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if play(textproto.NewConn(conn), lines) {
			close(quiet)
			_, _ = io.Copy(io.Discard, conn)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().(*net.TCPAddr).Port, quiet
}

// play says the lines and reports whether the connection is still there.
func play(text *textproto.Conn, lines []string) bool {
	for _, line := range lines {
		if line == hangUp || text.PrintfLine("%s", line) != nil {
			return false
		}
		if strings.HasPrefix(line, "354") {
			if _, err := text.ReadDotBytes(); err != nil {
				return false
			}
		} else if _, err := text.ReadLine(); err != nil {
			return false
		}
	}
	return true
}

func TestASilentServerIsLeftWhenTheContextEnds(t *testing.T) {
	for op, lines := range map[string][]string{
		OpGreeting: {"220 here"},
		OpSender:   {"220 here", "250 localhost"},
		OpData:     {"220 here", "250 localhost", "250 ok", "250 ok", "250 ok"},
	} {
		port, silent := script(t, lines...)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-silent
			cancel()
		}()
		e := failed(t, sender(t, plainURL, port, nil).Send(ctx, good()))
		if e.Op != op || !errors.Is(e, context.Canceled) || !e.Temporary() {
			t.Errorf("got %v; want the end of the context at %s", e, op)
		}
	}
}

func TestASilentServerIsLeftAfterTheTimeoutOfTheURL(t *testing.T) {
	port, _ := script(t, "220 here")
	s := sender(t, plainURL, port, nil)
	s.cfg.Timeout = 20 * time.Millisecond // shorter than a URL may ask for
	e := failed(t, s.Send(t.Context(), good()))
	if !errors.Is(e, context.DeadlineExceeded) || !e.Temporary() {
		t.Errorf("got %v; want a temporary error for the deadline", e)
	}
}

func TestTroubleAfterTheServersWordIsNoTrouble(t *testing.T) {
	port, _ := script(t, "220 here", "250 localhost", "250 ok", "250 ok", "250 ok", "354 go on", "250 taken", hangUp)
	if err := sender(t, plainURL, port, nil).Send(t.Context(), good()); err != nil {
		t.Errorf("the mail was taken, but Send says %v", err)
	}
}

func TestWhatTheServerSaysIsCleanedOfSecretsMailboxesAndControls(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	for _, said := range []string{
		"535 no login with " + secret,
		"535 no login with " + b64([]byte("\x00cordon\x00"+secret)),
		"535 no login with " + b64([]byte(secret)),
		"535 no login for <soc@contoso.com>, ops@fabrikam.com\x1b[31m",
		"334 " + b64([]byte(secret)),
	} {
		port, _ := script(t, "220 here", "250-localhost\r\n250 AUTH PLAIN", said, "501 no", "221 bye")
		e := failed(t,
			sender(t, "smtp://cordon:"+secret+"@127.0.0.1:PORT?tls=none", port, nil).Send(t.Context(), good()))
		if e.Op != OpLogin || strings.Contains(e.Error(), "\x1b") {
			t.Errorf("got %q; want a clean login error", e)
		}
	}
}

func TestAServerThatIsUnwellOrTurnsUsAwayIsReportedWithItsCode(t *testing.T) {
	for _, c := range []struct {
		lines     []string
		op        string
		code      int
		temporary bool
	}{
		{[]string{"554 go away"}, OpGreeting, 554, false},
		{[]string{"421 too many connections"}, OpGreeting, 421, true},
		{[]string{"nonsense"}, OpGreeting, 0, true},
		{[]string{"220 here", "250 localhost", "452 full"}, OpSender, 452, true},
		{[]string{"220 here", "250 localhost", "250 ok", "421 closing"}, OpRecipients, 421, true},
		{[]string{"220 here", "250 localhost", "250 ok", "250 ok", "250 ok", "554 no data"}, OpData, 554, false},
	} {
		port, _ := script(t, append(c.lines, "221 bye")...)
		e := failed(t, sender(t, plainURL, port, nil).Send(t.Context(), good()))
		if e.Op != c.op || e.Code != c.code || e.Temporary() != c.temporary || e.Delivered() {
			t.Errorf("after %q: op %s, code %d, temporary %t; want %s, %d, %t", c.lines, e.Op, e.Code, e.Temporary(),
				c.op, c.code, c.temporary)
		}
	}
}
