package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// quitWait is how long the goodbye may take once the server has given its word.
const quitWait = 2 * time.Second

// hello is the name that is said in EHLO: the one that is configured, else the domain of the sender, which public
// relays want to know. Nothing about the machine is told. An address literal, which some of them turn away, is left for
// what has neither.
func (s *Sender) hello(from string) string {
	_, domain, _ := strings.Cut(from, "@")
	if s.cfg.Hello == "" && isDomain(domain) {
		return domain
	}
	return cmp.Or(s.cfg.Hello, "[127.0.0.1]")
}

// Sender sends mails by SMTP. It is safe for concurrent use and holds no connection between mails.
type Sender struct{ cfg Config }

// New makes a Sender for a Config from Parse. It does not connect.
func New(cfg Config) *Sender { return &Sender{cfg} }

// Send composes the mail and hands it to the server over a connection of its own, within Config.Timeout and the
// context. nil means that the server answered for every recipient. Every error is an *Error. When the server refuses
// some of the recipients, the mail goes to the others: one stale address must not keep an alarm from everybody; the
// error then says Delivered. A repeat with the same Message.ID may reach people twice.
func (s *Sender) Send(ctx context.Context, m Message) error {
	e, err := compose(m)
	if err != nil {
		return &Error{Op: OpCompose, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	s, err = s.withToken(ctx)
	if err != nil {
		return err
	}
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	client, err := s.open(ctx, conn, s.hello(e.from))
	if err != nil {
		return err
	}
	defer func() {
		// What the server says to the goodbye changes nothing about the mail.
		_ = conn.SetDeadline(time.Now().Add(quitWait))
		_ = client.Quit()
	}()
	return s.transfer(ctx, client, e)
}

// withToken returns a Sender for one mail that has the access token, if it needs one, where others have the password.
func (s *Sender) withToken(ctx context.Context) (*Sender, error) {
	if s.cfg.Auth != AuthXOAuth2 {
		return s, nil
	}
	if s.cfg.Token == nil {
		return nil,
			s.cfg.failure(ctx, OpLogin, fmt.Errorf("auth=xoauth2 without anybody to get tokens from: %w", errUnfit))
	}
	token, err := s.cfg.Token(ctx)
	if err != nil {
		// What the token's source says is safe to print, and says whether a later try helps.
		return nil, &Error{
			Op:     OpLogin,
			Server: s.cfg.address(),
			Err:    err,
		}
	}
	own := s.cfg
	own.password = func() string { return token }
	return &Sender{own}, nil
}

func (s *Sender) dial(ctx context.Context) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.cfg.address())
	if err != nil {
		return nil, s.cfg.failure(ctx, OpConnect, err)
	}
	if s.cfg.TLS == NoTLS && !loopback(hostPart(conn.RemoteAddr())) {
		conn.Close()
		return nil,
			s.cfg.failure(ctx, OpConnect,
				fmt.Errorf("%s is not this machine, and tls=none is for loopback only: %w", s.cfg.Host, errUnfit))
	}
	return conn, nil
}

func hostPart(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return ""
	}
	return host
}

// open brings a new connection to the point where a mail can be sent.
func (s *Sender) open(ctx context.Context, conn net.Conn, hello string) (*smtp.Client, error) {
	config := &tls.Config{
		ServerName: s.cfg.Host,
		RootCAs:    s.cfg.RootCAs,
		MinVersion: tls.VersionTLS12,
	}
	if s.cfg.TLS == Implicit {
		secured := tls.Client(conn, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, s.cfg.failure(ctx, OpTLS, err)
		}
		conn = secured
	}
	client, err := smtp.NewClient(conn, s.cfg.Host)
	if err != nil {
		return nil, s.cfg.failure(ctx, OpGreeting, err)
	}
	if err := client.Hello(hello); err != nil {
		return nil, s.cfg.failure(ctx, OpGreeting, err)
	}
	if s.cfg.TLS == StartTLS {
		if err := startTLS(client, config, hello); err != nil {
			return nil, s.cfg.failure(ctx, OpTLS, err)
		}
	}
	if s.cfg.User == "" {
		return client, nil
	}
	if err := s.login(client, hello); err != nil {
		return nil, s.cfg.failure(ctx, OpLogin, err)
	}
	return client, nil
}

func startTLS(client *smtp.Client, config *tls.Config, hello string) error {
	offered, _ := client.Extension("STARTTLS")
	if !offered {
		offered, _ = asked(client, hello)
	}
	if !offered {
		return fmt.Errorf("the server offers no STARTTLS, which the SMTP URL requires; try tls=implicit, and "+
			"suspect that somebody on the way removed it: %w", errUnfit)
	}
	return client.StartTLS(config)
}

// asked says EHLO once more and reads whether STARTTLS is offered, and the mechanisms of AUTH in capitals. The client
// of the library knows keywords in capitals only, and no AUTH=LOGIN, the form of servers from before RFC 2554.
func asked(client *smtp.Client, hello string) (startTLS bool, mechanisms []string) {
	id, err := client.Text.Cmd("EHLO %s", hello)
	if err != nil {
		return false, nil
	}
	client.Text.StartResponse(id)
	defer client.Text.EndResponse(id)
	_, text, err := client.Text.ReadResponse(250)
	if err != nil {
		return false, nil
	}
	lines := strings.Split(strings.ToUpper(text), "\n")
	for _, line := range lines[1:] {
		words := strings.Fields(strings.Replace(line, "AUTH=", "AUTH ", 1))
		switch {
		case len(words) == 0:
		case words[0] == "STARTTLS":
			startTLS = true
		case words[0] == "AUTH":
			mechanisms = append(mechanisms, words[1:]...)
		}
	}
	return startTLS, mechanisms
}

func (s *Sender) login(client *smtp.Client, hello string) error {
	_, offer := client.Extension("AUTH")
	method := s.method(strings.Fields(strings.ToUpper(offer)))
	if method == nil {
		_, others := asked(client, hello)
		if method = s.method(others); method == nil {
			return fmt.Errorf("the SMTP URL says auth=%s, the server offers %q: %w", s.cfg.Auth,
				cut(strings.Join(others, " "), 80), errUnfit)
		}
	}
	return client.Auth(method)
}

// method is how to log in at a server that offers some mechanisms; nil: there is no way.
func (s *Sender) method(offered []string) smtp.Auth {
	unencrypted := s.cfg.TLS == NoTLS
	has := func(mechanism string) bool { return slices.Contains(offered, mechanism) }
	switch {
	case s.cfg.Auth == AuthXOAuth2 && has("XOAUTH2"):
		return smtp.XOAuth2Auth(s.cfg.User, s.cfg.secret())
	case s.cfg.Auth == AuthXOAuth2:
	case has("PLAIN") && s.cfg.Auth != AuthLogin:
		return smtp.PlainAuth("", s.cfg.User, s.cfg.secret(), s.cfg.Host, unencrypted)
	case has("LOGIN") && s.cfg.Auth != AuthPlain:
		return smtp.LoginAuth(s.cfg.User, s.cfg.secret(), s.cfg.Host, unencrypted)
	}
	return nil
}

func (s *Sender) transfer(ctx context.Context, client *smtp.Client, e envelope) error {
	err := client.Mail("<" + e.from + ">")
	if err != nil {
		return s.cfg.failure(ctx, OpSender, err)
	}
	refused, err := s.recipients(ctx, client, e.to)
	if err != nil {
		return err
	}
	if refused != nil && refused.Accepted == 0 {
		return refused
	}
	w, err := client.Data()
	if err != nil {
		return s.cfg.failure(ctx, OpData, err)
	}
	_, err = w.Write(e.mime)
	if err != nil {
		return s.cfg.failure(ctx, OpData, err)
	}
	if err := w.Close(); err != nil {
		return s.cfg.failure(ctx, OpConfirm, err)
	}
	if refused != nil {
		return refused
	}
	return nil
}

// recipients names every recipient to the server and reports those that it refused; nil when it refused none. The error
// means that the conversation itself broke.
func (s *Sender) recipients(ctx context.Context, client *smtp.Client, to []string) (*Error, error) {
	var refused *Error
	var domains []string
	for i, rcpt := range to {
		err := client.Rcpt("<" + rcpt + ">")
		if err == nil {
			continue
		}
		f := s.cfg.failure(ctx, OpRecipients, err)
		if f.Code == 0 || f.Code == 421 {
			return nil, f
		}
		// Of several answers a temporary one counts: a later try can reach at least that recipient.
		if refused == nil || (f.Temporary() && !refused.Temporary()) {
			if refused != nil {
				f.Refused = refused.Refused
			}
			refused = f
		}
		refused.Refused = append(refused.Refused, i)
		_, domain, _ := strings.Cut(rcpt, "@")
		domains = append(domains, domain)
	}
	if refused == nil {
		return nil, nil
	}
	refused.Accepted = len(to) - len(refused.Refused)
	slices.Sort(domains)
	refused.detail = fmt.Sprintf("%d of %d refused, at %s", len(refused.Refused), len(to),
		cut(strings.Join(slices.Compact(domains), ", "), 120))
	return refused, nil
}
