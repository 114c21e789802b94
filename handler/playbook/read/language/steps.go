package language

import (
	"strings"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/playbook"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/permissions"
	"cordon/handler/playbook/read/source"
	"cordon/handler/playbook/templates"
)

// Step explains one kind of step.
type Step struct {
	Kind       playbook.StepKind
	Example    string // as it is written
	Meaning    string
	Permission string        // the application permission that it needs, empty: none
	Rate       playbook.Rate // its cap if the playbook names none; zero: it has no cap
	keys       source.Keys
}

// StepKeys are the keys of a step: one for each kind.
func StepKeys() source.Keys {
	k := source.Keys{
		What: "a step",
		Each: "step",
		One:  "a step does one thing",
		Way:  "begin a new - for every step",
	}
	for _, s := range Steps() {
		k.Known = append(k.Known, mapping(string(s.Kind), func() source.Keys {
			return s.keys
		},
			strings.ReplaceAll(s.Meaning, "`", "")))
	}
	return k
}

// Steps are all kinds of steps, in the order of StepKinds. The language's page has them as a table.
func Steps() []Step {
	list := []Step{
		{Kind: playbook.Isolate, keys: isolateKeys(),
			Example: `isolate: { type: Full, comment: "{{.Alert.Title}}" }`,
			Meaning: "cuts the alert's machine off the network: `Full`, `Selective` (on Windows Outlook and Teams " +
				"stay, unless isolation exclusion rules are switched on in the tenant: then only what they list) or " +
				"`UnManagedDevice` (the machines around block one that is not onboarded)"},
		{Kind: playbook.Release, keys: actionKeys(playbook.Release),
			Example: `release: {}`,
			Meaning: "ends an isolation that Cordon asked for, unless another run wants the machine isolated"},
		{Kind: playbook.RestrictApps, keys: actionKeys(playbook.RestrictApps),
			Example: `restrictApps: {}`,
			Meaning: "lets the machine run only what Microsoft signed"},
		{Kind: playbook.UnrestrictApps, keys: actionKeys(playbook.UnrestrictApps),
			Example: `unrestrictApps: {}`,
			Meaning: "ends a restriction that Cordon asked for"},
		{Kind: playbook.Scan, keys: scanKeys(),
			Example: `scan: { type: Quick }`,
			Meaning: "has the antivirus look through the machine: `Quick` or `Full`"},
		{Kind: playbook.CollectPackage, keys: actionKeys(playbook.CollectPackage),
			Example: `collectPackage: {}`,
			Meaning: "gathers an investigation package"},
		{Kind: playbook.Tag, keys: tagKeys(),
			Example: `tag: { add: contained }`,
			Meaning: "`add` puts a tag on the machine, `remove` takes it off"},
		{Kind: playbook.UpdateAlert, keys: updateAlertKeys(),
			Example: `updateAlert: { status: InProgress, comment: "Contained by {{.Rule}}" }`,
			Meaning: "changes any of `status`, `assignedTo`, `classification`, `determination`, and adds a " +
				"`comment`; needs no machine"},
		{Kind: playbook.Mail, keys: mailKeys(),
			Example: `mail: { to: ["soc-{{.Machine.RBACGroupName}}@contoso.com"], text: "{{.Alert.Title}}" }`,
			Meaning: "tells people, with a `text` if there is one; without `to` the configured recipients"},
	}
	for i := range list {
		s := &list[i]
		s.Permission, _ = permissions.OfStep(s.Kind)
		s.Rate = playbook.DefaultLimits().Of(s.Kind).Rate
	}
	return list
}

// actionKeys are those of a machine action that needs nothing said.
func actionKeys(kind playbook.StepKind) source.Keys {
	return source.Keys{
		What:  string(kind),
		Empty: true,
		Known: []source.Key{comment()},
	}
}

func isolateKeys() source.Keys {
	scopes := []string{string(machine.Full), string(machine.Selective), string(machine.UnManagedDevice)}
	return source.Keys{What: "isolate", Known: []source.Key{
		needed("write type: Full, or Selective, which leaves Outlook and Teams connected on Windows unless isolation "+
			"exclusion rules are on",
			word("type", scopes, "Full cuts every connection but the one to Defender; Selective leaves Outlook, Teams "+
				"and Skype for Business connected, on Windows and unless isolation exclusion rules are switched on in "+
				"the tenant; UnManagedDevice has the machines around block one that is not onboarded")),
		comment(),
	}}
}

func scanKeys() source.Keys {
	scopes := []string{string(machine.Quick), string(machine.Full)}
	return source.Keys{What: "scan", Known: []source.Key{
		needed("write type: Quick, or Full",
			word("type", scopes, "Quick looks where malware mostly is, Full at every file")),
		comment(),
	}}
}

func comment() source.Key {
	return text("comment", source.Form{}, "a template, shown with the action in the Defender portal")
}

func tagKeys() source.Keys {
	// The vendor names no limit, so this one keeps to what people can read in a list.
	tag := source.Form{
		What:    "tag",
		Pattern: `^[^\s{}](?:[^{}\x00-\x1f\x7f]{0,198}[^\s{}])?$`,
		Way:     "1 to 200 visible characters, no braces, no blank at the ends; a tag is no template",
	}
	return source.Keys{
		What: "tag",
		One:  "tag either adds or removes one tag",
		Way:  "write tag: {add: contained} or tag: {remove: contained}; a rule may have several tag steps",
		Known: []source.Key{
			text("add", tag, "the tag that the machine gets"),
			text("remove", tag, "the tag that the machine loses"),
		},
	}
}

func updateAlertKeys() source.Keys {
	states := []string{string(alert.StatusNew), string(alert.StatusInProgress), string(alert.StatusResolved)}
	account := source.Form{
		What:    "account",
		Pattern: templates.AccountPattern + `|\{\{`,
		Way: "such as soc@example.com or soc-{{.Machine.RBACGroupName}}@example.com: 1 to 256 characters, no blanks, " +
			"no single braces",
	}
	return source.Keys{What: "updateAlert", Some: true, Known: []source.Key{
		word("status", states, "the alert's new status"),
		text("assignedTo", account, "the account that the alert is assigned to, or a template of one"),
		word("classification", facts.Classifications(), "what the alert turned out to be"),
		word("determination", facts.Determinations(""),
			"what exactly; it has to belong to the classification, if one is given"),
		text("comment", source.Form{}, "a template, added to the alert's comments"),
	}}
}

func mailKeys() source.Keys {
	return source.Keys{What: "mail", Empty: true, Known: []source.Key{
		texts("to", source.Form{Way: `write it as ["soc@example.com"]`},
			"addresses, or templates of them; without any the configured recipients get the mail"),
		text("text", source.Form{}, "a template, what people are told besides"),
	}}
}
