package templates

import (
	"fmt"
	"net/mail"
	"strings"

	"cordon/handler/playbook/spelling"
)

// AccountPattern is an account or a word such as Automation.
const AccountPattern = `^[^\s{}\x00-\x1f\x7f]{1,256}$`

// Target is whom a mail goes to or an alert is assigned to: an address or an account, or a template of one.
type Target struct {
	Source   string
	Template *Template // nil: Source is the address or account
	fit      func(string) bool
}

// Account reads what a rule assigns an alert to.
func Account(rule, text string) (Target, *Mistake) {
	target := Target{Source: text, fit: isAccount}
	if !isTemplate(text) {
		return target, nil // its form is the table's
	}
	var wrong *Mistake
	target.Template, wrong = newFit(rule, "account", text, isAccount)
	return target, wrong
}

// Address reads whom a rule sends a mail to.
func Address(rule, text string) (Target, *Mistake) {
	target := Target{Source: text, fit: isAddress}
	if isTemplate(text) {
		var wrong *Mistake
		target.Template, wrong = newFit(rule, "mail address", text, isAddress)
		return target, wrong
	}
	address, err := mail.ParseAddress(text)
	if err != nil || !isAddress(address.Address) || spelling.Plain(text) != text {
		return target, &Mistake{
			fmt.Sprintf("%q is no mail address", spelling.Cut(text, 80)),
			"such as soc@example.com or soc-{{.Machine.RBACGroupName}}@example.com; without to the configured " +
				"recipients get the mail",
		}
	}
	target.Source = address.Address
	return target, nil
}

// Resolve is the text for one alert; false if it is not fit.
func (t Target) Resolve(data Data) (string, bool) {
	if t.Template == nil {
		return t.Source, true
	}
	text, err := t.Template.execute(data)
	return text, err == nil && t.fit(text)
}

// isTemplate reports whether a text that may be a template is one.
func isTemplate(text string) bool { return strings.Contains(text, "{{") }

// maxAddress is the longest mail address there is (RFC 5321, 4.5.3.1.3).
const maxAddress = 254

// isAddress reports whether text is a mail address and nothing else: what comes out of an alert cannot add a second
// one.
func isAddress(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil &&
		a.Name == "" &&
		a.Address == text &&
		len(text) <= maxAddress &&
		spelling.Plain(text) == text &&
		!strings.ContainsAny(text, "{}")
}

// isAccount reports whether text may be what an alert is assigned to.
func isAccount(text string) bool {
	return spelling.Matches(AccountPattern, text)
}
