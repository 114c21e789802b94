package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// fact is something that says which machine it is or whether it is protected.
type fact struct{ name, value string }

func factsOf(m Machine) []fact {
	return []fact{
		{"id", m.ID},
		{"name", m.ComputerDNSName},
		{"operating system", m.OSPlatform},
		{"onboarding status", m.OnboardingStatus},
		{"group", m.RBACGroupName},
		{"device value", m.DeviceValue},
		{"Entra device", m.AADDeviceID},
		{"tags", sortedTags(m)},
	}
}

func sortedTags(m Machine) string {
	tags := slices.Clone(m.Tags)
	slices.Sort(tags)
	return strings.Join(tags, ", ")
}

// FactsDigest stands for what says which machine it is and whether it is protected: another name, tag, group, value,
// operating system or onboarding status makes it another digest.
func FactsDigest(m Machine) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", factsOf(m)))
	return hex.EncodeToString(sum[:])
}

// ChangedFacts names those of the same facts that differ, with both values.
func ChangedFacts(was, is Machine) []string {
	var changes []string
	now := factsOf(is)
	for i, f := range factsOf(was) {
		if f != now[i] {
			changes = append(changes,
				fmt.Sprintf("%s was %q, is %q", f.name, f.value, now[i].value))
		}
	}
	return changes
}
