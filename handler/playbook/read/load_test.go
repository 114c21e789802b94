package read_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
	"cordon/handler/playbook/read"
	"cordon/handler/playbook/read/source"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestEveryBrokenPlaybookIsRefusedWithPositionAndWayOut(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d broken playbooks, %v", len(files), err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = read.Load(filepath.Base(path), src)
			var problems *source.Error
			if !errors.As(err, &problems) {
				t.Fatalf("Load gave %v, not *Error", err)
			}
			for _, p := range problems.Problems {
				if p.Line < 1 || p.Column < 1 || p.Message == "" || p.Hint == "" || p.Excerpt == "" {
					t.Errorf("a problem lacks position, message, excerpt or way out: %+v", p)
				}
			}
			golden := strings.TrimSuffix(path, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(golden)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if diff := cmp.Diff(string(want), err.Error()+"\n"); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheDefaultPlaybookObservesAndProtects(t *testing.T) {
	src, err := os.ReadFile("../../../playbook.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := read.Load("playbook.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	if b.Mode() != playbook.Observe {
		t.Errorf("mode %s", b.Mode())
	}
	if diff := cmp.Diff([]string{"contain-high-severity"}, b.Rules()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(playbook.DefaultLimits(), b.Limits()); diff != "" {
		t.Error(diff)
	}
	in := playbooktest.Input()
	in.Ceiling = playbook.Enforce
	if got := b.Decide(in).Steps[0].Verdict; got != playbook.WouldDo {
		t.Errorf("a workstation's isolation: %s", got)
	}
	in.Machine.OSPlatform = "WindowsServer2022"
	if got := b.Decide(in).Steps[0].Verdict; got != playbook.Held {
		t.Errorf("a server's isolation: %s", got)
	}
}

func TestAPlaybookWithoutLimitsHasTheDefaultOnes(t *testing.T) {
	if diff := cmp.Diff(playbook.DefaultLimits(), playbooktest.Load(t,
		playbooktest.OneRule("true", "")).Limits()); diff != "" {
		t.Error(diff)
	}
	got := playbooktest.Load(t, playbooktest.OneRule("true",
		"limits: {isolate: {perMinute: 2, perHour: 3, perDay: 7, perRule: {perHour: 1}, perGroup: {perMinute: "+
			"1, perDay: 4}, perMachine: {perHour: 1, perDay: 2}}}")).Limits()
	want := playbook.DefaultLimits()
	want[playbook.Isolate] = playbook.Cap{Rate: playbook.Rate{PerMinute: 2, PerHour: 3, PerDay: 7},
		PerRule: playbook.Rate{PerHour: 1}, PerGroup: playbook.Rate{PerMinute: 1, PerDay: 4},
		PerMachine: playbook.Rate{PerHour: 1, PerDay: 2}, Then: playbook.HoldForPerson}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = playbooktest.Load(t, playbooktest.OneRule("true", "limits: {scan: {perHour: 3, perDay: 7}}")).Limits()
	if got.Of(playbook.Scan) != (playbook.Cap{Rate: playbook.Rate{PerHour: 3, PerDay: 7},
		PerMachine: playbook.Rate{PerDay: 3}, Then: playbook.HoldForPerson}) ||
		got.Of(playbook.Isolate) != playbook.DefaultLimits().Of(playbook.Isolate) {
		t.Errorf("%+v", got)
	}
	for _, kind := range playbook.StepKinds() {
		if of := (playbook.Limits{}).Of(kind); (of.PerHour > 0 && of.PerDay > 0) != (kind.Action() != "") {
			t.Errorf("without limits %s has %+v", kind, of)
		}
	}
}

func TestTheHashIsOfTheSourceAsItIs(t *testing.T) {
	a, b := playbooktest.Load(t, playbooktest.OneRule("true", "")), playbooktest.Load(t,
		playbooktest.OneRule("true", "# a comment"))
	if a.Hash() == b.Hash() || len(a.Hash()) != 64 || a.Hash() != playbooktest.Load(t,
		playbooktest.OneRule("true", "")).Hash() {
		t.Errorf("hashes %s and %s", a.Hash(), b.Hash())
	}
}

func TestWindowsLineEndsAndAByteOrderMarkAreRead(t *testing.T) {
	src := "\ufeff" + strings.ReplaceAll(playbooktest.OneRule(`alert.severity == "High"`, ""), "\n", "\r\n")
	if got := playbooktest.Load(t, src).Decide(playbooktest.Input()).Rule; got != "r" {
		t.Errorf("rule %q", got)
	}
}

func TestHostileFilesAreRefusedQuicklyAndBriefly(t *testing.T) {
	long := strings.Repeat("a: b\n", (256<<10)/5)
	for name, src := range map[string]string{
		"too long":          long + long,
		"control character": "version: 1\x1b[2J\n",
		"not UTF-8":         "version: \xff\n",
		"nested brackets":   strings.Repeat("[", 200_000),
		"nested braces":     strings.Repeat("{a: ", 60_000),
		"nested lists":      strings.Repeat("- ", 120_000),
		"nested keys":       strings.Repeat("a: ", 80_000),
		"complex keys":      strings.Repeat("? ", 120_000),
		"anchors":           strings.Repeat("&a ", 80_000),
		"alias bomb":        "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nversion: 1\n",
		"tags":              "version: !!python/object 1\n",
		"many mistakes":     "version: 1\nrules:\n" + strings.Repeat("  - nonsense\n", 10_000),
		"long condition":    playbooktest.OneRule(strings.Repeat("(", 100_000), ""),
		"many parts":        playbooktest.OneRule(strings.Repeat("true&&", 330)+"true", ""),
		"deep condition":    playbooktest.OneRule(strings.Repeat("(", 1900), ""),
		"range":             playbooktest.OneRule("all(1..1000000000, true)", ""),
		"growing text":      playbooktest.OneRule(`reduce(alert.evidence, #acc + #acc, alert.title) == ""`, ""),
		"loops in loops": playbooktest.OneRule("all(alert.evidence, all(alert.evidence, "+
			"all(alert.evidence, true)))", ""),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read.Load("playbook.yaml", []byte(src))
			if err == nil {
				t.Fatal("loaded")
			}
			if n := len(err.Error()); n > 30_000 {
				t.Errorf("the message is %d bytes long", n)
			}
			if i := strings.IndexFunc(err.Error(), func(r rune) bool { return r < ' ' && r != '\n' }); i >= 0 {
				t.Errorf("a control character reaches the terminal: %q", err.Error()[i:])
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/broken/*.yaml")
	for _, path := range append(files, "../../../playbook.yaml") {
		src, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		b, err := read.Load("playbook.yaml", src)
		if err == nil {
			if plan := b.Decide(playbooktest.Input()); plan.Reason == "" {
				t.Error("a plan without a reason")
			}
			return
		}
		var problems *source.Error
		if !errors.As(err, &problems) || len(problems.Problems) == 0 {
			t.Fatalf("%T without problems", err)
		}
		for _, p := range problems.Problems {
			if p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Errorf("%+v", p)
			}
		}
	})
}
