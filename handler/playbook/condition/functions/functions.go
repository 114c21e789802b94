// Package functions holds the functions that conditions can call besides those of the expression language. None reads a
// clock or depends on more than its arguments.
package functions

import "strings"

// The functions that are named elsewhere.
const (
	CompareVersion  = "compareVersion"
	SeverityAtLeast = "severityAtLeast" // as texts severities would be compared by their letters
)

// Function is a function that conditions can call.
type Function struct {
	Name      string
	Arguments string // as people write them
	Meaning   string
	Example   string // a whole condition
}

// All are the functions that conditions can call, in the order in which they are best read.
func All() []Function {
	return []Function{
		{"glob", "(text, pattern, …)",
			"whether the whole text fits one of the patterns: `*` is any text, `?` one character, case does not matter",
			`glob(machine.computerDnsName, "KIOSK-*", "*-LAB*")`},
		{"inCIDR", "(address, network, …)",
			"whether the IP address is in one of the networks; a text that is no address is in none",
			`inCIDR(machine.lastIpAddress, "10.20.0.0/16", "fd00:20::/32")`},
		{CompareVersion, "(a, b)",
			"-1, 0 or 1: a is older than, the same as or newer than b, part by part; 1809 is older than 22H2. " +
				"An empty version has no answer",
			`compareVersion(machine.version, "22H2") >= 0`},
		{"timeBetween", "(time, from, to, zone)",
			"whether the time of day in the zone is at or after from and before to; from after to goes over midnight",
			`timeBetween(now, "18:00", "07:30", "Europe/Berlin")`},
		{"weekday", "(time, zone)",
			"the day of the week in the zone, in English",
			`weekday(now, "Europe/Berlin") in ["Saturday", "Sunday"]`},
		{SeverityAtLeast, "(alert, severity)",
			"whether the alert, or the hunt, is of this severity or a higher one: High, Medium, Low, Informational. " +
				"UnSpecified is below all; one that is not known has no answer",
			`severityAtLeast(alert, "Medium")`},
	}
}

// Signature is how a call is written.
func (f Function) Signature() string { return f.Name + f.Arguments }

// Names are the names of the functions.
func Names() []string {
	var names []string
	for _, f := range All() {
		names = append(names, f.Name)
	}
	return names
}

// Example is a condition with a call of a function.
func Example(name string) string {
	for _, f := range All() {
		if f.Name == name {
			return f.Example
		}
	}
	return ""
}

// Hint is the way out of a call with the wrong arguments, whose message names the function.
func Hint(message string) string {
	for _, f := range All() {
		if strings.Contains(message, f.Name) {
			return "it is written " + f.Signature() + ", such as " + f.Example
		}
	}
	return "compare text with text, number with number, time with time"
}
