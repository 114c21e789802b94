package deadletters

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// yard has dead letters, of which the second cannot be read.
type yard struct {
	operate.Desk
	letters []wire.DeadLetter
	orders  []wire.DeadLetterOrder
}

func newYard(n int) *yard {
	y := &yard{}
	for i := range n {
		y.letters = append(y.letters, wire.DeadLetter{Number: int64(i + 1), Readable: i != 1})
	}
	return y
}

// DeadLetters implements operate.Desk.
func (y *yard) DeadLetters(_ context.Context, queue string, limit int) (wire.DeadLetters, error) {
	return wire.DeadLetters{Queue: queue, DeadLetters: y.letters[:min(limit, len(y.letters))]}, nil
}

// Replay implements operate.Desk.
func (y *yard) Replay(_ context.Context, o wire.DeadLetterOrder) (wire.Results, error) {
	return y.take(o, "replayed", func(d wire.DeadLetter) bool { return d.Readable })
}

// Discard implements operate.Desk.
func (y *yard) Discard(_ context.Context, o wire.DeadLetterOrder) (wire.Results, error) {
	return y.take(o, "dropped", func(wire.DeadLetter) bool { return true })
}

func (y *yard) take(o wire.DeadLetterOrder, done string, can func(wire.DeadLetter) bool) (wire.Results, error) {
	y.orders = append(y.orders, o)
	all := wire.Results{Command: o.Command}
	for _, n := range o.Numbers {
		at := slices.IndexFunc(y.letters, func(d wire.DeadLetter) bool { return d.Number == n })
		r := wire.Result{Object: strconv.FormatInt(n, 10), Done: can(y.letters[at]), Outcome: done}
		if r.Done {
			y.letters = slices.Delete(y.letters, at, at+1)
		} else {
			r.Outcome = "refused"
		}
		all.Results = append(all.Results, r)
	}
	return all, nil
}

// typing is a person at a terminal who answers.
func typing(ctx context.Context, answer string) (f *flags, cmd *cobra.Command, out, asks *bytes.Buffer) {
	out, asks = &bytes.Buffer{}, &bytes.Buffer{}
	cmd = &cobra.Command{}
	cmd.SetContext(ctx)
	cmd.SetIn(strings.NewReader(answer))
	cmd.SetOut(out)
	cmd.SetErr(asks)
	return &flags{
		Operator: call.Operator{Command: "c-0000001"},
		queue:    "alerts",
		limit:    mostShown,
	}, cmd, out, asks
}

func TestATerminalIsAsked(t *testing.T) {
	t.Parallel()
	y := newYard(3)
	f, cmd, out, asks := typing(t.Context(), "n\n")
	if err := f.order(cmd, y, []int64{1, 2}, dropping()); err == nil || err.Error() != "nothing was done" ||
		out.Len() > 0 || len(y.orders) > 0 {
		t.Errorf("after a no: %v, %s", err, out)
	}
	if got := asks.String(); got != "Drop 2 dead letter(s) of queue alerts for good: 1 2? [y/N] " {
		t.Errorf("asked %q", got)
	}
	f, cmd, _, asks = typing(t.Context(), "y\n")
	if err := f.order(cmd, y, []int64{2}, replaying()); err == nil ||
		asks.Len() > 0 { // it cannot be read, so there is nothing to ask
		t.Errorf("asked %q, error %v", asks, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f, cmd, _, _ = typing(ctx, "")
	if err := f.Confirm(cmd, dropping().question("alerts", []int64{1})); err == nil {
		t.Error("a signal was taken for a yes")
	}
	if len(y.letters) != 3 {
		t.Errorf("%d are left", len(y.letters))
	}
	f, cmd, out, _ = typing(t.Context(), "yes\n")
	f.all = true
	if err := f.order(cmd, y, nil, dropping()); err != nil || strings.Count(out.String(), "dropped") != 3 {
		t.Errorf("error %v, %s", err, out)
	}
	if len(y.letters) != 0 {
		t.Errorf("%d are left", len(y.letters))
	}
}

// TestManyAreOrderedInPartsWithIDsOfTheirOwn holds that a repeat under the same id repeats each part.
func TestManyAreOrderedInPartsWithIDsOfTheirOwn(t *testing.T) {
	t.Parallel()
	y := newYard(250)
	f, cmd, out, told := typing(t.Context(), "")
	f.all, f.Yes = true, true
	if err := f.order(cmd, y, nil, dropping()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range y.orders {
		got = append(got, o.Command+" "+strconv.Itoa(len(o.Numbers)))
	}
	if want := []string{"c-0000001 100", "c-0000001-2 100", "c-0000001-3 50"}; !slices.Equal(got, want) {
		t.Errorf("ordered %q, want %q", got, want)
	}
	if strings.Count(out.String(), "dropped") != 250 || !strings.Contains(told.String(), "201 to 250 of 250") {
		t.Errorf("%s%s", out, told)
	}
}
