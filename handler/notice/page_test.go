package notice

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/isolation"
	"cordon/handler/machine"
	"cordon/handler/portal"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// about is an event about one machine.
func about(kind Kind, minute, seq int, detail string) Event {
	return Event{
		Kind:        kind,
		At:          noon.Add(time.Duration(minute) * time.Minute),
		RunID:       "da638994417204415533_-1184209733:v1",
		AlertID:     "da638994417204415533_-1184209733",
		Title:       "Office application started an encoded script host",
		Severity:    "High",
		Incident:    48213,
		Rule:        "contain-high-severity",
		MachineID:   "4c1f7a90be2d35689f00d1e2a7b3c4558d6e9f12",
		MachineName: "fin-lt-0147.corp.contoso.com",
		User:        `CONTOSO\u4711`,
		Group:       "Finance",
		Tags:        []string{"laptop", "vip"},
		Episode:     1,
		ActionID:    "1f0b6c2e-7d43-4a98-b5e1-20c7d9f4a836",
		Detail:      detail,
		seq:         seq,
		told:        noon.Add(time.Duration(minute) * time.Minute),
	}
}

func onOther(e Event) Event {
	e.MachineID, e.MachineName, e.AlertID = "77aa", "hr-lt-0009.corp.contoso.com", "da2"
	e.Title, e.ActionID = "Possible ransomware activity", "act-2"
	e.User, e.Group, e.Tags = "", "", nil
	return e
}

// scanOf is the same of a scan of the machine.
func scanOf(e Event) Event {
	e.Step, e.Action, e.Scope = "scan:Quick", machine.Scan, machine.Quick
	return e
}

func pages() map[string]page {
	hostile := about(Requested, 0, 1, "x\r\nOutcome   Isolated\r\n")
	hostile.Title = "<script>alert(1)</script>\r\n\r\nMachine   x\r\nId        y\r\nOutcome   Isolated " +
		strings.Repeat("unbroken", 60)
	hostile.User, hostile.Group = "x\r\nOutcome   Isolated", `"><script>alert(1)</script>`
	hostile.Tags = []string{"a", "b\nOutcome   Isolated"}
	hostile.MachineName = "<img src=x onerror=alert(1)>" + strings.Repeat("a", 200)
	scan := about(Failed, 3, 2, "Action 3c1d is Failed.")
	scan.Step, scan.Action, scan.Scope, scan.ActionID = "scan:Quick", machine.Scan, machine.Quick, "3c1d"
	tag := about(Done, 3, 2, `Tag "cordon-contained" put on.`)
	tag.Step, tag.Episode, tag.ActionID, tag.Note = "tag:add:cordon-contained", 0, "", "Its owner cannot work: call "+
		"the service desk."
	orphan := Event{
		Kind:     NoMachine,
		At:       noon,
		AlertID:  "da9",
		RunID:    "da9:v1",
		Title:    "Suspicious sign-in",
		Severity: "High",
		Rule:     "contain-high-severity",
		Detail:   "the alert names no machine",
		seq:      1,
	}
	unwell := Event{
		Kind:   Overdue,
		At:     noon,
		RunID:  "FollowActions 2026-03-02T11:50:00Z",
		Detail: "FollowActions last succeeded at 2026-03-02T11:50:00Z, 10m0s ago.",
		seq:    1,
	}
	sourceOut := Event{
		Kind:  SourceOut,
		At:    noon,
		RunID: "graph 2026-03-02T11:50:00Z",
		Detail: "Since 2026-03-02T11:50:00Z: 410 Gone. The other source goes on, and what this one did not show is " +
			"read when it is back. Look at /api/health and at cordon doctor.",
		seq: 1,
	}
	sourceBack := Event{
		Kind:   SourceBack,
		At:     noon,
		RunID:  "graph 2026-03-02T11:50:00Z",
		Detail: "What it did not show since 2026-03-02T11:50:00Z is read now.",
		seq:    1,
	}
	paused := Event{
		Kind:   Paused,
		At:     noon,
		RunID:  "command c0ffee00-1",
		Detail: "By operator@contoso.com: the CMDB import is wrong",
		seq:    1,
	}
	resumed := paused
	resumed.Kind, resumed.At, resumed.seq = Resumed, noon.Add(time.Hour), 2
	resumed.Detail = "By operator@contoso.com: the import is mended"
	scanHeld := about(Held, 0, 1, "the cap on antivirus scans is reached, 60 of at most 60 an hour are taken")
	scanHeld.Step, scanHeld.Action, scanHeld.Scope, scanHeld.ActionID = "scan:Quick", machine.Scan, machine.Quick, ""
	again := about(Failed, 9, 2, "Action 1f0b is Failed. It is asked for again (try 2 of 3).")
	again.Again = true
	isolatedElse := about(Held, 9, 2,
		"protected: tag domain-controller; the machine is isolated for another alert (run da1:v1)")
	isolatedElse.Stands = InForce
	scanElse := scanHeld
	scanElse.Stands = UnderWay
	waits := about(Waits, 0, 1, "alice@contoso.com asked for what undoes it (Unisolate, action 77), which is not over.")
	waits.Episode, waits.ActionID = 0, "77"
	capped := Event{
		Kind:   CapReached,
		Action: machine.Scan,
		At:     noon,
		RunID:  "scan/an hour 2026-03-02T12:00:00Z",
		Detail: "Antivirus scans: 60 of at most 60 an hour are taken. What is beyond it is held: cordon held list " +
			"shows it, cordon held run continues with it.",
		seq: 1,
	}
	madeUp := Event{
		Kind:   UnknownAlerts,
		At:     noon,
		RunID:  "lookups 2026-03-02T11:50:00Z 2026-03-02T11:51:00Z",
		Detail: "No source of alerts knows 2 of the ids, and no poll has found them: da1, da2.",
		seq:    1,
	}
	finding := about(Isolated, 1, 1, "Action 1f0b is Succeeded.")
	finding.AlertID = alert.FindingID("remote-tools", "9f86d081884c7d65")
	finding.RunID, finding.Incident, finding.User = finding.AlertID+":v1", 0, ""
	all := map[string]page{
		"finding": summarize([]Event{finding}, 1),
		"pending": summarize([]Event{
			about(Requested, 0, 1, ""),
			about(StillPending, 15, 2, "Action 1f0b is Pending since 2026-03-02T12:00:00Z."),
		}, 2),
		"unknown":   summarize([]Event{madeUp}, 1),
		"requested": summarize([]Event{about(Requested, 0, 1, "Rule contain-high-severity, run da1:v1.")}, 1),
		"isolated": summarize([]Event{
			about(Requested, 0, 1, ""), about(Isolated, 1, 2, "Action 1f0b is Succeeded since 12:01."),
		}, 2),
		"lifts-soon": summarize([]Event{
			about(Isolated, 1, 1, "done"),
			about(LiftsSoon, 8640, 2,
				"Action 1f0b was asked for by Cordon. Defender lifts it by itself at 2026-03-09T12:01:00Z; the API "+
					"does not show it."),
		}, 2),
		"lifted": summarize([]Event{about(Isolated, 1, 1, "done"), about(LiftsSoon, 8640, 2, "soon"),
			about(Lifted, 10080, 3,
				"Action 1f0b was asked for by Cordon. Defender lifts it by itself at 2026-03-09T12:01:00Z; the API "+
					"does not show it.")}, 3),
		"within": summarize([]Event{about(Isolated, 0, 1, "done"), about(Requested, 0, 1, "asked")}, 1),
		"failed": summarize([]Event{
			about(Requested, 0, 1, ""), about(Failed, 9, 2, "Action 1f0b is Failed. Error "+machine.ResultText(0x80070070)+"."),
		}, 2),
		"steps":       summarize([]Event{about(Isolated, 2, 2, "Action 1f0b is Succeeded."), scan, tag}, 2),
		"held-scan":   summarize([]Event{scanHeld}, 1),
		"again":       summarize([]Event{about(Requested, 0, 1, ""), again}, 2),
		"held-stands": summarize([]Event{isolatedElse, scanElse}, 2),
		"waits":       summarize([]Event{waits}, 1),
		"cap":         summarize([]Event{capped}, 1),
		"held":        summarize([]Event{about(Held, 0, 1, "protected: tag domain-controller")}, 1),
		"denied": summarize([]Event{about(Denied, 0, 1,
			"403 Forbidden (grant the application permission Machine.Isolate)")}, 1),
		"would":        summarize([]Event{about(WouldIsolate, 0, 1, "observe mode")}, 1),
		"two-machines": summarize([]Event{about(Isolated, 2, 1, ""), onOther(about(Requested, 1, 1, ""))}, 1),
		"hostile":      summarize([]Event{hostile}, 1),
		"no-machine":   summarize([]Event{orphan}, 1),
		"overdue":      summarize([]Event{unwell}, 1),
		"source-out":   summarize([]Event{sourceOut}, 1),
		"source-back":  summarize([]Event{sourceBack}, 1),
		"paused":       summarize([]Event{paused}, 1),
		"resumed":      summarize([]Event{paused, resumed}, 2),
	}
	elsewhere := all["failed"]
	elsewhere.Clock.Zone = time.FixedZone("", 5*3600+45*60)
	all["elsewhere"] = elsewhere
	for name, p := range all {
		p.Console = portal.Console{App: "https://cordon.example.com"}
		p.Portal = portal.Portal{Cloud: "global", Tenant: "0f8fad5b-d9cb-469f-a165-70867728950e"}
		all[name] = p
	}
	return all
}

func TestMailsReadAsTheGoldenFiles(t *testing.T) {
	t.Parallel()
	for name, p := range pages() {
		text, html, err := render(p)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".txt.golden", "Subject: "+p.Subject+"\n\n"+text)
		golden(t, name+".html.golden", html)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestOnlySucceededIsCalledIsolated(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{
		Requested, StillPending, Failed, TimedOut, Cancelled, Released, Refused, Denied, Held, WouldIsolate, NoMachine,
		NotFound, Duplicate, Matched, Parked, ReleasedEarly, Lifted, Waits,
	} {
		if outcome, _, _ := outcomeOf(about(kind, 0, 1, "")); strings.HasPrefix(outcome, "Isolated") {
			t.Errorf("%s is told as %q", kind, outcome)
		}
	}
	if outcome, tone, _ := outcomeOf(about(Isolated, 0, 1, "")); outcome != "Isolated" || tone != "good" {
		t.Errorf("Isolated is told as %q, %s", outcome, tone)
	}
}

// TestAMailSaysNothingThatIsNotSo has every kind of news, of an isolation and of a scan: only an action that Defender
// has is said to be as Defender reported, and what Cordon does again is nobody's to do by hand at the same time.
func TestAMailSaysNothingThatIsNotSo(t *testing.T) {
	t.Parallel()
	reported := []Kind{Requested, StillPending, Isolated, Done, Failed, TimedOut, Cancelled, Released, ByRule}
	for _, kind := range slices.Concat(reported,
		[]Kind{Refused, Denied, Held, WouldIsolate, WouldDo, Skipped, NotFound, Duplicate, ReleasedEarly, Waits}) {
		for _, scan := range []bool{false, true} {
			e := about(kind, 0, 1, "")
			if scan {
				e.Step, e.Action, e.Scope = "scan:Quick", machine.Scan, machine.Quick
			}
			if isDone := kind == Done; isDone && !scan {
				continue // an isolation that is done is Isolated
			}
			text, html, err := render(summarize([]Event{e}, 1))
			if err != nil {
				t.Fatal(err)
			}
			for _, mail := range []string{text, html} {
				if got, want := strings.Contains(mail,
					"what Defender reported"), slices.Contains(reported, kind); got != want {
					t.Errorf("%s, of a scan %v: said to be what Defender reported: %v", kind, scan, got)
				}
				if lower := strings.ToLower(mail); scan && strings.Contains(lower, "isolat") && kind != Isolated &&
					kind != WouldIsolate {
					t.Errorf("%s of a scan speaks of an isolation:\n%s", kind, text)
				}
			}
			e.Again = true
			if _, _, what := outcomeOf(e); (kind == Failed || kind == TimedOut) &&
				!strings.HasPrefix(what, "Nothing yet: Cordon asks for it again") {
				t.Errorf("%s, which is asked for again: %s", kind, what)
			}
		}
	}
	for _, spec := range machine.Catalogue() {
		if p := summarize([]Event{{Kind: CapReached, Action: spec.Type, Detail: "x", seq: 1}},
			1); !strings.Contains(p.Headline, "A cap is reached, "+spec.Plural+" are held for a person") {
			t.Errorf("a cap on %s: %s", spec.Plural, p.Headline)
		}
	}
}

// TestWhatIsNotFoundIsNamed has an alert and a machine that Defender does not know.
func TestWhatIsNotFoundIsNamed(t *testing.T) {
	t.Parallel()
	gone := Event{Kind: NotFound, AlertID: "da1", Detail: "machine m1 not found in 3 tries", MachineID: "m1", seq: 1}
	if p := summarize([]Event{gone}, 1); !strings.Contains(p.Headline, "Nothing was done: the machine was not found") {
		t.Errorf("a machine: %s", p.Headline)
	}
	gone.Rule = "isolate-high"
	if p := summarize([]Event{gone}, 1); !strings.Contains(p.Headline, "Not isolated: not found") {
		t.Errorf("a machine at its isolation: %s", p.Headline)
	}
	gone.MachineID, gone.Detail = "", "alert not found in 3 tries"
	if p := summarize([]Event{gone}, 1); p.Headline != "Alert not found: da1" {
		t.Errorf("an alert: %s", p.Headline)
	}
}

// TestAnAlertOnSeveralMachinesIsNamedOnceByItsOwnID though the ledger keeps it once for each machine.
func TestAnAlertOnSeveralMachinesIsNamedOnceByItsOwnID(t *testing.T) {
	t.Parallel()
	also := alert.OnMachine("da1", strings.Repeat("a", 40))
	p := summarize([]Event{
		{Kind: Requested, AlertID: "da1", Title: "x", MachineID: "m1", seq: 1},
		{Kind: Requested, AlertID: also, Title: "x", MachineID: strings.Repeat("a", 40), seq: 1},
	}, 1)
	if len(p.Machines) != 2 || len(p.Alerts) != 1 || p.Alerts[0].ID != "da1" {
		t.Errorf("%d machines, %+v", len(p.Machines), p.Alerts)
	}
	for _, kind := range []Kind{NotFound, Stuck, GaveUp} {
		p := summarize([]Event{{Kind: kind, AlertID: also, seq: 1}}, 1)
		if !strings.HasSuffix(p.Headline, ": da1") || p.Alerts[0].ID != "da1" {
			t.Errorf("%s: %s, %+v", kind, p.Headline, p.Alerts)
		}
	}
}

// TestAMailSendsNobodyToAListThatHasNothing has what was held without its machine, which no command can go on with.
func TestAMailSendsNobodyToAListThatHasNothing(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"", "scan:Quick"} {
		for _, stands := range []Standing{"", UnderWay} {
			e := about(Held, 0, 1, "")
			e.Step, e.Action, e.Stands = step, machine.Scan, stands
			if _, _, what := outcomeOf(e); !strings.Contains(what, "cordon held run") {
				t.Errorf("step %q that is listed: %s", step, what)
			}
			e.Unlisted = true
			_, _, what := outcomeOf(e)
			if strings.Contains(what, "cordon held") || !strings.Contains(what, "could not read the machine") {
				t.Errorf("step %q that is not listed: %s", step, what)
			}
		}
	}
}

// TestNothingUntrueIsSaidOfAMachineThatIsSoAllTheSame has every kind of news that a step is not done, while the machine
// is isolated or scanned all the same.
func TestNothingUntrueIsSaidOfAMachineThatIsSoAllTheSame(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Held, WouldIsolate, WouldDo, Skipped, ReleasedEarly} {
		for _, stands := range []Standing{UnderWay, InForce} {
			e := about(kind, 0, 1, "")
			e.Stands = stands
			scan := e
			scan.Step, scan.Action, scan.Scope = "scan:Quick", machine.Scan, machine.Quick
			outcome, _, _ := outcomeOf(e)
			other, _, what := outcomeOf(scan)
			for _, untrue := range []string{"Not isolated", "Isolated", "Would isolate", "No "} {
				if strings.HasPrefix(outcome, untrue) || strings.HasPrefix(other, untrue) {
					t.Errorf("%s is told as %q, of a scan %q", kind, outcome, other)
				}
			}
			if !strings.HasSuffix(outcome, "; isolation is "+string(stands)+" all the same") ||
				strings.Contains(other+what, "isolat") {
				t.Errorf("%s is told as %q, of a scan %q", kind, outcome, other)
			}
			gone := e
			gone.Stands = ""
			if gone.Key() == e.Key() {
				t.Errorf("that %s is so although nothing else stands any more is no news", kind)
			}
		}
	}
}

func TestEveryOutcomeOfAStepNamesWhatItIsAbout(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{
		Requested, StillPending, Done, Failed, TimedOut, Cancelled, Released, ByRule, Refused, Denied, Held, WouldDo,
		Skipped, NotFound, Duplicate, Waits,
	} {
		e := about(kind, 0, 1, "")
		e.Step, e.Action = "restriction", machine.Restrict
		outcome, _, _ := outcomeOf(e)
		if !strings.Contains(strings.ToLower(outcome), "restriction of apps") ||
			strings.HasPrefix(outcome, "Isolated") {
			t.Errorf("%s is told as %q", kind, outcome)
		}
		if good := kind == Done; strings.Contains(outcome, "in force") != good {
			t.Errorf("%s is told as %q", kind, outcome)
		}
	}
}

func TestAttackersTextMakesNoLineAndNoMarkup(t *testing.T) {
	t.Parallel()
	text, html, err := render(pages()["hostile"])
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count("\n"+text, "\nOutcome   "); n != 1 {
		t.Errorf("%d lines begin with Outcome:\n%s", n, text)
	}
	if strings.Contains(html, "<script") || strings.Contains(html, "<img") {
		t.Error("markup of the alert stands in the mail")
	}
	if subject := pages()["hostile"].Subject; strings.ContainsAny(subject, "\r\n") || len([]rune(subject)) > 175 {
		t.Errorf("subject %q", subject)
	}
}

func TestOutcomeThatWasFoundLateIsNotOverwrittenByTheRequest(t *testing.T) {
	t.Parallel()
	// The action was done before anybody knew that it was asked for: its time is earlier than the request's record.
	done, asked := about(Isolated, -3, 1, ""), about(Requested, 0, 1, "")
	done.told = noon.Add(time.Second)
	for _, events := range [][]Event{{done, asked}, {asked, done}} {
		if p := summarize(events, 1); p.Machines[0].Outcome != "Isolated" {
			t.Errorf("told as %q", p.Machines[0].Outcome)
		}
	}
}

func TestReleaseThatIsRecordedWithTheOutcomeIsTheLastWord(t *testing.T) {
	t.Parallel()
	done, released := about(Isolated, 0, 1, ""), about(Released, 0, 1, "")
	for _, events := range [][]Event{{done, released}, {released, done}} {
		if p := summarize(events, 1); p.Machines[0].Outcome != "Released" {
			t.Errorf("told as %q", p.Machines[0].Outcome)
		}
	}
}

func TestNewsOfThisSequenceOnly(t *testing.T) {
	t.Parallel()
	p := summarize([]Event{about(Isolated, 0, 1, ""), onOther(about(Requested, 1, 2, ""))}, 2)
	if len(p.Machines) != 1 || p.Machines[0].ID != "77aa" {
		t.Errorf("the second mail speaks of %+v", p.Machines)
	}
}

// TestWhatWasToldIsNoNewsBecauseItsRequestIsRecordedLate has a run that met trouble record its request after the
// outcome was told. A mail that has no other news still goes out.
func TestWhatWasToldIsNoNewsBecauseItsRequestIsRecordedLate(t *testing.T) {
	done, late := about(Isolated, 1, 1, "done"), about(Requested, 2, 2, "asked")
	p := summarize([]Event{done, late, onOther(about(Isolated, 2, 2, "done"))}, 2)
	if len(p.Machines) != 1 || p.Machines[0].Name != "hr-lt-0009.corp.contoso.com" {
		t.Errorf("news of %+v", p.Machines)
	}
	if p = summarize([]Event{done, late}, 2); len(p.Machines) != 1 || p.Machines[0].Outcome != "Isolated" {
		t.Errorf("alone: %+v", p.Machines)
	}
	next := late
	next.Episode = 2
	if p = summarize([]Event{done, next}, 2); len(p.Machines) != 1 || p.Machines[0].Outcome == "Isolated" {
		t.Errorf("a new episode: %+v", p.Machines)
	}
}

// TestMailsSayTheStateOfAMachineInTheWordsOfAll holds that what is told of an isolation begins with the word that the
// console and the command line have for it.
func TestMailsSayTheStateOfAMachineInTheWordsOfAll(t *testing.T) {
	t.Parallel()
	release := Event{Step: "release", Action: machine.Unisolate}
	for _, tt := range []struct {
		kind Kind
		of   Event
		want isolation.State
	}{
		{Requested, Event{}, isolation.Requested},
		{StillPending, Event{}, isolation.Requested},
		{Isolated, Event{}, isolation.Isolated},
		{LiftsSoon, Event{}, isolation.Isolated},
		{Failed, Event{}, isolation.Not},
		{TimedOut, Event{}, isolation.Not},
		{Cancelled, Event{}, isolation.Not},
		{Refused, Event{}, isolation.Not},
		{Denied, Event{}, isolation.Not},
		{Held, Event{}, isolation.Not},
		{ReleasedEarly, Event{}, isolation.Not},
		{Released, Event{}, isolation.Released},
		{ByRule, Event{}, isolation.Released},
		{Lifted, Event{}, isolation.Lifted},
		{Requested, release, isolation.Releasing},
		{StillPending, release, isolation.Releasing},
		{Done, release, isolation.Released},
	} {
		tt.of.Kind = tt.kind
		outcome, _, _ := outcomeOf(tt.of)
		if got, _ := isolation.Of(outcome); got != tt.want {
			t.Errorf("%s %s: %q says %q, want %q", tt.of.Step, tt.kind, outcome, got, tt.want)
		}
	}
}
