// Command gosec runs gosec's checks over folders and exits with 1 if they find what exceptions.go does not answer for.
// It is built on gosec's packages because gosec's own command links the clients of three AI services for its autofix,
// which takes minutes to compile.
package main

import (
	"cmp"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/securego/gosec/v2"
	"github.com/securego/gosec/v2/analyzers"
	"github.com/securego/gosec/v2/issue"
	"github.com/securego/gosec/v2/rules"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "gosec: name the folders to check: gosec $(go list -f '{{.Dir}}' ./...)")
		os.Exit(2)
	}
	root, err := os.Getwd()
	if err == nil {
		err = run(os.Stdout, root, os.Args[1:], exceptions())
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "gosec: %v\n", err)
		os.Exit(1)
	}
}

// run checks folders and writes what is found. The exceptions' paths are relative to root.
func run(w io.Writer, root string, folders []string, answered []exception) error {
	found, err := check(folders)
	if err != nil {
		return err
	}
	used := make([]bool, len(answered))
	open := 0
	for _, one := range found {
		code, err := line(one)
		if err != nil {
			return err
		}
		path, err := filepath.Rel(root, one.File)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(answered, func(e exception) bool {
			return e.answers(filepath.ToSlash(path), one.RuleID, code)
		}); i >= 0 {
			used[i] = true
			continue
		}
		open++
		fmt.Fprintf(w, "%s:%s: %s (severity %s, confidence %s): %s\n\t%s\n", path, one.Line, one.RuleID, one.Severity,
			one.Confidence, one.What, code)
	}
	for i, e := range answered {
		if !used[i] {
			fmt.Fprintf(w, "exceptions.go: %s in %s answers for nothing any more: take it out\n", e.rule, e.path)
		}
	}
	if open > 0 {
		return fmt.Errorf("%d findings; mend them, or say in tools/gosec/exceptions.go why they are none", open)
	}
	return nil
}

// check runs every rule and analyzer of gosec. A package that cannot be read is an error: nothing was checked in it.
func check(folders []string) ([]*issue.Issue, error) {
	checker := gosec.NewAnalyzer(gosec.NewConfig(), false, false, false, 2, log.New(io.Discard, "", 0))
	checker.LoadRules(rules.Generate(false).RulesInfo())
	checker.LoadAnalyzers(analyzers.Generate(false).AnalyzersInfo())
	if err := checker.Process(nil, folders...); err != nil {
		return nil, err
	}
	found, metrics, unread := checker.Report()
	for file, problems := range unread {
		return nil, fmt.Errorf("%s cannot be checked: %s", file, problems[0].Err)
	}
	if metrics.NumFiles == 0 {
		return nil, fmt.Errorf("there is no Go file in %s", strings.Join(folders, ", "))
	}
	slices.SortFunc(found, func(a, b *issue.Issue) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(number(a.Line), number(b.Line)),
			cmp.Compare(a.RuleID, b.RuleID))
	})
	return found, nil
}

// number is the line of a finding, the first one of a range such as 84-85.
func number(lines string) int {
	first, _, _ := strings.Cut(lines, "-")
	n, _ := strconv.Atoi(first)
	return n
}

// line is the code at a finding.
func line(one *issue.Issue) (string, error) {
	body, err := os.ReadFile(one.File)
	if err != nil {
		return "", err
	}
	lines := strings.Split(string(body), "\n")
	n := number(one.Line)
	if n < 1 || n > len(lines) {
		return "", fmt.Errorf("%s has no line %q", one.File, one.Line)
	}
	return strings.TrimSpace(lines[n-1]), nil
}
