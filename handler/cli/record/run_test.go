package record

import (
	"io"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"cordon/handler/cli/call"
	"cordon/handler/operate/wire"
	"cordon/handler/outgoing/outgoingtest"
)

// TestARunIsShownWithItsReasonsAndHarmless prints a run whose every text was written by somebody hostile.
func TestARunIsShownWithItsReasonsAndHarmless(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	r := wire.Run{
		ID:       "da1:v2",
		State:    "closed",
		Outcome:  "isolated",
		Reason:   "why\x1b[2J\u202e",
		Title:    "Title\x1b]0;x\a\nrun  forged",
		Severity: "High",
		Rule:     "contain",
		Observed: noon,
		Steps:    []wire.RunStep{{Step: "isolate", Outcome: "isolated", Action: "a1", Reason: "action a1 is Succeeded"}},
		Told: []wire.RunTold{
			{What: "requested", State: "sent", Sent: noon, To: []string{"soc@contoso.com"}, Mail: "incident:5:1"},
			{What: "isolated", State: "failed", Tries: 2, Why: "refused\x1b[2J", Mail: "incident:5:2"},
		},
		ContinuedBy: "operator@contoso.com: spoke to the owner",
		Decision: "rule contain matches\n\nrules:\n  1. contain: matches\n       true   alert.severity == \"High\"\n" +
			"              alert.severity = High\x1b[2J\n",
		Versions: []wire.RunVersion{{Run: "da1:v2"}, {Run: "da1:v1", State: "closed", Outcome: "no rule"}},
		Commands: []wire.Entry{{Verb: "continue", By: "operator@contoso.com", At: noon, State: "done"}},
	}
	var out strings.Builder
	if err := PrintRun(&out, call.Clock{Now: noon.Add(time.Hour), Zone: time.UTC}, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"da1:v2", "isolated; machine action a1; action a1 is Succeeded", "sent 2026-03-02 12:00:00 +00:00 to soc@contoso.com",
		"failed 2 times: refused", "no rule",
		"operator@contoso.com: spoke to the owner", "alert.severity = High", "1. contain: matches", "by hand:",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
	if strings.ContainsAny(out.String(), "\x1b\a\u202e") || strings.Contains(out.String(), "\nrun  forged") {
		t.Errorf("it is not harmless:\n%q", out.String())
	}
}

// TestLinesThatAreFoldedKeepTheirColumns prints rails, of which one has more to say than a line has room for.
func TestLinesThatAreFoldedKeepTheirColumns(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := &paper{w: &out}
	words := strings.Repeat("word ", 10)
	p.lines("rails:", "  passed    machine read\n  held      not protected: "+words+words+"\n\n  passed    mode\n")
	want := "\nrails:\n    passed    machine read\n    held      not protected: " + words + "\n              " + words +
		"\n\n    passed    mode\n"
	if want = strings.ReplaceAll(want, " \n", "\n"); p.err != nil || out.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", p.err, out.String(), want)
	}
}

func TestCountsSayOfWhichDaysTheyAre(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	asOf := "as of 2026-03-02 12:00:00 +00:00;\n  today is counted every 15 minutes at least\n"
	for want, all := range map[string]wire.Counts{
		"nothing is counted yet": {},
		"no run was counted in 2 days, as of": {
			Days:    make([]wire.DayCount, 2),
			Counted: noon,
		},
		"RULE     MODE     OUTCOME  RUNS\ncontain  enforce  held     3\n\n" +
			"3 runs in 2 days (5 more are not counted yet), " + asOf: {
			Days:    make([]wire.DayCount, 2),
			Counted: noon,
			Runs:    3,
			Counts:  []wire.Count{{Rule: "contain", Mode: "enforce", Outcome: "held", Runs: 3}},
		},
	} {
		var out strings.Builder
		err := printCounts(&out, call.Clock{Now: noon, Zone: time.UTC}, all, 7)
		if err != nil || !strings.HasPrefix(out.String(), want) {
			t.Errorf("%v\n%s\nwant\n%s", err, out.String(), want)
		}
	}
}

// hostile is what a terminal obeys, and what could pass for a line of ours.
const hostile = "x\x1b[2J\x1b]0;t\a\u202e\u2028\r\nrun  forged\nstate  forged\x00\xff"

// TestNothingThatOthersWroteIsObeyedByATerminal prints a run, a list and counts of which every text is hostile, and a
// title of 300 KB.
func TestNothingThatOthersWroteIsObeyedByATerminal(t *testing.T) {
	t.Parallel()
	var run wire.Run
	var runs wire.Runs
	var counts wire.Counts
	for _, v := range []any{&run, &runs, &counts} {
		outgoingtest.Fill(t, v, hostile)
	}
	run.Title = strings.Repeat("\u202e\x1b[2Jé", 300_000/7)
	run.Decided.Facts.Alert.Evidence[0].CommandLine = run.Title
	now := call.Clock{Now: time.Date(2026, 3, 2, 13, 0, 0, 0, time.UTC), Zone: time.UTC}
	for name, print := range map[string]func(w io.Writer) error{
		"run":    func(w io.Writer) error { return PrintRun(w, now, run) },
		"runs":   func(w io.Writer) error { return printRuns(w, now, runs) },
		"counts": func(w io.Writer) error { return printCounts(w, now, counts, 30) },
	} {
		var out strings.Builder
		if err := print(&out); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		for _, r := range text {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%s prints %q", name, r)
				break
			}
		}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "run  forged") || strings.HasPrefix(line, "state  forged") {
				t.Errorf("%s has a line that somebody else wrote: %s", name, line)
			}
		}
		if len(text) > 100_000 || !utf8.ValidString(text) {
			t.Errorf("%s prints %d bytes", name, len(text))
		}
	}
}
