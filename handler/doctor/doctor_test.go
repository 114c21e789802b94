package doctor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestOneThatHangsCostsItsOwnTimeAndTheRestGoOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		deaf := Check{
			Name: "deaf",
			Slow: "wake it",
			Run:  func(context.Context) Finding { <-release; return ok("late") },
		}
		heeds := Check{
			Name: "heeds",
			Slow: "look at the network",
			Run:  func(ctx context.Context) Finding { <-ctx.Done(); return failed("", "%v", ctx.Err()) },
		}
		good := Check{Name: "good", Run: func(context.Context) Finding { return ok("yes") }}
		began := time.Now()
		found := Run(t.Context(), 10*time.Second, Area{heeds, good}, Area{deaf, good}, Area{good})
		if took := time.Since(began); took != 10*time.Second+Grace {
			t.Errorf("it took %s", took)
		}
		want := []Finding{
			{"heeds", Fail, "no answer within 10s", "look at the network"}, {"good", OK, "yes", ""},
			// What never ended may still be writing what the next would read.
			{"deaf", Fail, "no answer within 10s", "wake it"}, {"good", NotSeen, "not looked at: deaf failed", ""},
			{"good", OK, "yes", ""},
		}
		for i, f := range found {
			if f != want[i] {
				t.Errorf("%+v, want %+v", f, want[i])
			}
		}
	})
}

func TestWhatWasTakenBackInTheGraceIsNotCalledSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := Check{
			Name: "c",
			Run:  func(ctx context.Context) Finding { <-ctx.Done(); time.Sleep(time.Second); return ok("taken back") },
		}
		if f := Run(t.Context(), time.Second, Area{c}); f[0].State != OK {
			t.Errorf("%+v", f)
		}
	})
}

func TestATokenThatCannotBeReadIsNoFailure(t *testing.T) {
	t.Parallel()
	role := Role{Name: "X", Absent: Fail, Grant: func(principal string) string { return "grant " + principal }}
	if f := role.in(Token{Unreadable: errors.New("is not one that can be read")}); f.State != NotSeen ||
		f.Seen != "the token is not one that can be read" {
		t.Errorf("%+v", f)
	}
	if f := role.in(Token{Principal: "o1", Roles: []string{"Y"}}); f.State != Fail || f.Do != "grant o1" {
		t.Errorf("%+v", f)
	}
}

func TestClocksAgreeWithinWhatIsKnown(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		clock time.Duration
		want  State
	}{
		{0, OK}, {29 * time.Second, OK}, {-25 * time.Second, OK}, {time.Minute, Warn}, {-time.Minute, Warn},
		{6 * time.Minute, Fail}, {-6 * time.Minute, Fail},
	} {
		if f := skew(noon.Add(tt.clock), noon, noon.Add(3*time.Second)); f.State != tt.want {
			t.Errorf("%s: %+v", tt.clock, f)
		}
	}
	if f := skew(time.Time{}, noon, noon); f.State != NotSeen {
		t.Errorf("no time: %+v", f)
	}
}

// listed is a source of alerts that answers with its clock, or fails.
type listed struct {
	clock time.Time
	err   error
}

func (l listed) Alerts(context.Context) (time.Time, error) { return l.clock, l.err }
func (l listed) Actions(context.Context) error             { return nil }

// TestTheSourcesThatAreSetAreAsked holds which checks there are, and that each source says whether it works.
func TestTheSourcesThatAreSetAreAsked(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return noon }
	works := listed{clock: noon}
	gone := listed{err: errors.New("410 Gone")}
	for name, tt := range map[string]struct {
		area Area
		want string
	}{
		"Defender alone":     {Reads(works, true, "api", now), "Defender alerts ok, Defender machine actions ok, clock ok"},
		"Defender is no one": {Reads(gone, false, "api", now), "Defender machine actions ok"},
		"Defender is gone": {
			Reads(gone, true, "api", now), "Defender alerts failed, Defender machine actions ok, clock not seen",
		},
		"Graph beside it": {ReadsGraph(works, false, "graph", now), "Graph alerts ok"},
		"Graph alone":     {ReadsGraph(works, true, "graph", now), "Graph alerts ok, clock ok"},
		"Graph is gone":   {ReadsGraph(gone, false, "graph", now), "Graph alerts failed"},
	} {
		var said []string
		for _, check := range tt.area {
			said = append(said, check.Name+" "+string(check.Run(t.Context()).State))
		}
		if got := strings.Join(said, ", "); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
