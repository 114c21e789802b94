package console

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"cordon/handler/ledger/journal"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/outgoing/outgoingtest"
	"cordon/handler/playbook"
	"cordon/handler/signin"
)

// evil is what an attacker would write into an alert, closing whatever it may stand in. The marker is what must never
// come out as it is.
const (
	evil = `<script>alert(1)</script>"'><img src=x onerror=alert(1)></textarea></pre>{{.}}javascript:alert(1)` +
		"\u202eevil\n"
	marker = "<script>alert(1)"
)

// hostile answers every question with documents in which every text is hostile, or with empty ones.
type hostile struct {
	operate.Desk
	t     *testing.T
	text  string
	empty bool
}

// document is an answer of one type.
func document[T any](h hostile) (is T, err error) {
	if h.empty {
		return is, nil
	}
	outgoingtest.Fill(h.t, &is, h.text)
	return is, nil
}

func (h hostile) Me(context.Context) (wire.Me, error)             { return document[wire.Me](h) }
func (h hostile) Isolated(context.Context) (wire.Isolated, error) { return document[wire.Isolated](h) }
func (h hostile) Machine(context.Context, string) (wire.Machine, error) {
	return document[wire.Machine](h)
}
func (h hostile) Run(context.Context, string) (wire.Run, error) {
	is, err := document[wire.Run](h)
	plan, _ := document[playbook.Plan](h)
	is.Plan = &plan
	if is.Today != nil {
		is.Today.Plan = &plan
		is.Today.Same = false
	}
	return is, err
}
func (h hostile) Runs(context.Context, wire.RunsAsked) (wire.Runs, error) {
	return document[wire.Runs](h)
}
func (h hostile) Counts(context.Context, int) (wire.Counts, error) { return document[wire.Counts](h) }
func (h hostile) Overview(context.Context) (wire.Overview, error) {
	return document[wire.Overview](h)
}
func (h hostile) Machines(context.Context, string) (wire.MachineNames, error) {
	return document[wire.MachineNames](h)
}
func (h hostile) Held(context.Context) (wire.Held, error)     { return document[wire.Held](h) }
func (h hostile) Pause(context.Context) (wire.Pause, error)   { return document[wire.Pause](h) }
func (h hostile) Hunts(context.Context) (wire.Hunts, error)   { return document[wire.Hunts](h) }
func (h hostile) Health(context.Context) (wire.Health, error) { return document[wire.Health](h) }
func (h hostile) Doctor(context.Context) (wire.Doctor, error) { return document[wire.Doctor](h) }
func (h hostile) Playbook(context.Context) (wire.Playbook, error) {
	return document[wire.Playbook](h)
}
func (h hostile) DeadLetters(context.Context, string, int) (wire.DeadLetters, error) {
	return document[wire.DeadLetters](h)
}
func (h hostile) DeadLetter(context.Context, string, int64) (wire.DeadLetter, error) {
	return document[wire.DeadLetter](h)
}
func (h hostile) Mails(context.Context, wire.MailsAsked) (wire.Mails, error) {
	return document[wire.Mails](h)
}
func (h hostile) Journal(_ context.Context, q wire.JournalAsked) (wire.Journal, error) {
	if h.empty && q.Command != "" {
		return wire.Journal{}, nil
	}
	return document[wire.Journal](h)
}
func (h hostile) RunHunt(context.Context, wire.HuntOrder) (wire.HuntRows, error) {
	return document[wire.HuntRows](h)
}
func (h hostile) Erase(context.Context, wire.EraseOrder) (wire.Erased, error) {
	return document[wire.Erased](h)
}

// over is the console over some desk.
func over(t *testing.T, d operate.Desk, name string) *site {
	t.Helper()
	s := &site{t: t}
	s.server = New(Options{
		Who: func(context.Context, *http.Request, signin.Use) (signin.Person, error) {
			return signin.Person{Name: name, Roles: []wire.Role{wire.Operator}}, nil
		},
		As:      func(wire.Me, journal.Author) operate.Desk { return d },
		Version: "test",
		Log:     slog.New(slog.DiscardHandler),
		Now:     time.Now,
	})
	return s
}

// everywhere asks every page and every order, with values that reach into every field.
func everywhere(t *testing.T, s *site, value string, check func(path string, a answer)) {
	t.Helper()
	pagePaths, orderPaths := Pages()
	for _, path := range append(pagePaths, orderPaths...) {
		q := queryFor(path, value)
		check(path, s.get(path+"?"+q.Encode()))
	}
}

func TestWhatAttackersWriteIsTextOnEveryPage(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"script": evil,
		"long":   strings.Repeat("<b>x</b> ", 4_000),
	} {
		s := over(t, hostile{t: t, text: text}, text)
		everywhere(t, s, text[:min(len(text), 150)], func(path string, a answer) {
			if strings.HasSuffix(path, "/find") && a.StatusCode == http.StatusSeeOther {
				return
			}
			if a.StatusCode != http.StatusOK && a.StatusCode != http.StatusBadRequest {
				t.Errorf("%s, %s: %d", name, path, a.StatusCode)
			}
			tags := []string{marker, "<img", "<b>x", `href="javascript`, "</textarea></pre>", "\u202eevil"}
			for _, tag := range tags {
				if strings.Contains(a.text, tag) {
					t.Errorf("%s: %s comes out of %s as it is: %.300s", name, tag, path,
						a.text[max(0, strings.Index(a.text, tag)-100):])
				}
			}
			if a.StatusCode == http.StatusOK && !strings.Contains(a.text, "&lt;") {
				t.Errorf("%s: %s shows nothing of it", name, path)
			}
			if n := strings.Count(a.text, "<script"); n > 1 {
				t.Errorf("%s: %s has %d scripts", name, path, n)
			}
		})
	}
}

func TestEveryPageIsWholeWhereThereIsNothing(t *testing.T) {
	t.Parallel()
	s := over(t, hostile{empty: true}, "ann@contoso.com")
	everywhere(t, s, "x", func(path string, a answer) {
		if strings.HasSuffix(path, "/find") {
			return
		}
		whole := strings.Contains(a.text, "</html>") && !strings.Contains(a.text, "%!") &&
			!strings.Contains(a.text, "&lt;nil&gt;") && !strings.Contains(a.text, "0001-01-01")
		if a.StatusCode != http.StatusOK || !whole {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.text)
		}
	})
}

// troubled answers every question with trouble.
type troubled struct{ operate.Desk }

func trouble() error {
	return wire.NewProblem(http.StatusServiceUnavailable, "ledger", fmt.Sprintf("the table said %s", evil))
}

func (troubled) Pause(context.Context) (wire.Pause, error)       { return wire.Pause{}, trouble() }
func (troubled) Isolated(context.Context) (wire.Isolated, error) { return wire.Isolated{}, trouble() }
func (troubled) Health(context.Context) (wire.Health, error)     { return wire.Health{}, trouble() }
func (troubled) Overview(context.Context) (wire.Overview, error) { return wire.Overview{}, trouble() }
func (troubled) Held(context.Context) (wire.Held, error)         { return wire.Held{}, trouble() }

func TestTroubleIsTextToo(t *testing.T) {
	t.Parallel()
	s := over(t, troubled{}, "ann@contoso.com")
	for _, path := range []string{Base, Base + "/waiting", Base + "/pauses"} {
		a := s.get(path)
		if a.StatusCode != http.StatusServiceUnavailable || strings.Contains(a.text, marker) ||
			!strings.Contains(a.text, "the table said") {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.text)
		}
	}
}
