package chaos

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/smtp"
	"strings"
	"sync"
	"time"

	"cordon/local/defendersim"
	"cordon/local/world"
)

// sabotages are ways to break a promise on purpose, each with the column of the table that must notice.
func sabotages() []struct{ name, what string } {
	return []struct{ name, what string }{
		{"double-post", "an isolate request reaches the API twice"},
		{"erase-latch", "the latch of a machine is erased when its isolation has been accepted"},
		{"fail-isolation", "the second machine never gets isolated"},
		{"early-success", "the API says of an isolation under way that it succeeded"},
		{"erase-run", "the record of a run is erased"},
		{"lose-mail", "the mail server accepts a mail and loses it"},
		{"repeat-mail", "a mail arrives twice without need"},
		{"rename-mail", "a mail arrives again under another Message-ID"},
	}
}

func checkSabotage(name string) error {
	var known []string
	for _, s := range sabotages() {
		if s.name == name {
			return nil
		}
		known = append(known, fmt.Sprintf("  %-15s %s", s.name, s.what))
	}
	if name == "" {
		return nil
	}
	return fmt.Errorf("there is no sabotage %q; there are:\n%s", name, strings.Join(known, "\n"))
}

// sabotage breaks a promise in one run, to see the verdict notice. The zero name breaks none.
type sabotage struct {
	name string
	once sync.Once
}

func newSabotage(name string) *sabotage { return &sabotage{name: name} }

// delay is how machines carry actions out: within a second, unless that is what is broken.
func (s *sabotage) delay(_, _ string) (toInProgress, toFinal time.Duration, final defendersim.Status) {
	if s.name == "early-success" {
		return 100 * time.Millisecond, 12 * time.Second, defendersim.Succeeded
	}
	return 200 * time.Millisecond, 700 * time.Millisecond, defendersim.Succeeded
}

// between stands between the Defender stand-in and those who ask it.
func (s *sabotage) between(w *world.World) http.Handler {
	api := w.Defender.Handler()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case s.name == "double-post" && world.IsIsolate(r):
			world.Before(api, r)
		case s.name == "erase-latch" && world.IsIsolate(r):
			world.Rewrite(api, rw, r, func(status int, body []byte) []byte {
				if status < 300 {
					s.once.Do(func() { w.EraseLatches("") })
				}
				return body
			})
			return
		case s.name == "early-success" && strings.HasPrefix(r.URL.Path, "/api/machineactions"):
			world.Rewrite(api, rw, r, func(_ int, body []byte) []byte {
				return bytes.ReplaceAll(body, []byte(`"status":"InProgress"`), []byte(`"status":"Succeeded"`))
			})
			return
		}
		api.ServeHTTP(rw, r)
	})
}

// begin breaks what is to be broken from the start, and returns when that is under way.
func (s *sabotage) begin(ctx context.Context, a *act) {
	switch s.name {
	case "fail-isolation":
		for range 20 {
			a.Defender.FailNextAction(a.story.machines[1].ID)
		}
	case "lose-mail":
		a.Mail.DropNext(1)
	case "repeat-mail", "rename-mail":
		a.asking.Go(func() { s.repeat(ctx, a) })
	}
}

// repeat brings the first mail to the server once more.
func (s *sabotage) repeat(ctx context.Context, a *act) {
	mails, err := a.Mail.Wait(ctx, 1)
	if err != nil {
		return
	}
	m := mails[0]
	raw := m.Raw
	if s.name == "rename-mail" {
		raw = bytes.ReplaceAll(raw, []byte(m.MessageID), []byte("another-"+m.MessageID))
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", a.SMTP)
	if err != nil {
		return
	}
	client, err := smtp.NewClient(conn, "127.0.0.1")
	if err != nil {
		return
	}
	defer client.Close()
	if client.Mail(m.From) != nil || client.Rcpt(m.To[0]) != nil {
		return
	}
	if content, err := client.Data(); err == nil {
		_, _ = content.Write(raw)
		_ = content.Close()
	}
}

// end breaks what is broken after everything is answered.
func (s *sabotage) end(a *act) {
	if s.name == "erase-run" {
		a.EraseRuns(a.story.alerts[0].ID)
	}
}
