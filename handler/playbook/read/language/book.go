package language

import (
	"slices"

	"cordon/handler/playbook"
	"cordon/handler/playbook/facts"
)

func BookKeys() Keys {
	return Keys{What: "a playbook", Later: []string{"approvals", "hunts", "notices", "schedules", "silences", "templates", "tickets", "windows"}, Known: []key{
		{Name: "version", Help: "the language of the playbook; this program reads 1", required: true, Shape: Shape{kind: aNumber, Low: 1, High: 1}},
		{Name: "mode", Help: "observe (the default): decide, record and mail, but act on nothing; enforce: act. CORDON_MODE is a ceiling", Shape: Shape{kind: aWord, Words: modes(), Later: []string{"ask", "approve"}}},
		{Name: "rules", Help: "asked in order; the first that matches decides, unless it says continue", required: true, Shape: Shape{kind: mappings, Low: 1, High: MaxRules, Keys: RuleKeys}},
		{Name: "protect", Help: "machines that no rule can touch", Shape: Shape{kind: aMapping, Keys: ProtectKeys}},
		{Name: "only", Help: "the machines that rules may touch; what is not listed is held", Shape: Shape{kind: aMapping, Keys: OnlyKeys}},
		{Name: "limits", Help: "how many machines an action may reach", Shape: Shape{kind: aMapping, Keys: LimitsKeys}},
	}}
}

func RuleKeys() Keys {
	return Keys{What: "a rule", Later: []string{"approve", "ask", "cooldown", "for", "lease", "limits", "maxAge", "priority", "release", "schedule"}, Known: []key{
		{Name: "name", Help: "a name of its own: runs and mails name the rule", required: true, Shape: Shape{kind: aText, pattern: RuleNamePattern}},
		{Name: "on", Help: "what the rule is asked about", required: true, Shape: Shape{kind: aWord, Words: facts.Subjects(), Later: []string{"incident", "machine", "schedule"}}},
		{Name: "when", Help: "the condition under which the rule matches", required: true, Shape: Shape{kind: aCondition}},
		{Name: "unless", Help: "the condition under which the rule does not match, although when is true", Shape: Shape{kind: aCondition}},
		{Name: "continue", Help: "true: the rules below are asked too, and the steps of the next that matches are added", Shape: Shape{kind: aTruth}},
		{Name: "mode", Help: "can only lower the playbook's mode: observe keeps this rule from acting", Shape: Shape{kind: aWord, Words: modes(), Later: []string{"ask", "approve"}}},
		{Name: "maxAlertAge", Help: "older alerts are not acted on by this rule; can only lower CORDON_STALE_AFTER", Shape: Shape{kind: anAge, pattern: AgePattern}},
		{Name: "do", Help: "the steps, in order; an empty list keeps alerts from the rules below", required: true, Shape: Shape{kind: mappings, High: MaxSteps, Keys: StepKeys}},
	}}
}

func ProtectKeys() Keys {
	return Keys{What: "protect", Later: []string{"roles", "users", "networks", "expressions"}, Known: []key{
		{Name: "tags", Help: "patterns of machine tags", Shape: Shape{kind: Texts, High: MaxEntries}},
		{Name: "names", Help: "patterns of the short or the full DNS name", Shape: Shape{kind: Texts, High: MaxEntries}},
		{Name: "groups", Help: "patterns of device groups", Shape: Shape{kind: Texts, High: MaxEntries}},
		{Name: "deviceValue", Help: "patterns of Low, Normal and High", Shape: Shape{kind: Texts, High: MaxEntries}},
		{Name: "os", Help: "patterns of the operating system, such as WindowsServer*", Shape: Shape{kind: Texts, High: MaxEntries}},
		{Name: "ids", Help: "machine ids, 40 hexadecimal digits", Shape: Shape{kind: Texts, High: MaxEntries, pattern: MachineIDPattern}},
	}}
}

func OnlyKeys() Keys {
	return Keys{What: "only", some: true, Later: []string{"tags", "names", "groups", "deviceValue", "ids"}, Known: []key{
		{Name: "os", Help: "patterns of the operating systems that rules may touch, such as Windows11",
			Shape: Shape{kind: Texts, Low: 1, High: MaxEntries}},
		{Name: "onboarding", Help: "patterns of the onboarding states that rules may touch, such as Onboarded",
			Shape: Shape{kind: Texts, Low: 1, High: MaxEntries}},
	}}
}

func LimitsKeys() Keys {
	k := Keys{What: "limits", Later: slices.Concat(laterSteps(), []string{string(playbook.Tag), string(playbook.UpdateAlert), string(playbook.Mail)})}
	for _, kind := range playbook.CappedKinds() {
		k.Known = append(k.Known, key{Name: string(kind), Help: "caps on the step " + string(kind), Shape: Shape{kind: aMapping, Keys: func() Keys { return CapKeys(kind) }}})
	}
	return k
}

func CapKeys(of playbook.StepKind) Keys {
	return Keys{What: "limits." + string(of), Later: []string{"percent", "perWeek"}, Known: []key{
		{Name: "perMinute", Help: "machines in any minute", Shape: Shape{kind: aNumber, Low: 1, High: maxCap}},
		{Name: "perHour", Help: "machines in any hour", required: true, Shape: Shape{kind: aNumber, Low: 1, High: maxCap}},
		{Name: "perDay", Help: "machines in any day", required: true, Shape: Shape{kind: aNumber, Low: 1, High: maxCap}},
		{Name: "perRule", Help: "the same for what any one rule asks for", Shape: Shape{kind: aMapping, Keys: func() Keys { return RateKeys(of, "perRule") }}},
		{Name: "perGroup", Help: "the same for the machines of any one device group", Shape: Shape{kind: aMapping, Keys: func() Keys { return RateKeys(of, "perGroup") }}},
		{Name: "perMachine", Help: "times that the step may reach any one machine; 3 a day if it is left out", Shape: Shape{kind: aMapping, Keys: func() Keys { return RateKeys(of, "perMachine") }}},
		{Name: "then", Help: "what becomes of a step beyond the cap", Shape: Shape{kind: aWord, Words: []string{string(playbook.HoldForPerson)}, Later: []string{"ask", "approve", "observe", "pause", "stop"}}},
	}}
}

func RateKeys(of playbook.StepKind, what string) Keys {
	counted := "machines"
	if what == "perMachine" {
		counted = "times"
	}
	return Keys{What: "limits." + string(of) + "." + what, Later: []string{"percent", "perWeek"}, Known: []key{
		{Name: "perMinute", Help: counted + " in any minute", Shape: Shape{kind: aNumber, Low: 1, High: maxCap}},
		{Name: "perHour", Help: counted + " in any hour", Shape: Shape{kind: aNumber, Low: 1, High: maxCap}},
		{Name: "perDay", Help: counted + " in any day", Shape: Shape{kind: aNumber, Low: 1, High: maxCap}},
	}}
}

func modes() []string { return []string{string(playbook.Observe), string(playbook.Enforce)} }

// How much a playbook may have of something.
const (
	MaxRules   = 200
	MaxSteps   = 10
	MaxEntries = 1000 // of a list of patterns or recipients
	maxCap     = 10000
)

// The patterns of texts.
const (
	RuleNamePattern  = `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`
	MachineIDPattern = `^[0-9A-Fa-f]{40}$`
	AgePattern       = `^[1-9][0-9]{0,5}[smhd]$`
)
