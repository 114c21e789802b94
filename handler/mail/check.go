package mail

import (
	"context"
	"time"
)

// Check brings a connection to the point where a mail could be sent, with the login, and leaves without sending one.
// Errors are those of Send up to there.
func (s *Sender) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	s, err := s.withToken(ctx)
	if err != nil {
		return err
	}
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	client, err := s.open(ctx, conn, s.hello(""))
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(quitWait))
	_ = client.Quit() // the server has said all that was asked
	return nil
}
