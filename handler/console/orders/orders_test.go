package orders

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// desk has one of everything, and writes down what is ordered.
type desk struct {
	operate.Desk
	said []string
}

func (d *desk) note(what string, order any) {
	d.said = append(d.said, fmt.Sprintf("%s %+v", what, order))
}

func (*desk) Isolated(context.Context) (wire.Isolated, error) {
	return wire.Isolated{Machines: []wire.Isolation{
		{MachineID: "M1", MachineName: "pc1", State: "isolated", Releasable: true},
		{MachineID: "m2", MachineName: "pc2", State: "release requested", Obstacle: "a release is under way"},
	}}, nil
}
func (*desk) Machine(context.Context, string) (wire.Machine, error) {
	return wire.Machine{ID: "m1", Name: "pc1", Actions: []wire.MachineAction{
		{ID: "a1", Type: "Isolate", Status: "Pending"}, {ID: "a2", Type: "Isolate", Status: "Succeeded"},
	}}, nil
}
func (*desk) Held(context.Context) (wire.Held, error) {
	return wire.Held{Held: []wire.HeldEntry{
		{AlertID: "da1", MachineName: "pc1", Steps: []wire.HeldStep{{Step: "isolate Full"}}},
		{AlertID: "da2", MachineName: "pc2", Over: "the alert is resolved"},
	}}, nil
}
func (*desk) Pause(context.Context) (wire.Pause, error) { return wire.Pause{}, nil }
func (*desk) Hunts(context.Context) (wire.Hunts, error) {
	return wire.Hunts{Hunts: []wire.Hunt{{Name: "tools"}}}, nil
}
func (*desk) DeadLetters(_ context.Context, queue string, _ int) (wire.DeadLetters, error) {
	return wire.DeadLetters{Queue: queue, DeadLetters: []wire.DeadLetter{{Number: 17, ID: "x"}}}, nil
}
func (*desk) Mails(_ context.Context, q wire.MailsAsked) (wire.Mails, error) {
	if q.State != "failed" {
		return wire.Mails{}, nil
	}
	return wire.Mails{Mails: []wire.Mail{{ID: "incident:7:1", State: "failed"}}}, nil
}
func (*desk) Runs(_ context.Context, q wire.RunsAsked) (wire.Runs, error) {
	if q.Alert != "da1" {
		return wire.Runs{}, nil
	}
	return wire.Runs{Runs: []wire.RunLine{{AlertID: "da1", Title: "T", Outcome: "isolated"}}}, nil
}

func (d *desk) Release(_ context.Context, o wire.ReleaseOrder) (wire.Results, error) {
	d.note("release", o)
	return wire.Results{}, nil
}
func (d *desk) Cancel(_ context.Context, o wire.CancelOrder) (wire.Results, error) {
	d.note("cancel", o)
	return wire.Results{}, nil
}
func (d *desk) Continue(_ context.Context, o wire.HeldOrder) (wire.Results, error) {
	d.note("continue", o)
	return wire.Results{}, nil
}
func (d *desk) Drop(_ context.Context, o wire.HeldOrder) (wire.Results, error) {
	d.note("drop", o)
	return wire.Results{}, nil
}
func (d *desk) SetPause(_ context.Context, paused bool, o wire.PauseOrder) (wire.PauseResult, error) {
	d.note(fmt.Sprintf("pause %v", paused), o)
	return wire.PauseResult{}, nil
}
func (d *desk) Enqueue(_ context.Context, o wire.EnqueueOrder) (wire.Results, error) {
	d.note("enqueue", o)
	return wire.Results{}, nil
}
func (d *desk) Replay(_ context.Context, o wire.DeadLetterOrder) (wire.Results, error) {
	d.note("replay", o)
	return wire.Results{}, nil
}
func (d *desk) Discard(_ context.Context, o wire.DeadLetterOrder) (wire.Results, error) {
	d.note("discard", o)
	return wire.Results{}, nil
}
func (d *desk) Erase(_ context.Context, o wire.EraseOrder) (wire.Erased, error) {
	d.note("erase", o)
	return wire.Erased{Outcome: "erased"}, nil
}
func (d *desk) SendMails(_ context.Context, o wire.MailOrder) (wire.Results, error) {
	d.note("send", o)
	return wire.Results{}, nil
}
func (d *desk) DropMails(_ context.Context, o wire.MailOrder) (wire.Results, error) {
	d.note("give up", o)
	return wire.Results{}, nil
}
func (d *desk) RunHunt(_ context.Context, o wire.HuntOrder) (wire.HuntRows, error) {
	d.note("hunt", o)
	return wire.HuntRows{Until: time.Unix(1, 0)}, nil
}

// TestEachOrderSaysWhatItWillDoAndDoesThat asks every order about things that are there, and not.
func TestEachOrderSaysWhatItWillDoAndDoesThat(t *testing.T) {
	t.Parallel()
	const by = "Order:{Command:c-12345678 Reason:why}"
	for name, c := range map[string]struct {
		asked url.Values
		count string // of how many things something will be done
		said  string
	}{
		"release": {
			url.Values{"machine": {"m1,m2", "m3", "m1"}}, "1 of 3 machines",
			"release {" + by + " Machines:[m1 m2 m3]}",
		},
		"cancel": {url.Values{"machine": {"m1"}, "action": {"a1"}}, "1 action", "cancel {" + by + " Action:a1}"},
		"continue": {
			url.Values{"alert": {"da1", "da2", "da3"}}, "1 of 3 alerts", "continue {" + by + " Alerts:[da1 da2 da3]}",
		},
		"drop":    {url.Values{"alert": {"da1", "da2"}}, "2 alerts", "drop {" + by + " Alerts:[da1 da2]}"},
		"pause":   {nil, "", "pause true {" + by + "}"},
		"resume":  {nil, "", "pause false {" + by + "}"},
		"enqueue": {url.Values{"alert": {"da1", "da9"}}, "2 alerts", "enqueue {" + by + " Alerts:[da1 da9]}"},
		"replay": {
			url.Values{"queue": {"alerts"}, "number": {"17", "18"}}, "1 of 2 messages",
			"replay {" + by + " Queue:alerts Numbers:[17 18]}",
		},
		"discard": {
			url.Values{"queue": {"notices"}, "number": {"17"}}, "1 message",
			"discard {" + by + " Queue:notices Numbers:[17]}",
		},
		"send": {
			url.Values{"mail": {"incident:7:1", "incident:8:1"}}, "1 of 2 mails",
			"send {" + by + " Mails:[incident:7:1 incident:8:1]}",
		},
		"giveup": {
			url.Values{"mail": {"incident:7:1", "incident:8:1"}}, "1 of 2 mails",
			"give up {" + by + " Mails:[incident:7:1 incident:8:1]}",
		},
		"huntrun": {
			url.Values{"hunt": {"tools"}, "since": {"24h"}}, "1 hunt",
			"hunt {" + by + " Hunt:tools Since:24h Params:map[]}",
		},
		"erase": {
			url.Values{"machine": {"m1"}, "after": {"x"}}, "1 machine",
			"erase {" + by + " Machine:m1 User: After:x}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, d := orderOf(t, name), &desk{}
			p, err := o.Look(t.Context(), d, c.asked)
			if err != nil || p.Count() != c.count || p.Says == "" || len(d.said) != 0 {
				t.Errorf("%q, %v: %+v", p.Count(), err, p)
			}
			for _, kept := range p.Kept {
				if !c.asked.Has(kept) && kept != "after" {
					t.Errorf("%s is not what it was asked about", kept)
				}
			}
			_, err = o.Do(t.Context(), d, wire.Order{Command: "c-12345678", Reason: "why"}, c.asked)
			if diff := cmp.Diff([]string{c.said}, d.said); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
	if len(All()) != 13 {
		t.Errorf("%d orders, of which thirteen are tried", len(All()))
	}
}

func orderOf(t *testing.T, name string) Order {
	t.Helper()
	for _, o := range All() {
		if o.Name == name {
			return o
		}
	}
	t.Fatalf("there is no order %s", name)
	return Order{}
}

func TestNothingAndTooMuchAreRefused(t *testing.T) {
	t.Parallel()
	many := url.Values{"queue": {"alerts"}}
	for i := range 101 {
		for _, name := range []string{"machine", "alert", "mail", "number"} {
			many.Add(name, fmt.Sprint(i))
		}
	}
	for _, name := range []string{"release", "continue", "drop", "enqueue", "replay", "discard", "send", "giveup"} {
		o := orderOf(t, name)
		for asked, values := range map[string]url.Values{"nothing": {}, "too much": many} {
			var p *wire.Problem
			_, look := o.Look(t.Context(), &desk{}, values)
			d := &desk{}
			_, do := o.Do(t.Context(), d, wire.Order{}, values)
			if !errors.As(look, &p) || p.Status != 400 || !errors.As(do, &p) && name != "enqueue" || len(d.said) > 1 {
				t.Errorf("%s of %s: %v, %v, %v", name, asked, look, do, d.said)
			}
		}
	}
	_, err := orderOf(t, "replay").Look(t.Context(), &desk{}, url.Values{"number": {"seventeen"}})
	if err == nil || !strings.Contains(err.Error(), "has a number") {
		t.Error(err)
	}
}

// TestWhatIsHeldOfAnotherMachineOrVersionIsSomethingElse: two machines may have one name.
func TestWhatIsHeldOfAnotherMachineOrVersionIsSomethingElse(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, h := range []wire.HeldEntry{
		{AlertID: "da1", Version: 1, MachineID: "m1", MachineName: "pc1"},
		{AlertID: "da1", Version: 1, MachineID: "m2", MachineName: "pc1"},
		{AlertID: "da1", Version: 2, MachineID: "m1", MachineName: "pc1"},
	} {
		p := Preview{Things: []Thing{heldThing("da1", []wire.HeldEntry{h}, "continue", "done")}}
		digest, err := p.Seen()
		if err != nil || seen[digest] {
			t.Errorf("%+v looks as another does, %v", h, err)
		}
		seen[digest] = true
	}
}

func TestWhatAPersonSawStandsForAllOfIt(t *testing.T) {
	t.Parallel()
	before := Preview{Says: "s", Things: []Thing{{ID: "m1", Is: "isolated"}}}
	seen := map[string]bool{}
	for _, p := range []Preview{
		before,
		{Says: "s", Things: []Thing{{ID: "m1", Is: "released"}}},
		{Says: "s", Things: []Thing{{ID: "m2", Is: "isolated"}}},
		{Says: "s", Things: []Thing{{ID: "m1", Is: "isolated", Not: "no"}}},
		{Says: "other", Things: []Thing{{ID: "m1", Is: "isolated"}}},
		{Says: "s"},
	} {
		digest, err := p.Seen()
		if err != nil || seen[digest] {
			t.Errorf("%+v is as good as another, %v", p, err)
		}
		seen[digest] = true
	}
}

// TestWhatIsOverIsNotOrdered looks at a mail that was sent meanwhile, and is in the list of those that failed.
func TestWhatIsOverIsNotOrdered(t *testing.T) {
	t.Parallel()
	all := []wire.Mail{{ID: "incident:7:1", State: "sent"}, {ID: "incident:8:1", State: "failed"}}
	for id, want := range map[string]string{
		"incident:7:1": "it is not failed any more",
		"incident:8:1": "",
		"incident:9:1": "it is not among the first 200 mails that are failed",
	} {
		if is := mail(id, all, []string{"failed"}); is.Not != want {
			t.Errorf("%s: %+v", id, is)
		}
	}
}

// TestAnotherIsolationOfAMachineIsSeen has a machine released and isolated again while a person reads.
func TestAnotherIsolationOfAMachineIsSeen(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i := range 2 {
		m := wire.Isolation{MachineID: "m1", State: "isolated", Since: time.Unix(int64(1000*i+1), 0)}
		digest, err := Preview{Things: []Thing{released("m1", []wire.Isolation{m})}}.Seen()
		if err != nil || seen[digest] {
			t.Errorf("one isolation is as good as another, %v", err)
		}
		seen[digest] = true
	}
}
