package playbook

import (
	"slices"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

// tagPattern is what a tag may be: the vendor names no limit, so this one keeps to what people can read in a list.
const tagPattern = `^[^\s{}](?:[^{}\x00-\x1f\x7f]{0,198}[^\s{}])?$`

// assigneePattern is an account or a word such as Automation; templates are told apart by their braces.
const assigneePattern = `^[^\s\x00-\x1f\x7f]{1,256}$`

func stepKeys() keys {
	return keys{what: "a step", one: true, later: laterSteps(), known: []key{
		{name: string(Isolate), help: "cuts the alert's machine off the network", shape: shape{kind: aMapping, keys: isolateKeys}},
		{name: string(Release), help: "ends an isolation that Cordon asked for", shape: shape{kind: aMapping, keys: plainKeys(Release)}},
		{name: string(RestrictApps), help: "lets the machine run only what Microsoft signed", shape: shape{kind: aMapping, keys: plainKeys(RestrictApps)}},
		{name: string(UnrestrictApps), help: "ends a restriction of apps that Cordon asked for", shape: shape{kind: aMapping, keys: plainKeys(UnrestrictApps)}},
		{name: string(Scan), help: "has the machine's antivirus look through it", shape: shape{kind: aMapping, keys: scanKeys}},
		{name: string(CollectPackage), help: "gathers an investigation package from the machine", shape: shape{kind: aMapping, keys: plainKeys(CollectPackage)}},
		{name: string(Tag), help: "puts a tag on the machine or takes it off", shape: shape{kind: aMapping, keys: tagKeys}},
		{name: string(UpdateAlert), help: "changes the alert's status, assignee or verdict, or comments on it", shape: shape{kind: aMapping, keys: updateAlertKeys}},
		{name: string(Mail), help: "tells people", shape: shape{kind: aMapping, keys: mailKeys}},
	}}
}

// laterSteps are the steps that are planned and do not exist in this version.
func laterSteps() []string {
	return []string{"approve", "ask", "assign", "chat", "classify", "collect", "comment", "deviceValue", "indicator", "indicators", "investigate",
		"liveResponse", "offboard", "quarantine", "restrict", "teams", "ticket", "unrestrict", "update", "webhook"}
}

// laterStepKeys are what steps may be given one day.
func laterStepKeys() []string {
	return []string{"approve", "ask", "for", "lease", "machines", "unless"}
}

func commentKey() key {
	return key{name: "comment", help: "a template, shown with the action in the Defender portal", shape: shape{kind: aText}}
}

func isolateKeys() keys {
	return keys{what: "isolate", later: append(laterStepKeys(), "release"), known: []key{
		{name: "type", help: "Full cuts every connection but the one to Defender; Selective leaves Outlook, Teams and Skype for Business connected, on Windows and unless isolation exclusion rules are switched on in the tenant; UnManagedDevice has the machines around block one that is not onboarded", required: true,
			shape: shape{kind: aWord, words: []string{string(machine.Full), string(machine.Selective), string(machine.UnManagedDevice)}}},
		commentKey(),
	}}
}

func scanKeys() keys {
	return keys{what: "scan", later: laterStepKeys(), known: []key{
		{name: "type", help: "Quick looks where malware mostly is, Full at every file", required: true,
			shape: shape{kind: aWord, words: []string{string(machine.Quick), string(machine.Full)}}},
		commentKey(),
	}}
}

// plainKeys are those of a machine action that needs nothing said.
func plainKeys(kind StepKind) func() keys {
	return func() keys {
		return keys{what: string(kind), empty: true, later: laterStepKeys(), known: []key{commentKey()}}
	}
}

func tagKeys() keys {
	return keys{what: "tag", one: true, later: append(laterStepKeys(), "comment"), known: []key{
		{name: "add", help: "the tag that the machine gets", shape: shape{kind: aText, pattern: tagPattern}},
		{name: "remove", help: "the tag that the machine loses", shape: shape{kind: aText, pattern: tagPattern}},
	}}
}

func updateAlertKeys() keys {
	return keys{what: "updateAlert", some: true, later: []string{"approve", "ask", "severity", "title"}, known: []key{
		{name: "status", help: "the alert's new status", shape: shape{kind: aWord, words: []string{string(alert.StatusNew), string(alert.StatusInProgress), string(alert.StatusResolved)}}},
		{name: "assignedTo", help: "the account that the alert is assigned to, or a template of one", shape: shape{kind: aText, pattern: assigneePattern + `|\{\{`}},
		{name: "classification", help: "what the alert turned out to be", shape: shape{kind: aWord, words: classifications()}},
		{name: "determination", help: "what exactly; it has to belong to the classification, if one is given", shape: shape{kind: aWord, words: determinations("")}},
		{name: "comment", help: "a template, added to the alert's comments", shape: shape{kind: aText}},
	}}
}

func mailKeys() keys {
	return keys{what: "mail", empty: true, later: []string{"bcc", "cc", "priority", "subject", "template"}, known: []key{
		{name: "to", help: "addresses, or templates of them; without any the configured recipients get the mail", shape: shape{kind: texts, high: maxEntries}},
		{name: "text", help: "a template, what people are told besides", shape: shape{kind: aText}},
	}}
}

// verdictsOf lists classifications of alerts with their determinations, as the API is sent them (Alert resource type page).
func verdictsOf() []struct {
	classification string
	determinations []string
} {
	return []struct {
		classification string
		determinations []string
	}{
		{"TruePositive", []string{"MultiStagedAttack", "MaliciousUserActivity", "CompromisedUser", "Malware", "Phishing", "UnwantedSoftware", "Other"}},
		{"InformationalExpectedActivity", []string{"SecurityTesting", "LineOfBusinessApplication", "ConfirmedUserActivity", "Other"}},
		{"FalsePositive", []string{"Clean", "InsufficientData", "Other"}},
	}
}

// otherSpellings are those of the Update alert API page, which differ from what the alert itself has.
func otherSpellings() map[string]string {
	return map[string]string{"ConfirmedActivity": "ConfirmedUserActivity", "NotMalicious": "Clean"}
}

func classifications() []string {
	var list []string
	for _, v := range verdictsOf() {
		list = append(list, v.classification)
	}
	return list
}

// determinations are those of a classification, in every spelling; of all classifications if it is empty.
func determinations(classification string) []string {
	var list []string
	for _, v := range verdictsOf() {
		if classification == "" || classification == v.classification {
			list = append(list, v.determinations...)
		}
	}
	for _, other := range []string{"ConfirmedActivity", "NotMalicious"} {
		if slices.Contains(list, otherSpellings()[other]) {
			list = append(list, other)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
