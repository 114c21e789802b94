package playbook

import "cordon/handler/machine"

// StepKind is what a step does.
type StepKind string

// The steps of this version.
const (
	Isolate        StepKind = "isolate"        // cuts the alert's machine off the network
	Release        StepKind = "release"        // ends an isolation that Cordon asked for
	RestrictApps   StepKind = "restrictApps"   // lets the machine run only what Microsoft signed
	UnrestrictApps StepKind = "unrestrictApps" // ends a restriction that Cordon asked for
	Scan           StepKind = "scan"           // has the machine's antivirus look through it
	CollectPackage StepKind = "collectPackage" // gathers an investigation package
	Tag            StepKind = "tag"            // puts a tag on the machine or takes it off
	UpdateAlert    StepKind = "updateAlert"    // changes the alert's state, assignee or verdict, or comments on it
	Mail           StepKind = "mail"           // tells people
)

// StepKinds are all kinds of steps, in the order in which they are best read.
func StepKinds() []StepKind {
	return []StepKind{Isolate, Release, RestrictApps, UnrestrictApps, Scan, CollectPackage, Tag, UpdateAlert, Mail}
}

// Acts reports whether a step of this kind changes something at Defender; only such steps pass the rails.
func (k StepKind) Acts() bool { return k != Mail }

// Action is the machine action that a step of this kind asks for; empty for tag, updateAlert and mail.
func (k StepKind) Action() machine.ActionType {
	switch k {
	case Isolate:
		return machine.Isolate
	case Release:
		return machine.Unisolate
	case RestrictApps:
		return machine.Restrict
	case UnrestrictApps:
		return machine.Unrestrict
	case Scan:
		return machine.Scan
	case CollectPackage:
		return machine.Collect
	}
	return ""
}
