package playbook

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
)

// allowance names the machines that rules may touch: what is not on a list is held. A list that is not written lets all
// machines pass.
type allowance struct{ os, onboarding []string } // patterns

func (a allowance) written() bool { return len(a.os) > 0 || len(a.onboarding) > 0 }

// holds says which list the machine is not on, empty when it is on all of them.
func (a allowance) holds(in Input) string {
	if in.Machine == nil {
		return "nothing is known about the machine"
	}
	for _, list := range []struct {
		name, value string
		patterns    []string
	}{{"os", in.Machine.OSPlatform, a.os}, {"onboarding", in.Machine.OnboardingStatus, a.onboarding}} {
		if len(list.patterns) == 0 {
			continue
		}
		if _, _, ok := firstMatch([]string{list.value}, list.patterns); !ok {
			return fmt.Sprintf("%s is not on only.%s", quoted(list.value), list.name)
		}
	}
	return ""
}

func onlyKeys() keys {
	return keys{what: "only", some: true, later: []string{"tags", "names", "groups", "deviceValue", "ids"}, known: []key{
		{name: "os", help: "patterns of the operating systems that rules may touch, such as Windows11",
			shape: shape{kind: texts, low: 1, high: maxEntries}},
		{name: "onboarding", help: "patterns of the onboarding states that rules may touch, such as Onboarded",
			shape: shape{kind: texts, low: 1, high: maxEntries}},
	}}
}

func (s *source) allowance(n ast.Node) allowance {
	entries, ok := s.mapping(n, onlyKeys())
	if ok && len(entries) == 0 {
		s.on(n, "only lists nothing", "write os, onboarding or both, or take it out")
	}
	var a allowance
	for _, e := range entries {
		before := len(s.problems)
		patterns := s.patterns("only", e)
		if len(patterns) == 0 && len(s.problems) == before {
			s.on(e.value, "an empty only."+e.name+" lets no machine pass", "list what rules may touch, or take it out")
		}
		switch e.name {
		case "os":
			a.os = patterns
		case "onboarding":
			a.onboarding = patterns
		}
	}
	return a
}

// unlisted warns about a playbook that acts on any operating system: the API cannot tell a domain controller, so
// a server is then isolated like a workstation.
func (s *source) unlisted(b *Book) {
	if len(b.only.os) > 0 || len(b.protect.os) > 0 {
		return
	}
	for _, r := range b.rules {
		for _, step := range r.steps {
			if onMachine(step) && begins(step) {
				s.warn(r.place, fmt.Sprintf("rule %s acts on machines of any operating system, servers too", r.name),
					"write only: { os: [Windows10, Windows11, macOS], onboarding: [Onboarded] }, or name servers under protect.os")
				return
			}
		}
	}
}
