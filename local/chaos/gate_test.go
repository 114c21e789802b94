package chaos

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/local/servicebus"
	"cordon/local/world"
)

func TestGateStrikesOnceAtItsPointAndCountsOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		point Point
		want  string // what each of five passes becomes
	}{
		"of one function":  {Point{Site: Site{Tables, "PollAlerts"}, K: 2, Kind: Served}, "- - served - -"},
		"of any function":  {Point{Site: Site{Tables, ""}, K: 2, Kind: Before}, "- before - - -"},
		"of another place": {Point{Site: Site{SMTP, ""}, K: 1, Kind: Before}, "- - - - -"},
		"beyond the end":   {Point{Site: Site{Tables, ""}, K: 6, Kind: Before}, "- - - - -"},
		"nowhere":          {Point{}, "- - - - -"},
	} {
		g, _ := aim(c.point)
		var got []string
		for _, by := range []string{"PollAlerts", "RespondToAlert", "PollAlerts", "PollAlerts", "RespondToAlert"} {
			kind := string(g.pass(Site{Tables, by}))
			if kind == "" {
				kind = "-"
			}
			got = append(got, kind)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
		if diff := cmp.Diff(map[Site]int{{Tables, "PollAlerts"}: 3, {Tables, "RespondToAlert"}: 2},
			g.counted()); diff != "" {
			t.Errorf("%s: counted (-want +got):\n%s", name, diff)
		}
	}
}

func TestGateThatIsShutNeitherCountsNorStrikes(t *testing.T) {
	t.Parallel()
	g, host := aim(Point{Site: Site{Tables, ""}, K: 1, Kind: Before})
	if err := g.shutDown(); err != nil {
		t.Fatal(err)
	}
	if kind := g.pass(Site{Tables, "PollAlerts"}); kind != "" || len(g.counted()) != 0 || host.deaths() != "" {
		t.Errorf("%q, counted %v, killed %q", kind, g.counted(), host.deaths())
	}
}

func TestStrikeIsNotedWhenItHasFallen(t *testing.T) {
	t.Parallel()
	var g *gate
	var host *executioner
	noted := ""
	g, host = newGate(Point{Kind: Before, WithHost: true}, func(function string) {
		noted = function + " after " + host.deaths()
	}), &executioner{}
	g.own(host)
	g.strike("SendNotice", 0)
	if noted != "SendNotice after all" || g.struckAt().IsZero() {
		t.Errorf("noted %q", noted)
	}
}

func TestSettlementIsStruckAsItsKindSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		point   Point
		settled bool // the message is gone
		told    bool // the host hears so
		deaths  string
	}{
		{Point{}, true, true, ""},
		{Point{Kind: Before}, true, true, "SendNotice"}, // the host lives, and settles
		{Point{Kind: Served}, true, true, "SendNotice"},
		{Point{Kind: Before, WithHost: true}, false, false, "all"},
		{Point{Kind: Served, WithHost: true}, true, true, "all"},
		{Point{Kind: Lost}, true, false, ""},
		{Point{Kind: Stopped}, true, true, "stopped"},
		{Point{Kind: Drained}, true, true, "drained stopped"},
	} {
		c.point.Site, c.point.K = Site{Dispositions, "SendNotice"}, 1
		g, host := aim(c.point)
		bus, err := servicebus.New(servicebus.Options{Queues: []servicebus.QueueConfig{{Name: "q"}}})
		if err != nil {
			t.Fatal(err)
		}
		broker := &trigger{Broker: &world.Broker{Bus: bus}, gate: g, functions: map[string]string{"q": "SendNotice"}}
		if err := bus.Send("q", servicebus.Message{ID: "1", Body: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		d, err := broker.Receive(t.Context(), "q")
		if err != nil || string(d.Body) != "x" || d.DeliveryCount != 1 {
			t.Fatalf("%+v, %v", d, err)
		}
		if until, err := broker.Renew(t.Context(), "q", d.LockToken); err != nil || until.Before(time.Now()) {
			t.Errorf("renew: %v, %v", until, err)
		}
		err = broker.Complete(t.Context(), "q", d.LockToken)
		if shut := g.shutDown(); shut != nil {
			t.Error(shut)
		}
		if gone := bus.Counts("q").Active == 0; gone != c.settled || (err == nil) != c.told ||
			host.deaths() != c.deaths {
			t.Errorf("%s: settled %v, told %v, killed %q", c.point, gone, err, host.deaths())
		}
		_ = bus.Close()
	}
}

func TestAbandonedMessageComesAgain(t *testing.T) {
	t.Parallel()
	g, _ := aim(Point{})
	bus, err := servicebus.New(servicebus.Options{Queues: []servicebus.QueueConfig{{Name: "q"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	broker := &trigger{Broker: &world.Broker{Bus: bus}, gate: g, functions: map[string]string{"q": "SendNotice"}}
	if err := bus.Send("q", servicebus.Message{ID: "1"}); err != nil {
		t.Fatal(err)
	}
	d, err := broker.Receive(t.Context(), "q")
	if err != nil || broker.Abandon(t.Context(), "q", d.LockToken) != nil {
		t.Fatal(err)
	}
	if d, err = broker.Receive(t.Context(), "q"); err != nil || d.DeliveryCount != 2 {
		t.Errorf("%+v, %v", d, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := broker.Receive(ended, "q"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestRunsBeginOnlyWhenTheMachineKeepsUp(t *testing.T) {
	t.Parallel()
	var p pace
	p.note(atNoon(), 3*time.Second)
	p.note(atNoon().Add(beat), 0)
	if p.late() != 3*time.Second {
		t.Errorf("late by %s", p.late())
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	p.settle(ended) // must not wait for a machine that nobody needs any more
	p.note(atNoon().Add(2*moment), 0)
	if p.late() != 0 {
		t.Errorf("late by %s after a calm moment", p.late())
	}
	p.settle(t.Context())
}
