package backtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cordon/handler/backtest"
	"cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
)

// simple is a rule of a small family, which plain decides without the playbook's help.
type simple struct {
	name      string
	severity  []string
	category  string // empty: any
	exceptTag string // empty: none
	observe   bool
	do        []string // isolate, tag, mail
}

// simpleBook is a playbook of such rules, the first that matches decides.
type simpleBook struct {
	rules   []simple
	protect string // a tag
}

// text is the playbook as people write it.
func (b simpleBook) text() string {
	var rules []string
	for _, r := range b.rules {
		when := fmt.Sprintf(`alert.severity in ["%s"]`, strings.Join(r.severity, `", "`))
		if r.category != "" {
			when += fmt.Sprintf(` && alert.category == "%s"`, r.category)
		}
		unless, mode := "", ""
		if r.exceptTag != "" {
			unless = fmt.Sprintf(`, unless: 'machine != nil && "%s" in machine.machineTags'`, r.exceptTag)
		}
		if r.observe {
			mode = ", mode: observe"
		}
		steps := []string{}
		for _, step := range r.do {
			steps = append(steps, map[string]string{
				"isolate": "{isolate: {type: Full}}",
				"tag":     "{tag: {add: seen}}",
				"mail":    "{mail: {}}",
			}[step])
		}
		rules = append(rules, fmt.Sprintf("{name: %s, on: alert, when: '%s'%s%s, do: [%s]}", r.name, when, unless, mode,
			strings.Join(steps, ", ")))
	}
	return playbooktest.Rules(rules...) + "protect: {tags: [" + b.protect + "]}\n"
}

// plain says what becomes of each step, and which rule decides. It knows nothing of the playbook's code.
func (b simpleBook) plain(in playbook.Input) (rule string, steps map[string]string) {
	steps = map[string]string{}
	for _, r := range b.rules {
		if !slices.Contains(r.severity, string(in.Alert.Severity)) ||
			r.category != "" && r.category != in.Alert.Category {
			continue
		}
		unknown := r.exceptTag != "" && in.Alert.MachineID != "" && in.Machine == nil
		if !unknown && r.exceptTag != "" && in.Machine != nil && slices.Contains(in.Machine.Tags, r.exceptTag) {
			continue
		}
		for _, step := range r.do {
			steps[step] = b.verdict(in, r, step, unknown)
		}
		if unknown && steps["mail"] == "" {
			steps["mail"] = b.verdict(in, r, "mail", unknown)
		}
		return r.name, steps
	}
	return "", steps
}

func (b simpleBook) verdict(in playbook.Input, r simple, step string, unknown bool) string {
	observes := r.observe || in.Ceiling != playbook.Enforce
	old := in.Now.Sub(in.Alert.Created) > in.StaleAfter
	switch {
	case step == "mail" && observes:
		return "would do"
	case step == "mail":
		return "do"
	case step == "isolate" && in.Alert.Classification == "FalsePositive":
		return "skipped"
	case unknown, in.Machine == nil, slices.Contains(in.Machine.Tags, b.protect), old, in.Paused:
		return "held"
	case observes:
		return "would do"
	}
	return "do"
}

// draw is a playbook by chance.
func (c chance) draw() simpleBook {
	b := simpleBook{protect: one(c, "never-isolate", "office")}
	for i := range 1 + c.IntN(4) {
		b.rules = append(b.rules, simple{
			name:      fmt.Sprintf("r%d", i),
			severity:  strings.Fields(one(c, "High", "Medium", "High Medium", "Low Medium")),
			category:  one(c, "", "", "Ransomware", "Execution"),
			exceptTag: one(c, "", "", "office", "cordon-contained"),
			observe:   c.IntN(4) == 0,
			do:        strings.Fields(one(c, "isolate", "isolate mail", "tag mail", "mail")),
		})
	}
	return b
}

// effectOf is what it comes to that a step is decided otherwise, by the words of the docs.
func effectOf(step, then, now string) backtest.Effect {
	done := func(verdict string) bool {
		return verdict == "do" || step == "mail" && verdict == "would do"
	}
	switch {
	case then == now:
		return ""
	case done(then) && done(now):
		return backtest.Differs
	case done(now):
		return backtest.Begins
	case done(then):
		return backtest.Ends
	}
	return backtest.Undone
}

// TestAChangedPlaybookDiffersExactlyWhereASecondImplementationSays holds every run by itself, and the sums of all.
func TestAChangedPlaybookDiffersExactlyWhereASecondImplementationSays(t *testing.T) {
	t.Parallel()
	const pairs, runs = 100, 100
	c := newChance(7)
	sums := map[backtest.Effect]int{}
	for range pairs {
		was, is := c.draw(), c.draw()
		before, after := playbooktest.Load(t, was.text()), playbooktest.Load(t, is.text())
		trial := backtest.New(backtest.Options{Book: after})
		wanted := map[backtest.Effect]int{}
		for range runs {
			in := c.input(c.IntN(10_000))
			d := decide(t, before, in)
			trial.Add(d)
			want := wants(was, is, in)
			for effect := range want {
				wanted[effect]++
				sums[effect]++
			}
			if got := effects(alone(after, d)); !sameEffects(got, want) {
				t.Fatalf("%+v on %+v\nthen\n%snow\n%sgot %v\nwant %v", in.Alert, in.Machine, was.text(), is.text(),
					got, want)
			}
		}
		for _, e := range trial.Report().Effects {
			if wanted[backtest.Effect(e.Name)] != e.Runs {
				t.Errorf("%s: %d runs, want %d", e.Name, e.Runs, wanted[backtest.Effect(e.Name)])
			}
		}
	}
	for _, effect := range backtest.Effects() {
		if sums[effect] == 0 {
			t.Errorf("no run is one of %q", effect)
		}
	}
}

// wants are the steps that differ, by effect.
func wants(was, is simpleBook, in playbook.Input) map[backtest.Effect][]string {
	ruleThen, then := was.plain(in)
	ruleNow, now := is.plain(in)
	want := map[backtest.Effect][]string{}
	for _, step := range []string{"isolate", "mail", "tag"} {
		effect := effectOf(step, then[step], now[step])
		if effect != "" {
			want[effect] = append(want[effect], fmt.Sprintf("%s: %s, %s; %s, %s", step,
				ruleIf(then[step], ruleThen), then[step],
				ruleIf(now[step], ruleNow), now[step]))
		}
	}
	if len(want) == 0 && ruleThen != ruleNow {
		want[backtest.Renamed] = []string{fmt.Sprintf(": %s, ; %s, ", ruleThen, ruleNow)}
	}
	return want
}

func ruleIf(verdict, rule string) string {
	if verdict == "" {
		return ""
	}
	return rule
}

// effects are the changes of a report of one run in the words of wants.
func effects(r backtest.Report) map[backtest.Effect][]string {
	got := map[backtest.Effect][]string{}
	for _, c := range r.Changes {
		step, _, _ := strings.Cut(c.Then.Step+c.Now.Step, " ")
		for _, name := range []string{"isolate", "mail", "tag"} {
			if strings.HasPrefix(step, name) {
				step = name
			}
		}
		got[c.Effect] = append(got[c.Effect], fmt.Sprintf("%s: %s, %s; %s, %s", step, c.Then.Rule, c.Then.Verdict,
			c.Now.Rule, c.Now.Verdict))
	}
	return got
}

func sameEffects(a, b map[backtest.Effect][]string) bool {
	if len(a) != len(b) {
		return false
	}
	for effect, steps := range a {
		slices.Sort(steps)
		other := slices.Sorted(slices.Values(b[effect]))
		if !slices.Equal(steps, other) {
			return false
		}
	}
	return true
}
