package record

import (
	"context"
	"strings"
	"testing"

	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// empty has no runs, and counts of earlier ones.
type empty struct {
	operate.Desk
	asked int
}

func (e *empty) Runs(context.Context, wire.RunsAsked) (wire.Runs, error) {
	return wire.Runs{Runs: []wire.RunLine{}}, nil
}

func (e *empty) Counts(context.Context, int) (wire.Counts, error) {
	e.asked++
	return wire.Counts{Counts: []wire.Count{
		{Rule: "contain", Outcome: "isolated", Runs: 3},
		{Rule: "contain", Outcome: "held", Runs: 1},
		{Rule: "tell", Outcome: "told", Runs: 2},
		{Outcome: "no rule", Runs: 9},
	}}, nil
}

func TestAFilterThatIsMistypedNamesWhatThereIs(t *testing.T) {
	t.Parallel()
	const none = "there is no such run; the record keeps them for CORDON_RETENTION"
	for _, tt := range []struct {
		asked wire.RunsAsked
		want  string
	}{
		{wire.RunsAsked{Machine: "ws-1"}, none},
		{wire.RunsAsked{Rule: "contain", Outcome: "isolated"}, none},
		{wire.RunsAsked{Rule: "contian"},
			none + `. No run of 30 days had the rule contian; did you mean contain? known: contain, tell`},
		{wire.RunsAsked{Rule: "tell", Outcome: "norule"},
			none + `. No run of 30 days had the outcome norule; did you mean no rule? known: held, isolated, no rule, told`},
		{wire.RunsAsked{Rule: "x\x1b[2Jy"}, none + `. No run of 30 days had the rule x\x1b[2Jy; known: contain, tell`},
	} {
		desk := &empty{}
		x := &listing{asked: tt.asked, limit: 5}
		all, err := x.read(t.Context(), desk)
		var said strings.Builder
		if err != nil || len(all.Runs) != 0 || x.none(&said) != nil {
			t.Fatal(err)
		}
		if got := strings.Join(strings.Fields(said.String()), " "); got != tt.want {
			t.Errorf("%+v:\n%s, want\n%s", tt.asked, got, tt.want)
		}
		if wants := tt.asked.Rule+tt.asked.Outcome != ""; (desk.asked == 1) != wants {
			t.Errorf("%+v: counts were asked for %d times", tt.asked, desk.asked)
		}
	}
}
