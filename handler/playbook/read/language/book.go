// Package language holds the tables of everything that a playbook can say. The reader reads by them, the schema is
// made from them and the docs list them, so that editors, docs and the handler never disagree about a key.
package language

import (
	"fmt"

	"cordon/handler/playbook"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/read/source"
)

// How much a playbook may have of something.
const (
	maxRules   = 200
	maxSteps   = 10
	maxEntries = 1000 // of a list of patterns or recipients
	maxCap     = 10000
)

// BookKeys are the keys of a playbook.
func BookKeys() source.Keys {
	return source.Keys{What: "a playbook", Known: []source.Key{
		needed("begin with version: 1, which this program reads",
			number("version", 1, 1, "the language of the playbook; this program reads 1")),
		word("mode", modes(), "observe (the default): decide, record and mail, but act on nothing; enforce: act. "+
			"CORDON_MODE is a ceiling"),
		needed("a list of rules: - name: … with on, when and do below it; mode: observe is the way to do nothing",
			list("rules", 1, maxRules, ruleKeys,
				"asked in order; the first that matches decides, unless it says continue")),
		mapping("protect", protectKeys, "machines that no rule can touch"),
		mapping("only", onlyKeys, "the machines that rules may touch; what is not listed is held"),
		mapping("limits", limitsKeys, "how many machines an action may reach"),
	}}
}

func modes() []string {
	return []string{string(playbook.Observe), string(playbook.Enforce)}
}

func ruleKeys() source.Keys {
	name := source.Form{
		What:    "name for a rule",
		Pattern: `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`,
		Way:     "letters, digits, dots, dashes and underscores, at most 64",
	}
	return source.Keys{What: "a rule", Known: []source.Key{
		needed("such as name: contain-high-severity",
			text("name", name, "a name of its own: runs and mails name the rule")),
		needed("write on: alert", word("on", facts.Subjects(), "what the rule is asked about")),
		needed(`such as when: alert.severity == "High"`,
			expression("when", "the condition under which the rule matches")),
		expression("unless", "the condition under which the rule does not match, although when is true"),
		truth("continue", "true: the rules below are asked too, and the steps of the next that matches are added"),
		word("mode", modes(), "can only lower the playbook's mode: observe keeps this rule from acting"),
		age("maxAlertAge", "older alerts are not acted on by this rule; can only lower CORDON_STALE_AFTER"),
		needed("a list of steps: - isolate: {type: Full}; do: [] is a rule that keeps alerts from the rules below it",
			list("do", 0, maxSteps, StepKeys, "the steps, in order; an empty list keeps alerts from the rules below")),
	}}
}

func protectKeys() source.Keys {
	id := source.Form{
		What:    "machine id",
		Pattern: `^[0-9A-Fa-f]{40}$`,
		Way:     "an id is 40 hexadecimal digits; a name belongs under names",
	}
	return source.Keys{What: "protect", Known: []source.Key{
		patterns("tags", 0, "patterns of machine tags"),
		patterns("names", 0, "patterns of the short or the full DNS name"),
		patterns("groups", 0, "patterns of device groups"),
		patterns("deviceValue", 0, "patterns of Low, Normal and High"),
		patterns("os", 0, "patterns of the operating system, such as WindowsServer*"),
		texts("ids", id, "machine ids, 40 hexadecimal digits"),
	}}
}

func onlyKeys() source.Keys {
	return source.Keys{What: "only", Some: true, Known: []source.Key{
		patterns("os", 1, "patterns of the operating systems that rules may touch, such as Windows11"),
		patterns("onboarding", 1, "patterns of the onboarding states that rules may touch, such as Onboarded"),
	}}
}

func limitsKeys() source.Keys {
	k := source.Keys{What: "limits"}
	for _, kind := range playbook.CappedKinds() {
		k.Known = append(k.Known,
			mapping(string(kind), capKeys(kind), "caps on the step "+string(kind)))
	}
	return k
}

func capKeys(of playbook.StepKind) func() source.Keys {
	what := "limits." + string(of)
	return func() source.Keys {
		return source.Keys{What: what, Known: []source.Key{
			number("perMinute", 1, maxCap, "machines in any minute"),
			needed("write both perHour and perDay", number("perHour", 1, maxCap, "machines in any hour")),
			needed("write both perHour and perDay", number("perDay", 1, maxCap, "machines in any day")),
			mapping("perRule", rateKeys(what+".perRule", "machines"),
				"the same for what any one rule asks for"),
			mapping("perGroup", rateKeys(what+".perGroup", "machines"),
				"the same for the machines of any one device group"),
			mapping("perMachine", rateKeys(what+".perMachine", "times"),
				"times that the step may reach any one machine; 3 a day if it is left out"),
			word("then", []string{string(playbook.HoldForPerson)}, "what becomes of a step beyond the cap"),
		}}
	}
}

func rateKeys(what, counted string) func() source.Keys {
	return func() source.Keys {
		k := source.Keys{What: what, Some: true}
		for _, window := range [][2]string{{"perMinute", "minute"}, {"perHour", "hour"}, {"perDay", "day"}} {
			k.Known = append(k.Known,
				number(window[0], 1, maxCap, fmt.Sprintf("%s in any %s", counted, window[1])))
		}
		return k
	}
}
