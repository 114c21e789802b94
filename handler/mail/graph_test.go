package mail

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/graph"
	"cordon/local/graphsim"
	"cordon/local/inprocess"
	"cordon/local/smtpsink"
)

// graphSender is a GraphSender at a stand-in.
func graphSender(o graphsim.Options) (*graphsim.Sim, *GraphSender) {
	sim := graphsim.New(o)
	client := graph.New(graph.Options{
		Base: &url.URL{Scheme: "https", Host: "graph.example.com"},
		HTTP: &http.Client{Transport: inprocess.Transport{To: sim}},
	})
	return sim, NewGraph(GraphOptions{API: client, Server: "graph.example.com", MaxBytes: graph.MaxMail})
}

func TestGraphGetsTheSameMailAsAMailServer(t *testing.T) {
	sink, port := serve(t, smtpsink.Options{})
	sim, graphs := graphSender(graphsim.Options{})
	m := good()
	if err := sender(t, plainURL, port, nil).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if err := graphs.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	bySMTP, byGraph := sink.Mails(), sim.Mails()
	if len(bySMTP) != 1 || len(byGraph) != 1 {
		t.Fatalf("%d mails by SMTP, %d by Graph", len(bySMTP), len(byGraph))
	}
	for _, mails := range [][]smtpsink.Mail{bySMTP, byGraph} {
		mails[0].At, mails[0].Raw = time.Time{}, nil
		delete(mails[0].Header, "Content-Type") // holds a random boundary
	}
	if diff := cmp.Diff(bySMTP[0], byGraph[0]); diff != "" {
		t.Errorf("mails differ (-SMTP +Graph):\n%s", diff)
	}
	if byGraph[0].From != "cordon@contoso.com" {
		t.Errorf("sent from %s, want the sender's own mailbox", byGraph[0].From)
	}
}

func TestAMailThatIsTooLargeForGraphIsShortenedAndSaysSo(t *testing.T) {
	line := "größe-01 was isolated because of a suspicious file = 日本 😀\n"
	for _, c := range []struct {
		name       string
		text, html string
		request    int // what Graph takes
		mail       int // what the sender takes for that
		cut        bool
		requests   int
	}{
		{"it fits", strings.Repeat(line, 100), "<p>x</p>", 200_000, 150_000, false, 1},
		{
			"the formatted version does not", strings.Repeat(line, 500), "<p>" + strings.Repeat("<b>x</b>", 1<<15),
			200_000, 150_000, false, 1,
		},
		{"the text does not", strings.Repeat(line, 3000), "<p>x</p>", 200_000, 150_000, true, 1},
		{"one long word", strings.Repeat("😀", 1<<16), "", 200_000, 150_000, true, 1},
		{
			"only a formatted version", "",
			"<style>p{}</style><p>machine &lt;1&gt;</p>" + strings.Repeat("<p>x</p>", 1<<16), 200_000, 150_000, true, 1,
		},
		{"Graph takes less than it should", strings.Repeat(line, 3000), "", 60_000, 150_000, true, 2},
		{"the documented limit", strings.Repeat(line, 40_000), "", 4 << 20, graph.MaxMail, true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sim, s := graphSender(graphsim.Options{MaxRequest: c.request})
			s.o.MaxBytes = c.mail
			s.o.Timeout = time.Hour // encoding takes its time on a busy machine
			m := good()
			m.Text, m.HTML = c.text, c.html
			if err := s.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			if n := len(sim.Calls()); n != c.requests || len(sim.Mails()) != 1 {
				t.Fatalf("%d requests, %d mails, want %d and 1", n, len(sim.Mails()), c.requests)
			}
			got := sim.Mails()[0]
			if got.Subject != m.Subject || got.MessageID != m.ID || len(got.To) != 2 {
				t.Errorf("subject %q, id %q, to %v", got.Subject, got.MessageID, got.To)
			}
			if c.name == "it fits" {
				if got.Text != c.text || got.HTML != c.html {
					t.Error("the mail was changed")
				}
				return
			}
			note, rest, _ := strings.Cut(got.Text, "\n\n")
			if got.HTML != "" || !utf8.ValidString(rest) {
				t.Errorf("the formatted version is %d bytes", len(got.HTML))
			}
			if !c.cut {
				if !strings.HasPrefix(note, "[The formatted version is left out") || rest != c.text {
					t.Errorf("note %q, text of %d bytes, want the whole of %d", note, len(rest), len(c.text))
				}
				return
			}
			rest, marked := strings.CutSuffix(rest, "\n[…]")
			whole := c.text
			if whole == "" {
				whole = plain(c.html)
			}
			want := fmt.Sprintf("[Shortened: %d of %d characters are left out",
				utf8.RuneCountInString(whole)-utf8.RuneCountInString(rest), utf8.RuneCountInString(whole))
			if !strings.HasPrefix(note, want) || !marked || !strings.HasPrefix(whole, rest) || len(rest) < 3000 {
				t.Errorf("note %q with %d bytes of text, want it to begin with %q", note, len(rest), want)
			}
		})
	}
}

func TestAMailThatGraphFindsTooLargeHoweverShortIsRefused(t *testing.T) {
	sim, s := graphSender(graphsim.Options{MaxRequest: 100})
	e := failed(t, s.Send(t.Context(), good()))
	if e.Op != OpGraph || e.Temporary() || e.Delivered() || len(sim.Calls()) > 6 {
		t.Errorf("got %v, temporary %t, after %d requests", e, e.Temporary(), len(sim.Calls()))
	}
}

func TestARefusedRecipientDoesNotKeepTheMailFromTheOthersThroughGraph(t *testing.T) {
	for _, c := range []struct {
		name      string
		invalid   []string
		fault     *graphsim.Fault // of the third request: the second recipient alone
		arrived   []string
		temporary bool
		refused   []int
		says      string
	}{
		{
			"one of two", []string{"soc@contoso.com"}, nil, []string{"ops@fabrikam.com"}, false, []int{0},
			"1 of 2 refused, at contoso.com",
		},
		{
			"both", []string{"soc@contoso.com", "ops@fabrikam.com"}, nil, nil, false, []int{0, 1},
			"2 of 2 refused, at contoso.com, fabrikam.com",
		},
		{
			"one for ever, one for now", []string{"soc@contoso.com"}, &graphsim.Fault{Status: 429}, nil, true,
			[]int{0, 1}, "2 of 2 refused",
		},
	} {
		sim, s := graphSender(graphsim.Options{InvalidRecipient: func(a string) bool {
			return slices.Contains(c.invalid, a)
		}})
		requests := 0
		sim.SetFault(func(*http.Request) *graphsim.Fault {
			if requests++; requests == 3 {
				return c.fault
			}
			return nil
		})
		e := failed(t, s.Send(t.Context(), good()))
		var arrived []string
		for _, m := range sim.Mails() {
			arrived = append(arrived, m.To...)
			if m.MessageID != good().ID {
				t.Errorf("%s: message id %q", c.name, m.MessageID)
			}
		}
		if !slices.Equal(arrived, c.arrived) || e.Op != OpRecipients || e.Temporary() != c.temporary ||
			e.Accepted != len(c.arrived) || !slices.Equal(e.Refused, c.refused) ||
			!strings.Contains(e.Error(), c.says) {
			t.Errorf("%s: arrived %v, op %s, temporary %t, refused %v: %v", c.name, arrived, e.Op, e.Temporary(),
				e.Refused, e)
		}
	}
}

func TestTroubleWithGraphNamesWhetherALaterTryCanHelp(t *testing.T) {
	for _, c := range []struct {
		name      string
		o         graphsim.Options
		fault     graphsim.Fault
		temporary bool
		wait      time.Duration
		taken     int
		says      string
	}{
		{
			"throttled", graphsim.Options{}, graphsim.Fault{Status: 429, RetryAfter: time.Minute}, true, time.Minute, 0,
			"send again in 1m0s",
		},
		{"unwell", graphsim.Options{}, graphsim.Fault{Status: 503}, true, 0, 0, "may have taken"},
		{"the answer is lost", graphsim.Options{}, graphsim.Fault{LoseAnswer: true}, true, 0, 1, "may have taken"},
		{
			"not allowed", graphsim.Options{}, graphsim.Fault{Status: 403, Code: "ErrorAccessDenied"}, false, 0, 0,
			"Application Mail.Send",
		},
		{"no such mailbox", graphsim.Options{Mailboxes: []string{}}, graphsim.Fault{}, false, 0, 0, "CORDON_MAIL_FROM"},
		{"no answer in time", graphsim.Options{}, graphsim.Fault{Delay: time.Hour}, true, 0, 1, "may have taken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim, s := graphSender(c.o)
				sim.SetFault(func(*http.Request) *graphsim.Fault { return &c.fault })
				start := time.Now()
				e := failed(t, s.Send(t.Context(), good()))
				wait, again := e.RetryIn()
				if e.Op != OpGraph || e.Server != "graph.example.com" || e.Temporary() != c.temporary ||
					again != c.temporary || wait != c.wait || e.Delivered() || !strings.Contains(e.Error(), c.says) {
					t.Errorf("got op %s, temporary %t, wait %v: %v\nwant temporary %t, wait %v and %q", e.Op,
						e.Temporary(), wait, e, c.temporary, c.wait, c.says)
				}
				if len(sim.Mails()) != c.taken || len(sim.Calls()) != 1 || time.Since(start) > DefaultTimeout {
					t.Errorf("%d mails taken of %d requests in %v, want %d of 1 within the time-out", len(sim.Mails()),
						len(sim.Calls()), time.Since(start), c.taken)
				}
			})
		})
	}
}

func TestWhatIsNotCleanIsRefusedBeforeGraphIsAsked(t *testing.T) {
	sim, s := graphSender(graphsim.Options{})
	m := good()
	m.From = "nobody"
	if e := failed(t, s.Send(t.Context(), m)); e.Op != OpCompose || e.Temporary() || len(sim.Calls()) != 0 {
		t.Errorf("got %v after %d requests", e, len(sim.Calls()))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e := failed(t, s.Send(ctx, good())); !errors.Is(e, context.Canceled) || !e.Temporary() {
		t.Errorf("got %v; want the end of the context", e)
	}
}

func FuzzShorten(f *testing.F) {
	f.Add("text", "<p>html</p>", 2000)
	f.Add(strings.Repeat("ä\n", 3000), "", 1500)
	f.Add("", strings.Repeat("<b>x", 3000), 1200)
	f.Fuzz(func(t *testing.T, text, html string, limit int) {
		if limit < 0 {
			t.Skip()
		}
		m := good()
		m.Text, m.HTML = text+"t", html
		e, err := composeWithin(m, limit)
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		if least := 2500; len(e.mime) > max(limit, least) {
			t.Errorf("%d bytes for a limit of %d", len(e.mime), limit)
		}
	})
}
