package language

import (
	"cordon/handler/playbook"
)

// StepHelp explains one kind of step.
type StepHelp struct {
	Kind       playbook.StepKind
	Example    string // as it is written
	Meaning    string
	Permission string        // the application permission that it needs, empty: none
	Rate       playbook.Rate // its cap if the playbook names none; zero: it has no cap
}

// Steps are all kinds of steps, in the order of StepKinds. The language's page has them as a table.
func Steps() []StepHelp {
	examples := map[playbook.StepKind]string{
		playbook.Isolate:        `isolate: { type: Full, comment: "{{.Alert.Title}}" }`,
		playbook.Release:        `release: {}`,
		playbook.RestrictApps:   `restrictApps: {}`,
		playbook.UnrestrictApps: `unrestrictApps: {}`,
		playbook.Scan:           `scan: { type: Quick }`,
		playbook.CollectPackage: `collectPackage: {}`,
		playbook.Tag:            `tag: { add: contained }`,
		playbook.UpdateAlert:    `updateAlert: { status: InProgress, comment: "Contained by {{.Rule}}" }`,
		playbook.Mail:           `mail: { to: ["soc-{{.Machine.RBACGroupName}}@contoso.com"], text: "{{.Alert.Title}}" }`,
	}
	meanings := map[playbook.StepKind]string{
		playbook.Isolate:        "cuts the alert's machine off the network: `Full`, `Selective` (on Windows Outlook and Teams stay, unless isolation exclusion rules are switched on in the tenant: then only what they list) or `UnManagedDevice` (the machines around block one that is not onboarded)",
		playbook.Release:        "ends an isolation that Cordon asked for, unless another run wants the machine isolated",
		playbook.RestrictApps:   "lets the machine run only what Microsoft signed",
		playbook.UnrestrictApps: "ends a restriction that Cordon asked for",
		playbook.Scan:           "has the antivirus look through the machine: `Quick` or `Full`",
		playbook.CollectPackage: "gathers an investigation package",
		playbook.Tag:            "`add` puts a tag on the machine, `remove` takes it off",
		playbook.UpdateAlert:    "changes any of `status`, `assignedTo`, `classification`, `determination`, and adds a `comment`; needs no machine",
		playbook.Mail:           "tells people, with a `text` if there is one; without `to` the configured recipients",
	}
	var list []StepHelp
	for _, kind := range playbook.StepKinds() {
		permission, _ := playbook.PermissionOf(kind)
		list = append(list, StepHelp{kind, examples[kind], meanings[kind], permission, playbook.DefaultLimits().Of(kind).Rate})
	}
	return list
}
