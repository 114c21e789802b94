// Package smtpsink is a mail server that keeps what it is sent instead of passing it on: a stand-in for a company's
// mail server, with switches for what such servers do wrong and a page to read the mails on.
package smtpsink

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"cordon/local/inbox"
)

// maxMail is the largest mail taken, in bytes.
const maxMail = 10 << 20

// Options are the settings of a Sink. The zero value is a plain server without login.
type Options struct {
	Now                func() time.Time // clock for Mail.At; nil: time.Now
	Inbox              *inbox.Inbox     // where mails are kept; nil: one of its own, with Now
	Username, Password string           // empty: no login is offered or asked for
	// PLAIN, LOGIN, XOAUTH2; empty: those that a password or VerifyToken is there for
	Mechanisms  []string
	TLS         *tls.Config // nil: no TLS; else STARTTLS is offered and login needs it
	ImplicitTLS bool        // TLS from the first byte instead of STARTTLS; needs TLS

	// VerifyToken lets a user log in with a token (XOAUTH2); an error: not. Nil: no tokens.
	VerifyToken func(user, token string) error

	// Reject refuses the n-th mail (from 1, refused ones counted) after its content; nil error: taken. An
	// *smtp.SMTPError is answered as it is, any other error as 554. It may block.
	Reject func(from string, to []string, n int) error
	// RejectHello refuses whoever says a name in EHLO or HELO; nil error: taken. Errors as with Reject, but any other
	// is 451.
	RejectHello func(name string) error
	// RejectRecipient refuses one recipient; nil error: taken. Errors as with Reject, but any other is 451.
	RejectRecipient func(to string) error
}

// locked says whether a login is asked for.
func (o Options) locked() bool { return o.Username != "" || o.VerifyToken != nil }

// Mail is one mail as it was taken.
type Mail = inbox.Mail

// Sink is the server; what it was sent is in its Inbox. It is safe for concurrent use.
type Sink struct {
	*inbox.Inbox
	opts   Options
	server *smtp.Server

	mu        sync.Mutex
	listeners []net.Listener
	closed    bool
	serving   sync.WaitGroup
	tried     int
	faults    faults
}

// faults counts down what the switches asked for.
type faults struct {
	drop, fail, hangUp int
	code               int
}

// New makes a Sink. It takes mail once Listen is called.
func New(o Options) *Sink {
	if o.Inbox == nil {
		o.Inbox = inbox.New(o.Now)
	}
	if len(o.Mechanisms) == 0 && o.Username != "" {
		o.Mechanisms = []string{plain, login}
	}
	if o.VerifyToken != nil && !slices.Contains(o.Mechanisms, xoauth2) {
		o.Mechanisms = append(slices.Clone(o.Mechanisms), xoauth2)
	}
	s := &Sink{Inbox: o.Inbox, opts: o}
	s.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		if o.RejectHello != nil {
			if err := o.RejectHello(c.Hostname()); err != nil {
				return nil, err
			}
		}
		return &session{sink: s, conn: c}, nil
	}))
	s.server.Domain = "localhost"
	s.server.MaxMessageBytes = maxMail
	s.server.ReadTimeout, s.server.WriteTimeout = time.Minute, time.Minute
	s.server.AllowInsecureAuth = o.TLS == nil
	s.server.ErrorLog = silent{}
	if !o.ImplicitTLS {
		s.server.TLSConfig = o.TLS
	}
	return s
}

// silent drops what the library logs: broken connections are what a stand-in is tested with.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

// Listen takes mail on an address such as "127.0.0.1:0" and returns the address with its real port. It may be called
// for several addresses, but not after Close.
func (s *Sink) Listen(addr string) (net.Addr, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for mail on %s: %w", addr, err)
	}
	bound := l.Addr()
	if s.opts.ImplicitTLS {
		l = tls.NewListener(l, s.opts.TLS)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		l.Close()
		return nil, fmt.Errorf("listen for mail on %s: %w", addr, smtp.ErrServerClosed)
	}
	s.listeners = append(s.listeners, l)
	s.serving.Go(func() {
		_ = s.server.Serve(l) // ends with the listener
	})
	return bound, nil
}

// Close stops listening and breaks open connections; the mails stay readable. A second call returns
// smtp.ErrServerClosed.
func (s *Sink) Close() error {
	err := s.server.Close()
	s.mu.Lock()
	s.closed = true
	for _, l := range s.listeners {
		l.Close() // again for most; Serve may not have begun for others
	}
	s.mu.Unlock()
	s.serving.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// DropNext makes the next n mails vanish though they are answered with 250: lost on the way.
func (s *Sink) DropNext(n int) { s.set(func(f *faults) { f.drop = n }) }

// FailNext answers the content of the next n mails with an SMTP code from 400 to 599.
func (s *Sink) FailNext(n, code int) { s.set(func(f *faults) { f.fail, f.code = n, code }) }

// CloseAfterData takes and records the next n mails but breaks the connection before the answer.
func (s *Sink) CloseAfterData(n int) { s.set(func(f *faults) { f.hangUp = n }) }

func (s *Sink) set(change func(*faults)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.faults)
}

// errHangUp tells the session to break the connection.
var errHangUp = errors.New("connection broken on request")

// take decides about one mail and records it. Faults go in the order fail, reject, drop, hang up.
func (s *Sink) take(from string, to []string, raw []byte) error {
	n, err := s.count()
	if err != nil {
		return err
	}
	if s.opts.Reject != nil {
		if err := s.opts.Reject(from, slices.Clone(to), n); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.drop > 0 {
		s.faults.drop--
		return nil
	}
	s.Add(from, to, raw)
	if s.faults.hangUp > 0 {
		s.faults.hangUp--
		return errHangUp
	}
	return nil
}

func (s *Sink) count() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried++
	if s.faults.fail == 0 {
		return s.tried, nil
	}
	s.faults.fail--
	return s.tried, &smtp.SMTPError{
		Code: s.faults.code, EnhancedCode: smtp.EnhancedCode{s.faults.code / 100, 3, 0}, Message: "refused on request",
	}
}

// session is one connection.
type session struct {
	sink   *Sink
	conn   *smtp.Conn
	authed bool
	from   string
	to     []string
}

// Mail begins a mail.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.sink.opts.locked() && !s.authed {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.from = from
	return nil
}

// Rcpt adds a recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if reject := s.sink.opts.RejectRecipient; reject != nil {
		if err := reject(to); err != nil {
			return err
		}
	}
	s.to = append(s.to, to)
	return nil
}

// Data takes the content.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	err = s.sink.take(s.from, s.to, raw)
	if errors.Is(err, errHangUp) {
		_ = s.conn.Conn().Close()
	}
	return err
}

// Reset forgets the mail that was begun.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout ends the session.
func (s *session) Logout() error { return nil }
