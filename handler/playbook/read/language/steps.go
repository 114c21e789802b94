package language

import (
	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/playbook"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/templates"
)

func StepKeys() Keys {
	return Keys{What: "a step", one: true, Later: laterSteps(), Known: []key{
		{Name: string(playbook.Isolate), Help: "cuts the alert's machine off the network", Shape: Shape{kind: aMapping, Keys: IsolateKeys}},
		{Name: string(playbook.Release), Help: "ends an isolation that Cordon asked for", Shape: Shape{kind: aMapping, Keys: PlainKeys(playbook.Release)}},
		{Name: string(playbook.RestrictApps), Help: "lets the machine run only what Microsoft signed", Shape: Shape{kind: aMapping, Keys: PlainKeys(playbook.RestrictApps)}},
		{Name: string(playbook.UnrestrictApps), Help: "ends a restriction of apps that Cordon asked for", Shape: Shape{kind: aMapping, Keys: PlainKeys(playbook.UnrestrictApps)}},
		{Name: string(playbook.Scan), Help: "has the machine's antivirus look through it", Shape: Shape{kind: aMapping, Keys: ScanKeys}},
		{Name: string(playbook.CollectPackage), Help: "gathers an investigation package from the machine", Shape: Shape{kind: aMapping, Keys: PlainKeys(playbook.CollectPackage)}},
		{Name: string(playbook.Tag), Help: "puts a tag on the machine or takes it off", Shape: Shape{kind: aMapping, Keys: TagKeys}},
		{Name: string(playbook.UpdateAlert), Help: "changes the alert's status, assignee or verdict, or comments on it", Shape: Shape{kind: aMapping, Keys: UpdateAlertKeys}},
		{Name: string(playbook.Mail), Help: "tells people", Shape: Shape{kind: aMapping, Keys: MailKeys}},
	}}
}

func IsolateKeys() Keys {
	return Keys{What: "isolate", Later: append(laterStepKeys(), "release"), Known: []key{
		{Name: "type", Help: "Full cuts every connection but the one to Defender; Selective leaves Outlook, Teams and Skype for Business connected, on Windows and unless isolation exclusion rules are switched on in the tenant; UnManagedDevice has the machines around block one that is not onboarded", required: true,
			Shape: Shape{kind: aWord, Words: []string{string(machine.Full), string(machine.Selective), string(machine.UnManagedDevice)}}},
		commentKey(),
	}}
}

func ScanKeys() Keys {
	return Keys{What: "scan", Later: laterStepKeys(), Known: []key{
		{Name: "type", Help: "Quick looks where malware mostly is, Full at every file", required: true,
			Shape: Shape{kind: aWord, Words: []string{string(machine.Quick), string(machine.Full)}}},
		commentKey(),
	}}
}

// PlainKeys are those of a machine action that needs nothing said.
func PlainKeys(kind playbook.StepKind) func() Keys {
	return func() Keys {
		return Keys{What: string(kind), Empty: true, Later: laterStepKeys(), Known: []key{commentKey()}}
	}
}

func TagKeys() Keys {
	return Keys{What: "tag", one: true, Later: append(laterStepKeys(), "comment"), Known: []key{
		{Name: "add", Help: "the tag that the machine gets", Shape: Shape{kind: aText, pattern: TagPattern}},
		{Name: "remove", Help: "the tag that the machine loses", Shape: Shape{kind: aText, pattern: TagPattern}},
	}}
}

func UpdateAlertKeys() Keys {
	return Keys{What: "updateAlert", some: true, Later: []string{"approve", "ask", "severity", "title"}, Known: []key{
		{Name: "status", Help: "the alert's new status", Shape: Shape{kind: aWord, Words: []string{string(alert.StatusNew), string(alert.StatusInProgress), string(alert.StatusResolved)}}},
		{Name: "assignedTo", Help: "the account that the alert is assigned to, or a template of one", Shape: Shape{kind: aText, pattern: templates.AssigneePattern + `|\{\{`}},
		{Name: "classification", Help: "what the alert turned out to be", Shape: Shape{kind: aWord, Words: facts.Classifications()}},
		{Name: "determination", Help: "what exactly; it has to belong to the classification, if one is given", Shape: Shape{kind: aWord, Words: facts.Determinations("")}},
		{Name: "comment", Help: "a template, added to the alert's comments", Shape: Shape{kind: aText}},
	}}
}

func MailKeys() Keys {
	return Keys{What: "mail", Empty: true, Later: []string{"bcc", "cc", "priority", "subject", "template"}, Known: []key{
		{Name: "to", Help: "addresses, or templates of them; without any the configured recipients get the mail", Shape: Shape{kind: Texts, High: MaxEntries}},
		{Name: "text", Help: "a template, what people are told besides", Shape: Shape{kind: aText}},
	}}
}

func commentKey() key {
	return key{Name: "comment", Help: "a template, shown with the action in the Defender portal", Shape: Shape{kind: aText}}
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

// TagPattern is what a tag may be: the vendor names no limit, so this one keeps to what people can read in a list.
const TagPattern = `^[^\s{}](?:[^{}\x00-\x1f\x7f]{0,198}[^\s{}])?$`
