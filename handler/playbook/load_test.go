package playbook

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/checker"
	expcompiler "github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
	"github.com/google/go-cmp/cmp"
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
			_, err = Load(filepath.Base(path), src)
			var problems *Error
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

func mustLoad(t testing.TB, src string) *Book {
	t.Helper()
	b, err := Load("playbook.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// oneRule is a playbook with one rule and what is given after it.
func oneRule(when, more string) string {
	return fmt.Sprintf("version: 1\nmode: enforce\nrules:\n  - name: r\n    on: alert\n    when: %q\n    do: [{isolate: {type: Full}}, {mail: {}}]\n%s", when, more)
}

func TestTheDefaultPlaybookObservesAndProtects(t *testing.T) {
	src, err := os.ReadFile("../../playbook.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := Load("playbook.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	if b.Mode() != Observe {
		t.Errorf("mode %s", b.Mode())
	}
	if diff := cmp.Diff([]string{"contain-high-severity"}, b.Rules()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(DefaultLimits(), b.Limits()); diff != "" {
		t.Error(diff)
	}
	in := input()
	in.Ceiling = Enforce
	if got := b.Decide(in).Steps[0].Verdict; got != WouldDo {
		t.Errorf("a workstation's isolation: %s", got)
	}
	in.Machine.OSPlatform = "WindowsServer2022"
	if got := b.Decide(in).Steps[0].Verdict; got != Held {
		t.Errorf("a server's isolation: %s", got)
	}
}

func TestAPlaybookWithoutLimitsHasTheDefaultOnes(t *testing.T) {
	if diff := cmp.Diff(DefaultLimits(), mustLoad(t, oneRule("true", "")).Limits()); diff != "" {
		t.Error(diff)
	}
	got := mustLoad(t, oneRule("true", "limits: {isolate: {perMinute: 2, perHour: 3, perDay: 7, perRule: {perHour: 1}, perGroup: {perMinute: 1, perDay: 4}, perMachine: {perHour: 1, perDay: 2}}}")).Limits()
	want := DefaultLimits()
	want[Isolate] = Cap{Rate: Rate{2, 3, 7}, PerRule: Rate{PerHour: 1}, PerGroup: Rate{PerMinute: 1, PerDay: 4}, PerMachine: Rate{PerHour: 1, PerDay: 2}, Then: HoldForPerson}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = mustLoad(t, oneRule("true", "limits: {scan: {perHour: 3, perDay: 7}}")).Limits()
	if got.Of(Scan) != (Cap{Rate: Rate{PerHour: 3, PerDay: 7}, PerMachine: Rate{PerDay: 3}, Then: HoldForPerson}) || got.Of(Isolate) != DefaultLimits().Of(Isolate) {
		t.Errorf("%+v", got)
	}
	for _, kind := range StepKinds() {
		if of := (Limits{}).Of(kind); (of.PerHour > 0 && of.PerDay > 0) != (kind.Action() != "") {
			t.Errorf("without limits %s has %+v", kind, of)
		}
	}
}

func TestTheHashIsOfTheSourceAsItIs(t *testing.T) {
	a, b := mustLoad(t, oneRule("true", "")), mustLoad(t, oneRule("true", "# a comment"))
	if a.Hash() == b.Hash() || len(a.Hash()) != 64 || a.Hash() != mustLoad(t, oneRule("true", "")).Hash() {
		t.Errorf("hashes %s and %s", a.Hash(), b.Hash())
	}
}

func TestWindowsLineEndsAndAByteOrderMarkAreRead(t *testing.T) {
	src := "\ufeff" + strings.ReplaceAll(oneRule(`alert.severity == "High"`, ""), "\n", "\r\n")
	if got := mustLoad(t, src).Decide(input()).Rule; got != "r" {
		t.Errorf("rule %q", got)
	}
}

func TestHostileFilesAreRefusedQuicklyAndBriefly(t *testing.T) {
	long := strings.Repeat("a: b\n", maxSource/5)
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
		"long condition":    oneRule(strings.Repeat("(", 100_000), ""),
		"many parts":        oneRule(strings.Repeat("true&&", 330)+"true", ""),
		"deep condition":    oneRule(strings.Repeat("(", 1900), ""),
		"range":             oneRule("all(1..1000000000, true)", ""),
		"growing text":      oneRule(`reduce(alert.evidence, #acc + #acc, alert.title) == ""`, ""),
		"loops in loops":    oneRule("all(alert.evidence, all(alert.evidence, all(alert.evidence, true)))", ""),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load("playbook.yaml", []byte(src))
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
	for _, path := range append(files, "../../playbook.yaml") {
		src, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		b, err := Load("playbook.yaml", src)
		if err == nil {
			if plan := b.Decide(input()); plan.Reason == "" {
				t.Error("a plan without a reason")
			}
			return
		}
		var problems *Error
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

// compileWhole compiles a condition without taking it apart.
func compileWhole(c *compiler, src string) (*vm.Program, error) {
	tree, err := parser.ParseWithConfig(src, c.config)
	if err != nil {
		return nil, err
	}
	tree.Node = withSeverities(tree.Node)
	if _, err := checker.Check(tree, c.config); err != nil {
		return nil, err
	}
	tree.Node = guarded(tree.Node)
	if _, err := checker.Check(tree, c.config); err != nil {
		return nil, err
	}
	return expcompiler.Compile(tree, c.config)
}

func FuzzCondition(f *testing.F) {
	for _, src := range conditionsThatWork() {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		b := newCompiler()
		c, problems := b.compile(src)
		if len(problems) > 0 {
			return
		}
		in := input()
		e := newEvaluation(b.sizes(), &in)
		got, _ := e.condition(c)
		// What decides, clause by clause, has to agree with the expression language about the whole.
		program, err := compileWhole(b, src)
		if err != nil {
			t.Fatalf("%s: its clauses compile, the whole does not: %v", src, err)
		}
		whole, err := expr.Run(program, e.facts)
		if (err != nil) != (got.err != nil) || err == nil && whole != got.is {
			t.Errorf("%s is %v, %v; its clauses say %+v", src, whole, err, got)
		}
	})
}
