package backtest

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"cordon/handler/alert"
	"cordon/handler/decided"
	"cordon/handler/incoming"
	"cordon/handler/machine"
	"cordon/handler/outgoing/outgoingtest"
	"cordon/handler/playbook"
	"cordon/handler/terminal"
)

// mark is in every hostile text, and nowhere else.
const mark = "zq"

// hostile are texts as attackers write them.
func hostile() map[string]string {
	return map[string]string{
		"script":     `zq<script>alert(1)</script><img src=x onerror=zq><!-- zq --><details>`,
		"bidi":       "\u202ezq\u2066zq\u200b\ufeff\u2028zq\U000e0041",
		"ansi":       "\x1b[2Jzq\x1b]0;zq\a\r\nzq\x00\x7f\u009b2J",
		"words":      strings.Repeat("zq ", 100_000),
		"word":       strings.Repeat("zq", 150_000),
		"links":      `zq](https://zq.example) ![zq](http://zq/y.png) [zq]: http://zq https://zq.zq www.zq.example`,
		"mentions":   "@zq @zq/team #1 GH-1 zq@zq.example zq/zq#1",
		"tables":     "zq | zq || \\| zq \\\\| zq\n| --- |\n| zq |",
		"blocks":     "zq\n\n# zq\n- zq\n> zq\n```\nzq\n~~~\n    zq\n***\n<br>zq",
		"backticks":  "`zq` ``zq`` ```zq``` `````````` zq`",
		"backtick":   "`",
		"backslash":  `zq\`,
		"not UTF-8":  "zq\xff\xfe\xe2\x80",
		"formats":    "%s%d%!zq(EXTRA) {{.zq}} ${zq} %",
		"formulas":   "=zq+1,\"zq\"\t-zq",
		"blanks":     "   ",
		"wide":       strings.Repeat("日本", 50) + mark,
		"workflow":   "::error file=zq::zq\n::set-output name=zq::zq ##vso[task.setvariable variable=zq]zq",
		"characters": "e\u0301\u0301\u0301zq" + strings.Repeat("\u0301", 500),
	}
}

// attacked are decisions with a text in every field that can hold one: as it is, with steps and an alert that decide
// something, and with facts that were not kept.
func attacked(was *playbook.Book, text string) []decided.Decision {
	filled := func(number int) decided.Decision {
		d := decide(was, input(number))
		outgoingtest.SetTexts(&d, text)
		return d
	}
	all := filled(0)
	left := filled(1)
	acting := filled(2)
	acting.Left = nil
	acting.Facts.Hunt = nil
	acting.Facts.Alert.ServiceSource = alert.ForEndpoint
	acting.Facts.Alert.Severity = alert.Medium
	acting.Facts.Alert.MachineID = text
	acting.Facts.Machine.ID = text
	acting.Facts.Ceiling = playbook.Enforce
	held := filled(3)
	held.Left = nil
	held.Facts = decided.FactsOf(input(3))
	held.Facts.Alert.Title = text
	held.Facts.Machine.ComputerDNSName = text
	held.Facts.Machine.RBACGroupName = text
	held.Steps = []playbook.Step{{
		Rule:    text,
		Kind:    playbook.Isolate,
		Scope:   machine.Scope(text),
		Verdict: playbook.Held,
		Why:     text,
	}}
	return []decided.Decision{all, left, acting, held, decide(was, input(4))}
}

func TestWhatAttackersWroteComesOutHarmless(t *testing.T) {
	t.Parallel()
	was, is := books(t)
	for name, bad := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := result(is, true, attacked(was, bad)...)
			if found.Runs != 5 || found.Differ < 2 || found.UnknownRuns < 1 {
				t.Fatalf("%+v", found.Report)
			}
			people := text(t, found)
			var plans strings.Builder
			if err := explained(&plans, found.Changes); err != nil {
				t.Fatal(err)
			}
			var document strings.Builder
			if err := terminal.JSON(&document, found); err != nil {
				t.Fatal(err)
			}
			request := markdown(sheetsOf(found))
			for form, out := range map[string]string{
				"people":   people,
				"plans":    plans.String(),
				"JSON":     document.String(),
				"Markdown": request,
			} {
				harmless(t, form, out)
				if strings.Contains(bad, mark) && !strings.Contains(out, mark) {
					t.Errorf("%s: nothing of it is shown:\n%s", form, out)
				}
			}
			if !json.Valid([]byte(document.String())) {
				t.Errorf("no JSON: %.2000s", document.String())
			}
			for line := range strings.Lines(people) {
				if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > 80 && !strings.Contains(bad, "\u0301") {
					t.Errorf("a line has %d columns: %s", n, line)
				}
			}
			for form, out := range map[string]string{"people": people, "plans": plans.String(), "JSON": document.String()} {
				for line := range strings.Lines(out) {
					if strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##vso[") {
						t.Errorf("%s: a line is an order to the build server: %s", form, line)
					}
				}
			}
			checkMarkdown(t, request)
		})
	}
}

// harmless holds that an output shows itself and nothing else.
func harmless(t *testing.T, form, out string) {
	t.Helper()
	if !utf8.ValidString(out) || strings.ContainsFunc(out, incoming.Hidden) || strings.ContainsAny(out, "\r\t") {
		t.Errorf("%s is not harmless:\n%.3000q", form, out)
	}
	if len(out) > 1<<16 && form == "Markdown" || len(out) > 1<<18 {
		t.Errorf("%s has %d bytes", form, len(out))
	}
}

// checkMarkdown takes out what is code, as CommonMark finds it, and holds that nothing of an attacker is left, and that
// every row of a table has the cells of its heading.
func checkMarkdown(t *testing.T, request string) {
	t.Helper()
	columns := 0
	for line := range strings.Lines(request) {
		line = strings.TrimSuffix(line, "\n")
		if cells := separators(line); strings.HasPrefix(line, "|") {
			if columns == 0 {
				columns = cells
			}
			if cells != columns {
				t.Errorf("a row of %d cells in a table of %d: %s", cells, columns, line)
			}
			line = strings.ReplaceAll(line, `\|`, "")
		} else {
			columns = 0
		}
		rest := withoutCode(line)
		rest = strings.ReplaceAll(rest, "<br>", "")
		if strings.Contains(rest, mark) || strings.ContainsAny(rest, "`<@[]\\") {
			t.Errorf("outside of code: %s\nof: %s", rest, line)
		}
	}
}

// separators counts the | that split a row: an odd number of backslashes in front takes that from it, in code too.
func separators(line string) (n int) {
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line) && strings.IndexByte(`\|`, line[i+1]) >= 0:
			i++
		case line[i] == '|':
			n++
		}
	}
	return n
}

// withoutCode is a line without its code spans: from a run of backticks to the next one of the same length.
func withoutCode(line string) string {
	var rest strings.Builder
	for line != "" {
		at := strings.IndexByte(line, '`')
		if at < 0 {
			break
		}
		rest.WriteString(line[:at])
		line = line[at:]
		fence := len(line) - len(strings.TrimLeft(line, "`"))
		end := closing(line[fence:], fence)
		if end < 0 {
			rest.WriteString(line[:fence])
			line = line[fence:]
			continue
		}
		line = line[fence+end+fence:]
	}
	return rest.String() + line
}

func closing(text string, fence int) int {
	for at := 0; at < len(text); {
		if text[at] != '`' {
			at++
			continue
		}
		run := len(text[at:]) - len(strings.TrimLeft(text[at:], "`"))
		if run == fence {
			return at
		}
		at += run
	}
	return -1
}
