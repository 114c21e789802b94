package respond_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/budget"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/playbook/read"
	"cordon/handler/respond"
)

// isolatesMediumToo lets Medium alerts isolate as well.
func isolatesMediumToo(w *world.World) {
	w.T.Helper()
	book, err := read.Load("test.yaml",
		[]byte(strings.Replace(world.IsolateHigh, `alert.severity == "High"`, `alert.severity in ["High", "Medium"]`,
			1)))
	if err != nil {
		w.T.Fatal(err)
	}
	w.Book = book
}

// sent is a request that reached the API.
type sent struct {
	machine string
	at      time.Time
}

// noteRequests fails requests with fault, as long as it is not nil, and notes the others. It returns them in order.
func noteRequests(w *world.World, fault func() error) func() []sent {
	var failed []time.Time
	w.OnPost = func() error {
		if err := fault(); err != nil {
			failed = append(failed, w.Now)
			return err
		}
		return nil
	}
	return func() []sent {
		var all []sent
		for _, a := range w.Actions {
			all = append(all, sent{a.MachineID, a.Created})
		}
		return all
	}
}

func TestRunThatFindsTheQuotaUsedUpComesBackInItsTurnAndActsOnce(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	isolatesMediumToo(w)
	begun := w.Clock()
	requests := noteRequests(w, func() error { return nil })
	for i, severity := range []alert.Severity{alert.Medium, alert.Medium, alert.High, alert.High, alert.High} {
		w.AlertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), severity)
	}
	p := w.Start(-1, false)
	p.Change(func(options *respond.Options) { options.Quota = budget.Quota{PerMinute: 2, PerHour: 100} })
	w.Drain(p, 40)
	want := map[string]time.Duration{
		"m0": 0,
		"m2": 0,
		"m3": 61 * time.Second,
		"m4": 61 * time.Second,
		"m1": 122 * time.Second,
	}
	for _, r := range requests() {
		if after := r.at.Sub(begun); after.Round(time.Second) != want[r.machine] {
			t.Errorf("%s was asked for after %s, want %s", r.machine, after, want[r.machine])
		}
		delete(want, r.machine)
	}
	if len(want) != 0 || w.Posts != 5 || strings.Contains(w.Kinds(), "held") {
		t.Errorf("%d requests, told %q, not asked for: %v", w.Posts, w.Kinds(), want)
	}
}

func TestRepeatedRequestIsAnotherOneToTheQuotaButNotToTheCaps(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	var at []time.Time
	w.OnPost = func() error {
		at = append(at, w.Now)
		if len(at) == 1 {
			return &world.APIError{Kind: machine.UnknownFate, Text: "reset before it arrived"}
		}
		return nil
	}
	p := w.Start(-1, false)
	p.Change(func(options *respond.Options) { options.Quota = budget.Quota{PerMinute: 1, PerHour: 100} })
	w.AlertOn("da1", "m1", alert.High)
	w.Take2(p)
	w.Advance(100 * time.Second)
	for i := range 4 { // with m1 as many as the cap of 5 an hour
		w.AlertOn(fmt.Sprintf("db%d", i), fmt.Sprintf("n%d", i), alert.High)
	}
	w.Drain(p, 60)
	for i := 1; i < len(at); i++ {
		if apart := at[i].Sub(at[i-1]); apart < time.Minute {
			t.Errorf("requests %d and %d are %s apart, the quota is one a minute", i-1, i, apart)
		}
	}
	if len(at) != 6 || w.Isolations("m1") != 1 || strings.Contains(w.Kinds(), "held") {
		t.Errorf("%d requests, %d isolations of m1, told %q", len(at), w.Isolations("m1"), w.Kinds())
	}
}

func TestWhenAllAreToldTheSameTimeHighComesBackFirst(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	isolatesMediumToo(w)
	open := w.Clock().Add(time.Hour)
	requests := noteRequests(w, func() error {
		if wait := open.Sub(w.Now); wait > 0 {
			return &world.APIError{Kind: machine.Transient, Text: "429", After: wait}
		}
		return nil
	})
	for i, severity := range []alert.Severity{alert.Medium, alert.Medium, alert.High, alert.High} {
		w.AlertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), severity)
	}
	w.Drain(w.Start(-1, false), 40)
	got := ""
	for _, r := range requests() {
		got += r.machine + " "
	}
	if !strings.HasPrefix(got, "m2 m3 ") && !strings.HasPrefix(got, "m3 m2 ") || len(requests()) != 4 {
		t.Errorf("isolated in the order %s, want m2 and m3 first", got)
	}
}

func TestAfterAnOutageHighIsBackInHalfTheTime(t *testing.T) {
	long.Test(t)
	t.Parallel()
	w := world.New(t)
	isolatesMediumToo(w)
	mended := w.Clock().Add(time.Hour)
	requests := noteRequests(w, func() error {
		if w.Now.Before(mended) {
			return &world.APIError{Kind: machine.Transient, Text: "503"}
		}
		return nil
	})
	for i, severity := range []alert.Severity{alert.Medium, alert.Medium, alert.High, alert.High} {
		w.AlertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), severity)
	}
	w.Drain(w.Start(-1, false), 1000)
	limit := map[string]time.Duration{
		"m0": 6 * time.Minute,
		"m1": 6 * time.Minute,
		"m2": 150 * time.Second,
		"m3": 150 * time.Second,
	}
	for _, r := range requests() {
		if after := r.at.Sub(mended); after > limit[r.machine] {
			t.Errorf("%s came back %s after the service did, want at most %s", r.machine, after, limit[r.machine])
		}
	}
	if len(requests()) != 4 {
		t.Errorf("%d requests, want 4", len(requests()))
	}
}

func TestMessageThatIsDeliveredTwiceGoesOnAsOneCopy(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	tries := 0
	w.OnPost = func() error {
		if tries++; tries <= 12 {
			return &world.APIError{Kind: machine.Transient, Text: "503"}
		}
		return nil
	}
	w.AlertOn("da1", "m1", alert.High)
	one, other := w.Start(-1, false), w.Start(-1, false)
	sent := map[string]bool{}
	for range 40 {
		m, more := w.Take()
		if !more {
			break
		}
		for _, p := range []*world.Process{one, other} {
			if err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
				t.Fatal(err)
			}
		}
		// The broker remembers the ids of a day.
		w.Queue = slices.DeleteFunc(w.Queue, func(e alert.Envelope) bool { return sent[e.ID] })
		for _, e := range w.Queue {
			sent[e.ID] = true
		}
		if len(w.Queue) > 1 {
			t.Fatalf("%d copies are under way: %s and %s", len(w.Queue), w.Queue[0].ID, w.Queue[1].ID)
		}
	}
	if run := w.Run("da1", 1); run.State != runs.Waiting || w.Posts != 1 {
		t.Errorf("%d requests, run %+v", w.Posts, run)
	}
}

func TestMessageThatIsSentAfreshGoesOnByCopiesOfItsOwn(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.OnPost = func() error { return &world.APIError{Kind: machine.Transient, Text: "503"} }
	w.AlertOn("da1", "m1", alert.High)
	p := w.Start(-1, false)
	m, _ := w.Take()
	ids := map[string]bool{}
	answer := func() {
		w.Queue = nil
		if err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
			t.Fatal(err)
		}
		if len(w.Queue) != 1 || ids[w.Queue[0].ID] {
			t.Fatalf("copies %v, want one under a fresh id; known are %v", w.Queue, ids)
		}
		ids[w.Queue[0].ID] = true
	}
	answer()
	for _, count := range []func(*runs.Run){func(r *runs.Run) { r.Sweeps++ }, func(r *runs.Run) { r.Copies++ }} {
		if _, err := p.Ledger.Runs.Update(context.Background(), "da1", 1, func(r *runs.Run) (bool, error) {
			count(r)
			return true, nil
		}); err != nil {
			t.Fatal(err)
		}
		answer()
	}
}
