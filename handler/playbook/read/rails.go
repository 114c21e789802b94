package read

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/playbook"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/read/language"
	"cordon/handler/playbook/read/source"
	"cordon/handler/playbook/spelling"
)

func (r *reader) protection(n ast.Node) playbook.Protection {
	entries, _ := r.Mapping(n, language.ProtectKeys())
	var p playbook.Protection
	for _, e := range entries {
		patterns := r.patterns("protect", e)
		switch e.Name {
		case "tags":
			p.Tags = patterns
		case "names":
			p.Names = patterns
		case "groups":
			p.Groups = patterns
		case "deviceValue":
			p.DeviceValue = patterns
		case "os":
			p.Os = patterns
		case "ids":
			p.Ids = patterns
		}
	}
	return p
}

func (r *reader) allowance(n ast.Node) playbook.Allowance {
	entries, ok := r.Mapping(n, language.OnlyKeys())
	if ok && len(entries) == 0 {
		r.On(n, "only lists nothing", "write os, onboarding or both, or take it out")
	}
	var a playbook.Allowance
	for _, e := range entries {
		before := len(r.Problems)
		patterns := r.patterns("only", e)
		if len(patterns) == 0 && len(r.Problems) == before {
			r.On(e.Value, "an empty only."+e.Name+" lets no machine pass", "list what rules may touch, or take it out")
		}
		switch e.Name {
		case "os":
			a.Os = patterns
		case "onboarding":
			a.Onboarding = patterns
		}
	}
	return a
}

// patterns reads a list of patterns of a rail, protect or only.
func (r *reader) patterns(rail string, e source.Entry) []string {
	if _, empty := e.Value.(*ast.NullNode); empty {
		return nil
	}
	var patterns []string
	for _, item := range r.Texts(e.Value, rail+"."+e.Name, `["…"]`) {
		text := strings.TrimSpace(item.Text)
		switch {
		case text == "":
			r.On(item.Node, "an empty text fits no machine", "take it out")
			continue
		case e.Name == "ids" && !regexp.MustCompile(language.MachineIDPattern).MatchString(text):
			r.On(item.Node, fmt.Sprintf("%q is no machine id", spelling.Cut(text, 60)), "an id is 40 hexadecimal digits; a name belongs under names")
			continue
		}
		if set, known := facts.Usual(facts.FactOfRail(e.Name)); known {
			if hint := set.StrangePattern(text); hint != "" {
				r.Warn(item.Node, fmt.Sprintf("%s.%s: no %s that is known fits %q", rail, e.Name, facts.FactOfRail(e.Name), text), hint)
			}
		}
		patterns = append(patterns, text)
	}
	return patterns
}

// unlisted warns about a playbook that acts on any operating system: the API cannot tell a domain controller, so
// a server is then isolated like a workstation.
func (r *reader) unlisted(b playbook.Contents) {
	if len(b.Only.Os) > 0 || len(b.Protect.Os) > 0 {
		return
	}
	for i, one := range b.Rules {
		for _, step := range one.Steps {
			if playbook.OnMachine(step) && playbook.Begins(step) {
				r.Warn(r.whens[i], fmt.Sprintf("rule %s acts on machines of any operating system, servers too", one.Name),
					"write only: { os: [Windows10, Windows11, macOS], onboarding: [Onboarded] }, or name servers under protect.os")
				return
			}
		}
	}
}
