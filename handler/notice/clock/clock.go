// Package clock writes times for people who read mails: in their own zone, with UTC beside it.
package clock

import (
	"regexp"
	"time"
)

// Clock writes times. Its zero value writes them in UTC alone.
type Clock struct {
	Zone *time.Location // nil: UTC
}

const (
	day    = "2006-01-02"
	second = "15:04:05"
)

// At is a time for people. A zone is shown by its offset: its name means several zones.
func (c Clock) At(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	t = t.UTC()
	utc := t.Format(day + " " + second + " UTC")
	if c.Zone == nil || c.Zone == time.UTC {
		return utc
	}
	here := t.In(c.Zone)
	if here.Format(day) == t.Format(day) {
		utc = t.Format(second + " UTC")
	}
	return here.Format(day+" "+second+" -07:00") + " (" + utc + ")"
}

// In writes the times of a sentence, which programs wrote in UTC, for people.
func (c Clock) In(sentence string) string {
	return written.ReplaceAllStringFunc(sentence, func(s string) string {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return s
		}
		return c.At(t)
	})
}

var written = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z\b`)
