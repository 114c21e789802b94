package chaos

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cordon/local/defendersim"
	"cordon/local/funchost"
	"cordon/local/judge"
	"cordon/local/world"
)

func atNoon() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }

// kept is the evidence of a run in which every promise was kept: both machines isolated, the news in two mails.
func kept() evidence {
	s := newStory(1)
	a, b := s.machines[0].ID, s.machines[1].ID
	action := func(id, machine string) defendersim.Action {
		return defendersim.Action{
			ID:        id,
			Type:      defendersim.Isolate,
			MachineID: machine,
			Status:    defendersim.Succeeded,
			History: []defendersim.Change{
				{Status: defendersim.Pending, At: atNoon()},
				{Status: defendersim.Succeeded, At: atNoon().Add(time.Second)},
			},
		}
	}
	call := func(machine string, status int) defendersim.Call {
		return defendersim.Call{
			Method:   "POST",
			Path:     "/api/machines/" + machine + "/isolate",
			Endpoint: "POST /api/machines/{id}/isolate",
			Status:   status,
		}
	}
	isolated := func(i, version int) judge.Run {
		return judge.Run{
			AlertID: s.alerts[i].ID,
			Version: version,
			State:   "closed",
			Outcome: "isolated",
			Reason:  "it is",
		}
	}
	e := evidence{
		story:   s,
		reached: true,
		actions: []defendersim.Action{action("1", a), action("2", b)},
		calls:   []defendersim.Call{call(a, 429), call(a, 201), call(b, 201)},
		runs: []judge.Run{isolated(0, 1), isolated(1, 1), isolated(2, 2),
			{AlertID: s.raised().ID, Version: 1, State: "closed", Outcome: "no rule", Reason: "no rule matched"}},
		notices: []world.Notice{sent(1), sent(2)},
		news:    []world.News{news("requested", a, 1), news("isolated", a, 2), news("isolated", b, 2)},
		health: health{
			OK:            true,
			OpenEpisodes:  2,
			UnsentNotices: "0",
			Queues:        map[string]string{"alerts": "0", "notices": "0"},
		},
	}
	e.mails = []judge.Mail{
		mailAbout(0, 1, a, "Isolation requested, not confirmed yet"), mailAbout(2, 2, a, "Isolated", b, "Isolated"),
	}
	return e
}

// sent is a notice that was sent.
func sent(seq int) world.Notice { return world.Notice{Group: "incident:1", Seq: seq, State: "sent"} }

// news is an event that a notice tells.
func news(kind, machine string, seq int) world.News {
	return world.News{Kind: kind, Machine: machine, Seq: seq}
}

// mailAbout is a mail of a notice that arrives some seconds after noon, with machines and their outcomes.
func mailAbout(second, seq int, claims ...string) judge.Mail {
	m := judge.Mail{ID: sent(seq).MessageID(), At: atNoon().Add(time.Duration(second) * time.Second), Subject: "news"}
	for i := 0; i < len(claims); i += 2 {
		m.Text += fmt.Sprintf("\nMachine   x\nId        %s\nOutcome   %s\n", claims[i], claims[i+1])
	}
	return m
}

func TestRunThatKeptItsPromisesHasNoProblem(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(Verdict{Reached: true}, weigh(kept())); diff != "" {
		t.Errorf("verdict (-want +got):\n%s", diff)
	}
}

func TestEachBrokenPromiseHasItsFigure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(e *evidence)
		want  Verdict
	}{
		"a version without a run": {func(e *evidence) { e.runs = e.runs[1:] }, Verdict{Lost: 1}},
		"a parked run": {func(e *evidence) {
			e.runs[0].State, e.runs[0].Outcome = "parked", "parked"
		}, Verdict{Lost: 1}},
		"a run of what never was": {func(e *evidence) {
			e.runs = append(e.runs, judge.Run{
				AlertID: "x",
				Version: 1,
				State:   "closed",
				Outcome: "isolated",
				Reason:  "y",
			})
		}, Verdict{Lost: 1}},
		"a version too many": {func(e *evidence) {
			r := e.runs[0]
			r.Version = 2
			e.runs = append(e.runs, r)
		}, Verdict{Lost: 1}},
		"a dead letter":         {func(e *evidence) { e.dead = []string{"poison"} }, Verdict{Lost: 1}},
		"work that is not over": {func(e *evidence) { e.open = []string{"a queue"} }, Verdict{Lost: 1}},
		"a mail that vanished":  {func(e *evidence) { e.mails = e.mails[1:] }, Verdict{Lost: 1}},
		"a second action": {func(e *evidence) {
			x := e.actions[0]
			x.ID = "3"
			e.actions = append(e.actions, x)
		}, Verdict{Doubled: 1}},
		"a second accepted request": {func(e *evidence) { e.calls = append(e.calls, e.calls[1]) }, Verdict{Doubled: 1}},
		"a release": {func(e *evidence) {
			e.actions = append(e.actions, defendersim.Action{Type: defendersim.Unisolate, MachineID: "x"})
		}, Verdict{Doubled: 1}},
		"a failed action": {failed, Verdict{Lost: 2, Missing: 1, Untrue: 5}},
		"a mail twice": {func(e *evidence) {
			e.mails = append(e.mails, e.mails[1])
		}, Verdict{Again: 1}},
		"a mail three times": {func(e *evidence) {
			e.mails = append(e.mails, e.mails[1], e.mails[1])
			struckMail(e)
		}, Verdict{Again: 1, Repeated: 1}},
		"a mail under another name": {func(e *evidence) {
			m := e.mails[1]
			m.ID = "another-" + m.ID
			e.mails = append(e.mails, m)
		}, Verdict{Renamed: 1}},
		"news in a second notice": {retold, Verdict{Renamed: 2}},
		"a mail of no notice": {func(e *evidence) {
			m := e.mails[0]
			m.ID, m.Text = "x.7@y", ""
			e.mails = append(e.mails, m)
		}, Verdict{Renamed: 1}},
		"a mail that was ahead": {func(e *evidence) { e.mails[1].At = atNoon() }, Verdict{Lost: 1, Untrue: 1}},
		"a mail that was behind": {func(e *evidence) {
			e.mails[0], e.mails[1] = e.mails[1], e.mails[0]
		}, Verdict{Untrue: 1}},
		"a record that is not so":    {func(e *evidence) { e.runs[0].Outcome = "not isolated" }, Verdict{Untrue: 1}},
		"a Medium that was isolated": {func(e *evidence) { e.runs[3].Outcome = "isolated" }, Verdict{Untrue: 1}},
		"health that miscounts":      {func(e *evidence) { e.health.OpenEpisodes = 1 }, Verdict{Untrue: 1}},
		"health that sees messages":  {func(e *evidence) { e.health.Queues["alerts"] = "1" }, Verdict{Untrue: 1}},
		"health that sees a run": {func(e *evidence) {
			e.health.Runs = map[string]string{"started": "1"}
		}, Verdict{Untrue: 1}},
		"health that was never seen":   {func(e *evidence) { e.health = health{} }, Verdict{Untrue: 1}},
		"a failure without a log line": {func(e *evidence) { e.events = failure() }, Verdict{Silent: 1}},
		"an ending without a reason":   {func(e *evidence) { e.runs[3].Reason = "" }, Verdict{Silent: 1}},
	} {
		e := kept()
		c.spoil(&e)
		c.want.Reached = true
		got := weigh(e)
		if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(Verdict{}, "Problems")); diff != "" ||
			len(got.Problems) == 0 {
			t.Errorf("%s (-want +got):\n%s%q", name, diff, got.Problems)
		}
		if !got.Broken() {
			t.Errorf("%s breaks nothing", name)
		}
	}
}

// failed is an isolation that failed although everybody says that it did not.
func failed(e *evidence) {
	e.actions[0].Status, e.actions[0].History[1].Status = defendersim.Failed, defendersim.Failed
}

// retold is the same news in a third notice.
func retold(e *evidence) {
	third := sent(3)
	e.notices = append(e.notices, third)
	m := e.mails[1]
	m.ID = third.MessageID()
	e.mails = append(e.mails, m)
}

// struckMail is a strike after the second mail had arrived and before the ledger knew.
func struckMail(e *evidence) {
	e.strike = &strike{
		mailer:  true,
		arrived: map[string]int{e.mails[0].ID: 1, e.mails[1].ID: 1},
		unsent:  map[string]bool{e.mails[1].ID: true},
	}
}

func failure() []funchost.Event {
	return []funchost.Event{{Function: "RespondToAlert", Status: 500, InvocationID: "abc"}}
}

func TestMailWhoseAnswerWasLostMayComeTwice(t *testing.T) {
	t.Parallel()
	e := kept()
	struckMail(&e)
	e.mails = append(e.mails, e.mails[1])
	if got := weigh(e); got.Broken() || got.Repeated != 1 {
		t.Errorf("%+v", got)
	}
	for name, spoil := range map[string]func(*strike){
		"the strike fell on somebody else": func(s *strike) { s.mailer = false },
		"it had not arrived":               func(s *strike) { clear(s.arrived) },
		"it was known to be sent":          func(s *strike) { clear(s.unsent) },
	} {
		spoil(e.strike)
		if got := weigh(e); got.Again != 1 {
			t.Errorf("%s: %+v", name, got)
		}
		struckMail(&e)
	}
}

func TestMailWhoseAnswerCameTooLateMayComeTwice(t *testing.T) {
	t.Parallel()
	e := kept()
	e.mails = append(e.mails, e.mails[1], e.mails[1])
	e.unheard = map[string]int{e.mails[1].ID: 1}
	if got := weigh(e); got.Again != 1 || got.Repeated != 1 {
		t.Errorf("%+v", got)
	}
}

func TestLateMailMaySayWhatAnotherNoticeTells(t *testing.T) {
	t.Parallel()
	e := kept()
	late := mailAbout(5, 1, e.story.machines[0].ID, "Isolated")
	for _, order := range [][]judge.Mail{{e.mails[1], late}, {late, e.mails[1]}} {
		e.mails = order
		if got := weigh(e); got.Broken() {
			t.Errorf("%+v", got)
		}
	}
}

func TestFailureWithALogLineIsNotSilent(t *testing.T) {
	t.Parallel()
	e := kept()
	e.events = append(failure(), funchost.Event{Function: "Health", Status: 503, InvocationID: "x"}, funchost.Event{
		Function:     "PollAlerts",
		InvocationID: "y",
	})
	e.errors = []string{`{"level":"ERROR","invocation":"abc"}`}
	if got := weigh(e); got.Broken() {
		t.Errorf("%+v", got)
	}
}
