package playbook

import "slices"

// The tables of everything that a playbook can say. The loader reads by them and the schema is made from them, so that an
// editor and the handler never disagree about a key.

// keys says which keys a mapping may have.
type keys struct {
	what  string   // how people call the mapping
	known []key    // in the order in which they are best written
	later []string // planned, but not in this version
	one   bool     // exactly one of them, as in a step
	some  bool     // at least one of them
	empty bool     // nothing at all will do as well
}

// key is one key of a mapping.
type key struct {
	name     string
	help     string // what it says, for the schema
	required bool
	shape    shape
}

// shape is what a value may be.
type shape struct {
	kind    kind
	words   []string // of a word
	later   []string // words that are planned, but not in this version
	pattern string   // of a text or of the entries of texts; empty: any
	low     int      // of a number, or of the length of a list
	high    int
	keys    func() keys // of a mapping, or of the entries of a list of mappings
}

type kind int

const (
	aWord      kind = iota // one of a few
	aText                  // any, or one that fits a pattern
	aTruth                 // true or false
	aNumber                // a whole number
	anAge                  // a duration with one unit
	aCondition             // a text in the expression language, or true or false
	texts                  // a list of texts, or nothing
	mappings               // a list of mappings
	aMapping
)

// The patterns of texts.
const (
	ruleNamePattern  = `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`
	machineIDPattern = `^[0-9A-Fa-f]{40}$`
	agePattern       = `^[1-9][0-9]{0,5}[smhd]$`
)

// names are the names of the known keys.
func (k keys) names() []string {
	names := make([]string, len(k.known))
	for i, one := range k.known {
		names[i] = one.name
	}
	return names
}

// shape is what the value of a known key may be.
func (k keys) shape(name string) shape {
	for _, one := range k.known {
		if one.name == name {
			return one.shape
		}
	}
	return shape{}
}

func modes() []string { return []string{string(Observe), string(Enforce)} }

func bookKeys() keys {
	return keys{what: "a playbook", later: []string{"approvals", "hunts", "notices", "schedules", "silences", "templates", "tickets", "windows"}, known: []key{
		{name: "version", help: "the language of the playbook; this program reads 1", required: true, shape: shape{kind: aNumber, low: 1, high: 1}},
		{name: "mode", help: "observe (the default): decide, record and mail, but act on nothing; enforce: act. CORDON_MODE is a ceiling", shape: shape{kind: aWord, words: modes(), later: []string{"ask", "approve"}}},
		{name: "rules", help: "asked in order; the first that matches decides, unless it says continue", required: true, shape: shape{kind: mappings, low: 1, high: maxRules, keys: ruleKeys}},
		{name: "protect", help: "machines that no rule can touch", shape: shape{kind: aMapping, keys: protectKeys}},
		{name: "only", help: "the machines that rules may touch; what is not listed is held", shape: shape{kind: aMapping, keys: onlyKeys}},
		{name: "limits", help: "how many machines an action may reach", shape: shape{kind: aMapping, keys: limitsKeys}},
	}}
}

func ruleKeys() keys {
	return keys{what: "a rule", later: []string{"approve", "ask", "cooldown", "for", "lease", "limits", "maxAge", "priority", "release", "schedule"}, known: []key{
		{name: "name", help: "a name of its own: runs and mails name the rule", required: true, shape: shape{kind: aText, pattern: ruleNamePattern}},
		{name: "on", help: "what the rule is asked about", required: true, shape: shape{kind: aWord, words: subjects(), later: []string{"incident", "machine", "schedule"}}},
		{name: "when", help: "the condition under which the rule matches", required: true, shape: shape{kind: aCondition}},
		{name: "unless", help: "the condition under which the rule does not match, although when is true", shape: shape{kind: aCondition}},
		{name: "continue", help: "true: the rules below are asked too, and the steps of the next that matches are added", shape: shape{kind: aTruth}},
		{name: "mode", help: "can only lower the playbook's mode: observe keeps this rule from acting", shape: shape{kind: aWord, words: modes(), later: []string{"ask", "approve"}}},
		{name: "maxAlertAge", help: "older alerts are not acted on by this rule; can only lower CORDON_STALE_AFTER", shape: shape{kind: anAge, pattern: agePattern}},
		{name: "do", help: "the steps, in order; an empty list keeps alerts from the rules below", required: true, shape: shape{kind: mappings, high: maxSteps, keys: stepKeys}},
	}}
}

func protectKeys() keys {
	return keys{what: "protect", later: []string{"roles", "users", "networks", "expressions"}, known: []key{
		{name: "tags", help: "patterns of machine tags", shape: shape{kind: texts, high: maxEntries}},
		{name: "names", help: "patterns of the short or the full DNS name", shape: shape{kind: texts, high: maxEntries}},
		{name: "groups", help: "patterns of device groups", shape: shape{kind: texts, high: maxEntries}},
		{name: "deviceValue", help: "patterns of Low, Normal and High", shape: shape{kind: texts, high: maxEntries}},
		{name: "os", help: "patterns of the operating system, such as WindowsServer*", shape: shape{kind: texts, high: maxEntries}},
		{name: "ids", help: "machine ids, 40 hexadecimal digits", shape: shape{kind: texts, high: maxEntries, pattern: machineIDPattern}},
	}}
}

func limitsKeys() keys {
	k := keys{what: "limits", later: slices.Concat(laterSteps(), []string{string(Tag), string(UpdateAlert), string(Mail)})}
	for _, kind := range cappedKinds() {
		k.known = append(k.known, key{name: string(kind), help: "caps on the step " + string(kind), shape: shape{kind: aMapping, keys: func() keys { return capKeys(kind) }}})
	}
	return k
}

func capKeys(of StepKind) keys {
	return keys{what: "limits." + string(of), later: []string{"percent", "perWeek"}, known: []key{
		{name: "perMinute", help: "machines in any minute", shape: shape{kind: aNumber, low: 1, high: maxCap}},
		{name: "perHour", help: "machines in any hour", required: true, shape: shape{kind: aNumber, low: 1, high: maxCap}},
		{name: "perDay", help: "machines in any day", required: true, shape: shape{kind: aNumber, low: 1, high: maxCap}},
		{name: "perRule", help: "the same for what any one rule asks for", shape: shape{kind: aMapping, keys: func() keys { return rateKeys(of, "perRule") }}},
		{name: "perGroup", help: "the same for the machines of any one device group", shape: shape{kind: aMapping, keys: func() keys { return rateKeys(of, "perGroup") }}},
		{name: "perMachine", help: "times that the step may reach any one machine; 3 a day if it is left out", shape: shape{kind: aMapping, keys: func() keys { return rateKeys(of, "perMachine") }}},
		{name: "then", help: "what becomes of a step beyond the cap", shape: shape{kind: aWord, words: []string{string(HoldForPerson)}, later: []string{"ask", "approve", "observe", "pause", "stop"}}},
	}}
}

func rateKeys(of StepKind, what string) keys {
	counted := "machines"
	if what == "perMachine" {
		counted = "times"
	}
	return keys{what: "limits." + string(of) + "." + what, later: []string{"percent", "perWeek"}, known: []key{
		{name: "perMinute", help: counted + " in any minute", shape: shape{kind: aNumber, low: 1, high: maxCap}},
		{name: "perHour", help: counted + " in any hour", shape: shape{kind: aNumber, low: 1, high: maxCap}},
		{name: "perDay", help: counted + " in any day", shape: shape{kind: aNumber, low: 1, high: maxCap}},
	}}
}
