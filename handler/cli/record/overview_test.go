package record

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cordon/handler/cli/call"
	"cordon/handler/operate/wire"
)

var noon = time.Date(2026, 3, 2, 12, 10, 0, 0, time.UTC)

// busy is a day with one hour of many runs.
func busy() wire.Overview {
	all := wire.Overview{
		Since:       noon.Truncate(time.Hour).Add(-23 * time.Hour),
		Until:       noon,
		Counted:     noon.Add(-2 * time.Minute),
		Runs:        413,
		Outcomes:    []wire.OutcomeCount{{Outcome: "no rule", Runs: 391}, {Outcome: "isolated", Runs: 20}, {Runs: 2}},
		ToIsolation: wire.Spread{Runs: 20, P50: 130, P95: 5400},
		More:        true,
	}
	for i := range 24 {
		h := wire.HourCount{At: all.Since.Add(time.Duration(i) * time.Hour)}
		switch i {
		case 3:
			h.Runs, h.Isolated, h.Held = 400, 19, 3
		case 4:
			h.Runs = 12
		case 23:
			h.Runs, h.Isolated = 1, 1
		}
		all.Hours = append(all.Hours, h)
	}
	for range 12 {
		all.UnderWay = append(all.UnderWay, wire.RunLine{
			Run:         "da638994417204415533_-1184209733:v1",
			State:       "waiting",
			Severity:    "High",
			MachineName: "fin-lt-0147.corp.contoso.com",
			Title:       "Suspicious\x1b[2Jservice",
			Observed:    noon.Add(-time.Minute),
		})
	}
	return all
}

func TestAnOverviewIsAPageOfATerminal(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := printOverview(&b, call.Clock{Now: noon, Zone: time.UTC}, busy()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"runs          413 since 2026-03-01 13:00, as of 2026-03-02 12:08:00 +00:00\n",
		"ended         no rule 391, isolated 20, (not over) 2\n",
		"to isolation  half of 20 runs within 2m10s, 95 of 100 within 1h30m\n",
		"FROM (UTC)  RUNS  ISOLATED  HELD\n",
		"13:00       0     0         0\n",
		"16:00       400   19        3     ##" + strings.Repeat("-", 38) + "\n",
		"17:00       12    0         0     --\n",
		"12:00       1     1         0     #\n",
		"under way:\n",
		"there are more; cordon runs lists them among all runs\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("without %q:\n%s", want, b.String())
		}
	}
	if n := strings.Count(b.String(), "fin-lt-0147"); n != underWayShown {
		t.Errorf("%d runs are shown", n)
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Error("what a terminal would obey is shown as it is")
	}
	for line := range strings.Lines(b.String()) {
		if utf8.RuneCountInString(line) > 81 {
			t.Errorf("wider than a terminal: %s", line)
		}
	}
}

func TestAnOverviewOfNothingSaysSo(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	err := printOverview(&b, call.Clock{Now: noon, Zone: time.UTC}, wire.Overview{Since: noon, Until: noon})
	want := "nothing is counted yet: FollowActions counts when it runs\n\nnothing is under way\n"
	if err != nil || b.String() != want {
		t.Errorf("%q, %v", b.String(), err)
	}
}

func TestALengthOfTimeIsAsShortAsItCanBeSaid(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[int]string{
		0:         "0s",
		45:        "45s",
		60:        "1m",
		130:       "2m10s",
		3600:      "1h",
		5400:      "1h30m",
		36005:     "10h0m5s",
		2_600_000: "722h13m20s",
	} {
		if got := lasting(seconds); got != want {
			t.Errorf("%d: %s, want %s", seconds, got, want)
		}
	}
}
