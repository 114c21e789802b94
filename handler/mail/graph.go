package mail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// API hands a composed mail to Microsoft Graph, from the mailbox that its sender names. An error may say more by
// methods of its own: TooLarge() bool and InvalidRecipients() bool, after both of which nothing was sent, and RetryIn()
// (time.Duration, bool).
type API interface {
	SendMail(ctx context.Context, mailbox string, mime []byte) error
}

// GraphOptions are the settings of a GraphSender; API and MaxBytes are required.
type GraphOptions struct {
	API      API
	Server   string        // host of Graph, for errors
	MaxBytes int           // of MIME; a larger mail is shortened
	Timeout  time.Duration // for one mail; 0: DefaultTimeout
}

// GraphSender sends mails through Microsoft Graph. It is safe for concurrent use.
type GraphSender struct{ o GraphOptions }

// NewGraph makes a GraphSender. It does not connect.
func NewGraph(o GraphOptions) *GraphSender {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	return &GraphSender{o}
}

// leastBytes is how small a mail is shortened to at most. What is refused for its size even then is refused.
const leastBytes = 16 << 10

// Send composes the mail and hands it to Graph, within the time-out and the context. nil means that Graph accepted it
// for every recipient. Every error is an *Error. A mail that is too large is shortened, and says so, rather than lost.
// When Graph refuses the whole because of one recipient, the mail goes to each recipient alone; the error then says who
// is left, as Sender's does. A repeat with the same Message.ID may reach people twice, and Exchange may give it an id
// of its own.
func (s *GraphSender) Send(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	err := s.send(ctx, m)
	var refused interface{ InvalidRecipients() bool }
	if len(m.To) > 1 &&
		errors.As(err, &refused) &&
		refused.InvalidRecipients() {
		return s.oneByOne(ctx, m)
	}
	return err
}

// send hands over the mail, ever shorter while it is too large.
func (s *GraphSender) send(ctx context.Context, m Message) error {
	for limit := s.o.MaxBytes; ; limit /= 4 {
		e, err := composeWithin(m, limit)
		if err != nil {
			return &Error{Op: OpCompose, Err: err}
		}
		err = s.o.API.SendMail(ctx, e.from, e.mime)
		if err == nil {
			return nil
		}
		var large interface{ TooLarge() bool }
		if !errors.As(err, &large) || !large.TooLarge() || limit/4 < leastBytes {
			return &Error{
				Op:     OpGraph,
				Server: s.o.Server,
				Err:    err,
			}
		}
	}
}

// oneByOne sends the mail to each recipient alone. Graph names no recipient, so that is the only way to find out who is
// refused.
func (s *GraphSender) oneByOne(ctx context.Context, m Message) error {
	var worst *Error
	var refused []int
	var domains []string
	for i, to := range m.To {
		alone := m
		alone.To = []string{to}
		err := s.send(ctx, alone)
		if err == nil {
			continue
		}
		var e *Error
		if !errors.As(err, &e) {
			return err // cannot be: every error of send is one
		}
		// Of several answers a temporary one counts: a later try can reach at least that recipient.
		if worst == nil || e.Temporary() && !worst.Temporary() {
			worst = e
		}
		refused = append(refused, i)
		if a, err := mailbox(to); err == nil {
			_, domain, _ := strings.Cut(a.Address, "@")
			domains = append(domains, domain)
		}
	}
	if worst == nil {
		return nil
	}
	slices.Sort(domains)
	return &Error{
		Op:       OpRecipients,
		Server:   s.o.Server,
		Err:      worst.Err,
		Accepted: len(m.To) - len(refused),
		Refused:  refused,
		detail: fmt.Sprintf("%d of %d refused, at %s", len(refused), len(m.To),
			cut(strings.Join(slices.Compact(domains), ", "), 120)),
	}
}
