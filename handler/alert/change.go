package alert

import "strings"

// Change is what is to be changed of an alert. What is empty stays as it is (Update alert API page).
type Change struct {
	Status         Status `json:"status,omitempty"`
	AssignedTo     string `json:"assignedTo,omitempty"`
	Classification string `json:"classification,omitempty"`
	Determination  string `json:"determination,omitempty"`
	Comment        string `json:"comment,omitempty"` // added to those that are there; plain text
}

// Left is what of the change the alert does not have yet; the comment is not compared.
func (c Change) Left(a Alert) Change {
	if strings.EqualFold(string(c.Status), string(a.Status)) {
		c.Status = ""
	}
	if strings.EqualFold(c.AssignedTo, a.AssignedTo) {
		c.AssignedTo = ""
	}
	if strings.EqualFold(c.Classification, a.Classification) {
		c.Classification = ""
	}
	if strings.EqualFold(Determination(c.Determination), Determination(a.Determination)) {
		c.Determination = ""
	}
	return c
}

// IsZero reports whether nothing is to be changed.
func (c Change) IsZero() bool { return c == Change{} }

// Determination is a determination as the Alerts resource type page spells it; the Update alert API page has another
// word for two of them. What is in neither is kept.
func Determination(s string) string {
	switch {
	case strings.EqualFold(s, "ConfirmedActivity"):
		return "ConfirmedUserActivity"
	case strings.EqualFold(s, "NotMalicious"):
		return "Clean"
	}
	return s
}
