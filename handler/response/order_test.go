package response

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/playbook/read"
)

// isolatesMediumToo lets Medium alerts isolate as well.
func isolatesMediumToo(w *world) {
	w.t.Helper()
	book, err := read.Load("test.yaml", []byte(strings.Replace(isolateHigh, `alert.severity == "High"`, `alert.severity in ["High", "Medium"]`, 1)))
	if err != nil {
		w.t.Fatal(err)
	}
	w.book = book
}

// sent is a request that reached the API.
type sent struct {
	machine string
	at      time.Time
}

// noteRequests fails requests with fault, as long as it is not nil, and notes the others. It returns them in order.
func noteRequests(w *world, fault func() error) func() []sent {
	var failed []time.Time
	w.onPost = func() error {
		if err := fault(); err != nil {
			failed = append(failed, w.now)
			return err
		}
		return nil
	}
	return func() []sent {
		var all []sent
		for _, a := range w.actions {
			all = append(all, sent{a.MachineID, a.Created})
		}
		return all
	}
}

func TestRunThatFindsTheQuotaUsedUpComesBackInItsTurnAndActsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	isolatesMediumToo(w)
	begun := w.clock()
	requests := noteRequests(w, func() error { return nil })
	for i, severity := range []alert.Severity{alert.Medium, alert.Medium, alert.High, alert.High, alert.High} {
		w.alertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), severity)
	}
	p := w.start(-1, false)
	p.responder.Quota = ledger.Quota{PerMinute: 2, PerHour: 100}
	w.drain(p, 40)
	want := map[string]time.Duration{"m0": 0, "m2": 0, "m3": 61 * time.Second, "m4": 61 * time.Second, "m1": 122 * time.Second}
	for _, r := range requests() {
		if after := r.at.Sub(begun); after.Round(time.Second) != want[r.machine] {
			t.Errorf("%s was asked for after %s, want %s", r.machine, after, want[r.machine])
		}
		delete(want, r.machine)
	}
	if len(want) != 0 || w.posts != 5 || strings.Contains(w.kinds(), "held") {
		t.Errorf("%d requests, told %q, not asked for: %v", w.posts, w.kinds(), want)
	}
}

func TestRepeatedRequestIsAnotherOneToTheQuotaButNotToTheCaps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var at []time.Time
	w.onPost = func() error {
		at = append(at, w.now)
		if len(at) == 1 {
			return &apiError{trouble: machine.UnknownFate, text: "reset before it arrived"}
		}
		return nil
	}
	p := w.start(-1, false)
	p.responder.Quota = ledger.Quota{PerMinute: 1, PerHour: 100}
	w.alertOn("da1", "m1", alert.High)
	w.take2(p)
	w.advance(100 * time.Second)
	for i := range 4 { // with m1 as many as the cap of 5 an hour
		w.alertOn(fmt.Sprintf("db%d", i), fmt.Sprintf("n%d", i), alert.High)
	}
	w.drain(p, 60)
	for i := 1; i < len(at); i++ {
		if apart := at[i].Sub(at[i-1]); apart < time.Minute {
			t.Errorf("requests %d and %d are %s apart, the quota is one a minute", i-1, i, apart)
		}
	}
	if len(at) != 6 || w.isolations("m1") != 1 || strings.Contains(w.kinds(), "held") {
		t.Errorf("%d requests, %d isolations of m1, told %q", len(at), w.isolations("m1"), w.kinds())
	}
}

// take2 answers the next message alone.
func (w *world) take2(p *process) {
	w.t.Helper()
	m, _ := w.take()
	if err := p.responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
		w.t.Fatal(err)
	}
}

func TestWhenAllAreToldTheSameTimeHighComesBackFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	isolatesMediumToo(w)
	open := w.clock().Add(time.Hour)
	requests := noteRequests(w, func() error {
		if wait := open.Sub(w.now); wait > 0 {
			return &apiError{trouble: machine.Transient, text: "429", after: wait}
		}
		return nil
	})
	for i, severity := range []alert.Severity{alert.Medium, alert.Medium, alert.High, alert.High} {
		w.alertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), severity)
	}
	w.drain(w.start(-1, false), 40)
	got := ""
	for _, r := range requests() {
		got += r.machine + " "
	}
	if !strings.HasPrefix(got, "m2 m3 ") && !strings.HasPrefix(got, "m3 m2 ") || len(requests()) != 4 {
		t.Errorf("isolated in the order %s, want m2 and m3 first", got)
	}
}

func TestAfterAnOutageHighIsBackInHalfTheTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	isolatesMediumToo(w)
	mended := w.clock().Add(time.Hour)
	requests := noteRequests(w, func() error {
		if w.now.Before(mended) {
			return &apiError{trouble: machine.Transient, text: "503"}
		}
		return nil
	})
	for i, severity := range []alert.Severity{alert.Medium, alert.Medium, alert.High, alert.High} {
		w.alertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), severity)
	}
	w.drain(w.start(-1, false), 1000)
	limit := map[string]time.Duration{"m0": 6 * time.Minute, "m1": 6 * time.Minute, "m2": 150 * time.Second, "m3": 150 * time.Second}
	for _, r := range requests() {
		if after := r.at.Sub(mended); after > limit[r.machine] {
			t.Errorf("%s came back %s after the service did, want at most %s", r.machine, after, limit[r.machine])
		}
	}
	if len(requests()) != 4 {
		t.Errorf("%d requests, want 4", len(requests()))
	}
}

func TestUrgencyIsKnownAsFarAsAnythingSaysIt(t *testing.T) {
	t.Parallel()
	snapshot := func(severity string) json.RawMessage {
		return json.RawMessage(`{"id":"da1","severity":"` + severity + `"}`)
	}
	for name, c := range map[string]struct {
		work work
		want alert.Severity
	}{
		"the alert":                    {work{alert: alert.Alert{ID: "da1", Severity: alert.Low}, run: ledger.Run{Severity: "High"}}, alert.Low},
		"an alert without one":         {work{alert: alert.Alert{ID: "da1"}, run: ledger.Run{Severity: "High"}}, ""},
		"the run":                      {work{run: ledger.Run{Severity: "Medium"}}, alert.Medium},
		"the message, without ledger":  {work{message: alert.Message{Alert: snapshot("Low")}}, alert.Low},
		"a bare message":               {work{}, alert.High},
		"a message with a broken hint": {work{message: alert.Message{Alert: json.RawMessage(`{"severity":3}`)}}, alert.High},
	} {
		if got := c.work.severity(); got != c.want {
			t.Errorf("%s: severity %q, want %q", name, got, c.want)
		}
	}
}

func TestMessageThatIsDeliveredTwiceGoesOnAsOneCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tries := 0
	w.onPost = func() error {
		if tries++; tries <= 12 {
			return &apiError{trouble: machine.Transient, text: "503"}
		}
		return nil
	}
	w.alertOn("da1", "m1", alert.High)
	one, other := w.start(-1, false), w.start(-1, false)
	sent := map[string]bool{}
	for range 40 {
		m, more := w.take()
		if !more {
			break
		}
		for _, p := range []*process{one, other} {
			if err := p.responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
				t.Fatal(err)
			}
		}
		// The broker remembers the ids of a day.
		w.queue = slices.DeleteFunc(w.queue, func(e alert.Envelope) bool { return sent[e.ID] })
		for _, e := range w.queue {
			sent[e.ID] = true
		}
		if len(w.queue) > 1 {
			t.Fatalf("%d copies are under way: %s and %s", len(w.queue), w.queue[0].ID, w.queue[1].ID)
		}
	}
	if run := w.run("da1", 1); run.State != ledger.Waiting || w.posts != 1 {
		t.Errorf("%d requests, run %+v", w.posts, run)
	}
}

func TestMessageThatIsSentAfreshGoesOnByCopiesOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.onPost = func() error { return &apiError{trouble: machine.Transient, text: "503"} }
	w.alertOn("da1", "m1", alert.High)
	p := w.start(-1, false)
	m, _ := w.take()
	ids := map[string]bool{}
	answer := func() {
		w.queue = nil
		if err := p.responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
			t.Fatal(err)
		}
		if len(w.queue) != 1 || ids[w.queue[0].ID] {
			t.Fatalf("copies %v, want one under a fresh id; known are %v", w.queue, ids)
		}
		ids[w.queue[0].ID] = true
	}
	answer()
	for _, count := range []func(*ledger.Run){func(r *ledger.Run) { r.Sweeps++ }, func(r *ledger.Run) { r.Copies++ }} {
		if _, err := p.ledger.UpdateRun(context.Background(), "da1", 1, func(r *ledger.Run) error { count(r); return nil }); err != nil {
			t.Fatal(err)
		}
		answer()
	}
}
