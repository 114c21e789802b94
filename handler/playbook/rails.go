package playbook

import (
	"fmt"
	"strings"
	"time"
)

// rails asks every rail in its fixed order about the acting steps of the rules that decide. No rule has a say here but
// about its own steps, and there only to lower: by its mode and its own limit of age.
func (b *Book) rails(in Input, acting []rule) []RailTrace {
	traces := []RailTrace{
		held("machine named", noMachineID(in)),
		held("machine read", notRead(in)),
		held("not protected", b.protect.holds(in)),
	}
	traces = append(traces, perRule(acting, func(r rule) RailTrace { return held("not stale", stale(in, r)) })...)
	traces = append(traces, held("not paused", paused(in)), RailTrace{Rail: "seen lately", Verdict: Do, Why: away(in)})
	return append(traces, perRule(acting, func(r rule) RailTrace { return b.modeRail(in, r) })...)
}

// perRule asks a rail about the steps of each rule; of one rule alone it is not said whose they are.
func perRule(rules []rule, rail func(rule) RailTrace) []RailTrace {
	traces := make([]RailTrace, len(rules))
	for i, r := range rules {
		if traces[i] = rail(r); len(rules) > 1 {
			traces[i].Rule = r.name
		}
	}
	return traces
}

func held(rail, why string) RailTrace {
	if why == "" {
		return RailTrace{Rail: rail, Verdict: Do}
	}
	return RailTrace{Rail: rail, Verdict: Held, Why: why}
}

func noMachineID(in Input) string {
	if in.Alert.MachineID == "" {
		return "the alert names no machine"
	}
	return ""
}

// notRead holds what nobody can check against the protected machines.
func notRead(in Input) string {
	switch {
	case in.Machine == nil && in.MachineMissing != "":
		return "the machine could not be read, so it counts as protected: " + cut(plainText(in.MachineMissing), 300)
	case in.Machine == nil:
		return "the machine could not be read, so it counts as protected"
	case !strings.EqualFold(in.Machine.ID, in.Alert.MachineID):
		return fmt.Sprintf("the machine that was read is %s, the alert names %s", quoted(in.Machine.ID), quoted(in.Alert.MachineID))
	}
	return ""
}

// stale goes by the time the alert was created: an old alert that something touches again is still an old alert.
func stale(in Input, r rule) string {
	limit, whose := in.StaleAfter, "the limit"
	if r.maxAge > 0 && r.maxAge < limit {
		limit, whose = r.maxAge, "the limit of rule "+r.name
	}
	created := in.Alert.Created
	if created.IsZero() {
		created = in.Alert.Updated
	}
	switch {
	case in.StaleAfter <= 0:
		return "no stale limit is set, so every alert counts as stale"
	case created.IsZero():
		return "the alert has no time, so it counts as stale"
	}
	if age := in.Now.Sub(created); age > limit {
		return fmt.Sprintf("the alert is %s old, %s is %s", age.Round(time.Second), whose, limit)
	}
	return ""
}

// awayAfter is how long a machine may be silent before people are told so: Defender tries an isolation for three days,
// and a machine reports about daily ("Take response actions on a device").
const awayAfter = 3 * 24 * time.Hour

// away says that the machine has not been seen for long; it holds nothing, for the request waits at Defender.
func away(in Input) string {
	if in.Machine == nil || in.Machine.LastSeen.IsZero() {
		return ""
	}
	if silent := in.Now.Sub(in.Machine.LastSeen); silent > awayAfter {
		return fmt.Sprintf("the machine was last seen %s, %d days ago: an isolation takes hold when it is back, and Defender gives up after three days",
			in.Machine.LastSeen.UTC().Format(time.RFC3339), silent/(24*time.Hour))
	}
	return ""
}

func paused(in Input) string {
	switch {
	case !in.Paused:
		return ""
	case in.PauseReason == "":
		return "acting is paused"
	}
	return "acting is paused: " + cut(plainText(in.PauseReason), 300)
}

func (b *Book) modeOf(in Input, r rule) Mode { return Lower(Lower(b.mode, in.Ceiling), r.mode) }

func (b *Book) modeRail(in Input, r rule) RailTrace {
	t := RailTrace{Rail: "mode", Verdict: Do}
	if b.modeOf(in, r) != Enforce {
		t.Verdict = WouldDo
		t.Why = fmt.Sprintf("mode observe: playbook %s, ceiling %s", Lower(b.mode, Enforce), Lower(in.Ceiling, Enforce))
		if r.mode != Enforce {
			t.Why += ", rule " + r.name + " observe"
		}
	}
	return t
}

// protection names the machines that no rule may touch. The zero value protects only machines without a name.
type protection struct {
	tags, names, groups, deviceValue, os []string // patterns
	ids                                  []string
}

// holds says why the machine is protected, empty when it is not. A fact that a pattern needs and the API did not send
// protects: better a person looks than a domain controller without a name goes off the network.
func (p protection) holds(in Input) string {
	m := in.Machine
	if m == nil {
		return "nothing is known about the machine"
	}
	if bothNames(m.ComputerDNSName)[0] == "" {
		return "protected: the machine has no name"
	}
	if strings.TrimSpace(m.OSPlatform) == "" && len(p.os) > 0 {
		return "protected: the machine's operating system is not known"
	}
	names := append(bothNames(m.ComputerDNSName), bothNames(in.Alert.ComputerDNSName)...)
	for _, check := range []struct {
		what     string
		values   []string
		patterns []string
	}{
		{"ids", []string{m.ID, in.Alert.MachineID}, p.ids},
		{"names", names, p.names},
		{"tags", m.Tags, p.tags},
		{"groups", []string{m.RBACGroupName, in.Alert.RBACGroupName}, p.groups},
		{"deviceValue", []string{m.DeviceValue}, p.deviceValue},
		{"os", []string{m.OSPlatform}, p.os},
	} {
		if value, pattern, ok := firstMatch(check.values, check.patterns); ok {
			return fmt.Sprintf("protected: %s is on protect.%s as %q", quoted(value), check.what, pattern)
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
			if matchGlob(pattern, value) {
				return value, pattern, true
			}
		}
	}
	return "", "", false
}
