package playbook

import (
	"fmt"
	"slices"
	"strings"

	"cordon/handler/playbook/spelling"
)

// protects says why the machine may not be touched, empty when it may. A fact that the API always gives and did not
// send protects: better a person looks than a domain controller without a name goes off the network. What the API
// documents as possibly null, group and device value, is on no list then.
func (l Lists) protects(in Input) string {
	m := in.Machine
	if m == nil {
		return "nothing is known about the machine"
	}
	if missing := m.Missing(); len(missing) > 0 {
		return "protected: the API did not say the machine's " + strings.Join(missing, ", ")
	}
	for _, check := range []struct {
		list   string
		values []string
	}{
		{"ids", []string{m.ID, in.Alert.MachineID}},
		{"names", append(bothNames(m.ComputerDNSName), bothNames(in.Alert.ComputerDNSName)...)},
		{"tags", slices.Concat(m.Tags, in.OwnTags)},
		{"groups", []string{m.RBACGroupName, in.Alert.RBACGroupName}},
		{"deviceValue", []string{m.DeviceValue}},
		{"os", []string{m.OSPlatform}},
	} {
		if value, pattern, ok := firstMatch(check.values, l[check.list]); ok {
			return fmt.Sprintf("protected: %s is on protect.%s as %q", spelling.Quoted(value), check.list, pattern)
		}
	}
	return ""
}

// omits says which list the machine is not on, empty when it is on all of them. A list that is not written has every
// machine on it.
func (l Lists) omits(in Input) string {
	if in.Machine == nil {
		return "nothing is known about the machine"
	}
	for _, check := range []struct{ list, value string }{
		{"os", in.Machine.OSPlatform},
		{"onboarding", in.Machine.OnboardingStatus},
	} {
		patterns := l[check.list]
		if _, _, ok := firstMatch([]string{check.value}, patterns); len(patterns) > 0 && !ok {
			return fmt.Sprintf("%s is not on only.%s", spelling.Quoted(check.value), check.list)
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
