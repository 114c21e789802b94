package read

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/playbook"
	"cordon/handler/playbook/read/language"
	"cordon/handler/playbook/read/source"
	"cordon/handler/playbook/spelling"
)

// book reads the root of a playbook. It notes every mistake it meets and goes on; the result counts only without any.
func (r *reader) book(root ast.Node) playbook.Contents {
	b := playbook.Contents{Mode: playbook.Observe, Limits: playbook.DefaultLimits()}
	entries, ok := r.Mapping(root, language.BookKeys())
	if !ok {
		return b
	}
	if n, ok := source.Find(entries, "version"); !ok {
		r.On(root, "version is missing", "begin with version: 1")
	} else {
		r.version(n)
	}
	if n, ok := source.Find(entries, "mode"); ok {
		if v, ok := r.Choice(n, language.BookKeys(), "mode"); ok {
			b.Mode = playbook.Mode(v)
		}
	}
	if n, ok := source.Find(entries, "rules"); !ok {
		r.On(root, "rules are missing", "rules: is a list of name, on, when and do")
	} else {
		b.Rules = r.rules(n)
	}
	if n, ok := source.Find(entries, "protect"); ok {
		b.Protect = r.protection(n)
	}
	if n, ok := source.Find(entries, "only"); ok {
		b.Only = r.allowance(n)
	}
	if n, ok := source.Find(entries, "limits"); ok {
		b.Limits = r.limits(n)
	}
	return b
}

func (r *reader) version(n ast.Node) {
	v, ok := n.(*ast.IntegerNode)
	if !ok || v.GetToken().Value != "1" {
		r.On(n, fmt.Sprintf("version %s is not known", spelling.Cut(n.GetToken().Value, 20)), "this program reads version: 1")
	}
}

func (r *reader) rules(n ast.Node) []playbook.Rule {
	list, ok := r.List(n, "rules", "- name: … with on, when and do below it")
	if !ok {
		return nil
	}
	if len(list) == 0 {
		r.On(n, "rules is empty", "a playbook needs at least one rule; mode: observe is the way to do nothing")
	}
	if len(list) > language.MaxRules {
		r.On(list[language.MaxRules], fmt.Sprintf("there are %d rules, the limit is %d", len(list), language.MaxRules), "join rules with or")
		list = list[:language.MaxRules]
	}
	var rules []playbook.Rule
	places := map[string]int{}
	for _, item := range list {
		one, at, when, ok := r.rule(item)
		if !ok {
			continue
		}
		if first, taken := places[one.Name]; taken {
			r.On(at, fmt.Sprintf("the name %q is taken by the rule in line %d", one.Name, first), "every rule has a name of its own: runs and mails name the rule")
		} else {
			places[one.Name], _ = source.Place(at)
		}
		rules = append(rules, one)
		r.whens = append(r.whens, when)
	}
	return rules
}
