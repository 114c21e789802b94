// Package doctor finds out what of a set-up works, check by check, and says what to do about the rest. It acts on no
// machine, prints no secret, and leaves nothing where the running app would meet it. A check never fails as a program
// does: whatever goes wrong is its finding.
package doctor

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// State is how a check came out.
type State string

// The states. Only Fail means that something the handler needs does not work.
const (
	OK      State = "ok"
	Warn    State = "warning"  // works, and will not always, or not for everybody
	Fail    State = "failed"   // does not work
	NotSeen State = "not seen" // cannot be told from here, or was not looked at
)

// Finding is one line of the report. Seen and Do may hold several lines and text of others; neither holds a secret.
type Finding struct {
	Check string `json:"check"`
	State State  `json:"state"`
	Seen  string `json:"seen"`
	Do    string `json:"do,omitempty"` // the way out; empty if there is nothing to do
}

// Check is one thing that is looked at.
type Check struct {
	Name string
	// Gate keeps the checks behind it in the area from running after it failed: they could only repeat what it said.
	Gate bool
	// Slow says what to do when no answer comes in time.
	Slow string
	// Run looks. It should heed the end of the context; what it owes others, such as taking something back, it may do
	// for up to Grace after that. The name of its finding is the check's.
	Run func(ctx context.Context) Finding
}

// Area is checks that build on each other, in their order.
type Area []Check

// Grace is how long a check may go on after its time was up.
const Grace = 5 * time.Second

// Run makes all checks and returns their findings in the order of the areas. Areas run at once and each check has the
// limit to itself, so that one that hangs costs its own time and no other's.
func Run(ctx context.Context, limit time.Duration, areas ...Area) []Finding {
	found := make([][]Finding, len(areas))
	var all sync.WaitGroup
	for i, area := range areas {
		all.Go(func() {
			found[i] = area.run(ctx, limit)
		})
	}
	all.Wait()
	var flat []Finding
	for _, findings := range found {
		flat = append(flat, findings...)
	}
	return flat
}

func (a Area) run(ctx context.Context, limit time.Duration) []Finding {
	findings := make([]Finding, 0, len(a))
	shut := "" // by which check
	for _, c := range a {
		f := notSeen("", "not looked at: %s failed", shut)
		ended := true
		if shut == "" {
			f, ended = c.within(ctx, limit)
		}
		f.Check = c.Name
		findings = append(findings, f)
		// One that never ended may still be writing what those behind it would read.
		if shut == "" && (c.Gate && f.State == Fail || !ended) {
			shut = c.Name
		}
	}
	return findings
}

// within runs a check in no more than its limit and the grace, whether it heeds them or not; ended says that it did.
func (c Check) within(ctx context.Context, limit time.Duration) (f Finding, ended bool) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan Finding, 1)
	go func() { done <- c.Run(ctx) }()
	late := time.NewTimer(limit + Grace)
	defer late.Stop()
	select {
	case f = <-done:
		if ctx.Err() == nil || f.State == OK || f.State == Warn {
			return f, true
		}
		ended = true
	case <-late.C:
	}
	// What it says of itself is only that its context ended.
	return failed(c.Slow, "no answer within %s", limit), ended
}

// Worst is the worst state of all; Fail is worse than Warn, and that than NotSeen.
func Worst(findings []Finding) State {
	rank := map[State]int{
		OK:      0,
		NotSeen: 1,
		Warn:    2,
		Fail:    3,
	}
	worst := OK
	for _, f := range findings {
		if rank[f.State] > rank[worst] {
			worst = f.State
		}
	}
	return worst
}

// Told is an area of findings that are known already.
func Told(findings ...Finding) Area {
	var a Area
	for _, f := range findings {
		a = append(a, Check{
			Name: f.Check,
			Run:  func(context.Context) Finding { return f },
		})
	}
	return a
}

// Shut is an area that cannot be looked at; why is what has to be mended first.
func Shut(name, why string) Area {
	return Told(Finding{
		Check: name,
		State: NotSeen,
		Seen:  "not looked at: " + why,
	})
}

func ok(format string, args ...any) Finding {
	return Finding{State: OK, Seen: fmt.Sprintf(format, args...)}
}

func warning(do, format string, args ...any) Finding {
	return Finding{
		State: Warn,
		Seen:  fmt.Sprintf(format, args...),
		Do:    do,
	}
}

func failed(do, format string, args ...any) Finding {
	return Finding{
		State: Fail,
		Seen:  fmt.Sprintf(format, args...),
		Do:    do,
	}
}

func notSeen(do, format string, args ...any) Finding {
	return Finding{
		State: NotSeen,
		Seen:  fmt.Sprintf(format, args...),
		Do:    do,
	}
}
