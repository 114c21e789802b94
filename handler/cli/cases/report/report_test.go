package report

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/cli/cases"
	"cordon/handler/incoming"
)

func found() cases.Report {
	return cases.Report{
		Results: []cases.Result{
			{File: "a.test.yaml", Line: 3, Name: "right", OK: true},
			{File: "a.test.yaml", Line: 9, Name: "wrong: 100%, really", Diff: "- rule: q\n+ rule: r"},
		},
		Neglected: []cases.Finding{{File: "p.yaml", Line: 4, What: "no case sees rule x decide"}},
		Broken:    []cases.Finding{{File: "b.test.yaml", What: "b.test.yaml is empty"}},
	}
}

func TestJUnitNamesEveryCaseAndWhatIsWrong(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := JUnit(&out, found()); err != nil {
		t.Fatal(err)
	}
	want := `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="cordon test" tests="4" failures="2" errors="1">
  <testsuite name="a.test.yaml" tests="2" failures="1" errors="0">
    <testcase name="right" classname="a.test.yaml" file="a.test.yaml" line="3"></testcase>
    <testcase name="wrong: 100%, really" classname="a.test.yaml" file="a.test.yaml" line="9">
      <failure message="another plan than wanted">- rule: q&#xA;+ rule: r</failure>
    </testcase>
  </testsuite>
  <testsuite name="p.yaml" tests="1" failures="1" errors="0">
    <testcase name="no case sees rule x decide" classname="p.yaml" file="p.yaml" line="4">
      <failure message="it passes by neglect">no case sees rule x decide</failure>
    </testcase>
  </testsuite>
  <testsuite name="b.test.yaml" tests="1" failures="0" errors="1">
    <testcase name="the cases can be decided" classname="b.test.yaml" file="b.test.yaml">
      <error message="they cannot be decided">b.test.yaml is empty</error>
    </testcase>
  </testsuite>
</testsuites>
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestGitHubIsToldWhereSomethingIsWrong(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := GitHub(&out, found()); err != nil {
		t.Fatal(err)
	}
	want := "::error file=a.test.yaml,line=9,title=wrong%3A 100%25%2C really::- rule: q%0A+ rule: r\n" +
		"::error file=p.yaml,line=4,title=passes by neglect::no case sees rule x decide\n" +
		"::error file=b.test.yaml,line=1,title=cannot be tested::b.test.yaml is empty\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// hostile are texts that would be obeyed somewhere, with what is left of them.
func hostile() map[string]string {
	return map[string]string{
		"</failure><x/>":                 "</failure><x/>",
		"]]><!-- & \" ' -->":             "]]><!-- & \" ' -->",
		"a\x00b\x1b[2Jc\x07":             "a b [2Jc ",
		"caf\xe9\xff":                    "caf\ufffd\ufffd",
		"\u202egnp.exe\u2066\ufeff":      "gnp.exe",
		"\ufffe\uffff":                   "\ufffd\ufffd",
		"x\r\n::set-output name=a::b":    "x \n::set-output name=a::b",
		"::stop-commands::y,z:%0A":       "::stop-commands::y,z:%0A",
		"&amp;&#0;":                      "&amp;&#0;",
		"<!DOCTYPE x SYSTEM \"file:y\">": "<!DOCTYPE x SYSTEM \"file:y\">",
		strings.Repeat("😀", 100_000):     strings.Repeat("😀", 100_000),
	}
}

func TestWhateverIsInACaseTheReportIsWellFormed(t *testing.T) {
	t.Parallel()
	for in, want := range hostile() {
		r := cases.Report{
			Results:   []cases.Result{{File: in, Name: in, Diff: in}},
			Neglected: []cases.Finding{{File: in, What: in}},
			Broken:    []cases.Finding{{File: in, What: in}},
		}
		var out strings.Builder
		if err := JUnit(&out, r); err != nil {
			t.Fatal(err)
		}
		var read suites
		if err := xml.Unmarshal([]byte(out.String()), &read); err != nil {
			t.Errorf("%.40q: %v\n%.400s", in, err, out.String())
			continue
		}
		if len(read.Suites) != 1 || len(read.Suites[0].Cases) != 3 || !holds(t, out.String()) {
			t.Errorf("%.40q: %.400s", in, out.String())
			continue
		}
		for _, one := range read.Suites[0].Cases[:1] {
			if diff := cmp.Diff([]string{want, want, want},
				[]string{one.Name, one.File, one.Failure.Text}); diff != "" {
				t.Errorf("%.40q: %.400s", in, diff)
			}
		}
	}
}

// holds reports whether a text has only characters that XML 1.0 has, none of which hides, and is read to its end.
func holds(t *testing.T, text string) bool {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Error(err)
			return false
		}
	}
	return utf8.ValidString(text) && !strings.ContainsFunc(text, incoming.Hidden)
}

func TestWhateverIsInACaseAnAnnotationIsOneLine(t *testing.T) {
	t.Parallel()
	for in := range hostile() {
		var out strings.Builder
		err := GitHub(&out, cases.Report{Results: []cases.Result{{File: in, Name: in, Diff: in}}})
		if err != nil {
			t.Fatal(err)
		}
		line, rest, _ := strings.Cut(out.String(), "\n")
		command, message, _ := strings.Cut(strings.TrimPrefix(line, "::"), "::")
		if rest != "" || strings.ContainsFunc(line, incoming.Hidden) || strings.Count(command, ",") != 2 ||
			strings.Contains(command, ":") || strings.ContainsAny(message, "\r\n") {
			t.Errorf("%.40q: %.400q", in, out.String())
		}
	}
}
