package playbook

import (
	"fmt"

	"cordon/handler/playbook/spelling"
)

// Allowance names the machines that rules may touch: what is not on a list is held. A list that is not written lets all
// machines pass.
type Allowance struct{ Os, Onboarding []string } // patterns

func (a Allowance) written() bool { return len(a.Os) > 0 || len(a.Onboarding) > 0 }

// holds says which list the machine is not on, empty when it is on all of them.
func (a Allowance) holds(in Input) string {
	if in.Machine == nil {
		return "nothing is known about the machine"
	}
	for _, list := range []struct {
		name, value string
		patterns    []string
	}{{"os", in.Machine.OSPlatform, a.Os}, {"onboarding", in.Machine.OnboardingStatus, a.Onboarding}} {
		if len(list.patterns) == 0 {
			continue
		}
		if _, _, ok := firstMatch([]string{list.value}, list.patterns); !ok {
			return fmt.Sprintf("%s is not on only.%s", spelling.Quoted(list.value), list.name)
		}
	}
	return ""
}
