package playbook

import (
	"fmt"
	"slices"
	"strings"

	"cordon/handler/playbook/spelling"
)

// Protection names the machines that no rule may touch. The zero value protects only machines of which something is missing.
type Protection struct {
	Tags, Names, Groups, DeviceValue, Os []string // patterns
	Ids                                  []string
}

// holds says why the machine is protected, empty when it is not. A fact that the API always gives and did not send protects:
// better a person looks than a domain controller without a name goes off the network. What the API documents as possibly
// null, group and device value, is on no list then.
func (p Protection) holds(in Input) string {
	m := in.Machine
	if m == nil {
		return "nothing is known about the machine"
	}
	if missing := m.Missing(); len(missing) > 0 {
		return "protected: the API did not say the machine's " + strings.Join(missing, ", ")
	}
	names := append(bothNames(m.ComputerDNSName), bothNames(in.Alert.ComputerDNSName)...)
	for _, check := range []struct {
		what     string
		values   []string
		patterns []string
	}{
		{"ids", []string{m.ID, in.Alert.MachineID}, p.Ids},
		{"names", names, p.Names},
		{"tags", slices.Concat(m.Tags, in.OwnTags), p.Tags},
		{"groups", []string{m.RBACGroupName, in.Alert.RBACGroupName}, p.Groups},
		{"deviceValue", []string{m.DeviceValue}, p.DeviceValue},
		{"os", []string{m.OSPlatform}, p.Os},
	} {
		if value, pattern, ok := firstMatch(check.values, check.patterns); ok {
			return fmt.Sprintf("protected: %s is on protect.%s as %q", spelling.Quoted(value), check.what, pattern)
		}
	}
	return ""
}

// bothNames are the short name and the full name of a machine.
func bothNames(dns string) []string {
	full := strings.TrimRight(strings.TrimSpace(dns), ".")
	short, _, found := strings.Cut(full, ".")
	if !found {
		return []string{full}
	}
	return []string{short, full}
}

func firstMatch(values, patterns []string) (value, pattern string, ok bool) {
	for _, value := range values {
		if strings.TrimSpace(value) == "" {
			continue
		}
		for _, pattern := range patterns {
			if spelling.Glob(pattern, value) {
				return value, pattern, true
			}
		}
	}
	return "", "", false
}
