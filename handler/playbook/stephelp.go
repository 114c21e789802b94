package playbook

// StepHelp explains one kind of step.
type StepHelp struct {
	Kind       StepKind
	Example    string // as it is written
	Meaning    string
	Permission string // the application permission that it needs, empty: none
	Rate       Rate   // its cap if the playbook names none; zero: it has no cap
}

// Steps are all kinds of steps, in the order of StepKinds. The language's page has them as a table.
func Steps() []StepHelp {
	examples := map[StepKind]string{
		Isolate:        `isolate: { type: Full, comment: "{{.Alert.Title}}" }`,
		Release:        `release: {}`,
		RestrictApps:   `restrictApps: {}`,
		UnrestrictApps: `unrestrictApps: {}`,
		Scan:           `scan: { type: Quick }`,
		CollectPackage: `collectPackage: {}`,
		Tag:            `tag: { add: contained }`,
		UpdateAlert:    `updateAlert: { status: InProgress, comment: "Contained by {{.Rule}}" }`,
		Mail:           `mail: { to: ["soc-{{.Machine.RBACGroupName}}@contoso.com"], text: "{{.Alert.Title}}" }`,
	}
	meanings := map[StepKind]string{
		Isolate:        "cuts the alert's machine off the network: `Full`, `Selective` (on Windows Outlook and Teams stay, unless isolation exclusion rules are switched on in the tenant: then only what they list) or `UnManagedDevice` (the machines around block one that is not onboarded)",
		Release:        "ends an isolation that Cordon asked for, unless another run wants the machine isolated",
		RestrictApps:   "lets the machine run only what Microsoft signed",
		UnrestrictApps: "ends a restriction that Cordon asked for",
		Scan:           "has the antivirus look through the machine: `Quick` or `Full`",
		CollectPackage: "gathers an investigation package",
		Tag:            "`add` puts a tag on the machine, `remove` takes it off",
		UpdateAlert:    "changes any of `status`, `assignedTo`, `classification`, `determination`, and adds a `comment`; needs no machine",
		Mail:           "tells people, with a `text` if there is one; without `to` the configured recipients",
	}
	var list []StepHelp
	for _, kind := range StepKinds() {
		permission, _ := permissionOf(kind)
		list = append(list, StepHelp{kind, examples[kind], meanings[kind], permission, DefaultLimits().Of(kind).Rate})
	}
	return list
}
