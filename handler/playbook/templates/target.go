package templates

import (
	"net/mail"
	"strings"

	"cordon/handler/playbook/spelling"
)

// Target is an entry of a mail's to: an address, or a template of one.
type Target struct {
	Source   string
	Template *Template // nil: source is the address
}

// Resolve is the text for one alert; false if it is not fit.
func (r Target) Resolve(data Data, fit func(string) bool) (string, bool) {
	if r.Template == nil {
		return r.Source, true
	}
	text, err := r.Template.execute(data)
	return text, err == nil && fit(text)
}

// IsTemplate reports whether a text that may be a template is one.
func IsTemplate(text string) bool { return strings.Contains(text, "{{") }

// IsAddress reports whether text is a mail address and nothing else: what comes out of an alert cannot add a second
// one.
func IsAddress(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Name == "" && a.Address == text && len(text) <= maxAddress &&
		spelling.Plain(text) == text && !strings.ContainsAny(text, "{}")
}

// IsAccount reports whether text may be what an alert is assigned to.
func IsAccount(text string) bool {
	return spelling.Matches(AssigneePattern, text) && !strings.ContainsAny(text, "{}")
}

// maxAddress is the longest mail address there is (RFC 5321, 4.5.3.1.3).
const maxAddress = 254

// AssigneePattern is an account or a word such as Automation; templates are told apart by their braces.
const AssigneePattern = `^[^\s\x00-\x1f\x7f]{1,256}$`
