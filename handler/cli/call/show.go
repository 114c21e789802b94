package call

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/terminal"
)

// Clock says times as the person at a command reads them.
type Clock struct {
	Now  time.Time
	Zone *time.Location
}

// Clock is the time now where the person is.
func (p Program) Clock() Clock {
	zone := time.Local
	named, err := time.LoadLocation(p.Getenv("TZ"))
	if p.Getenv("TZ") != "" && err == nil {
		zone = named
	}
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	return Clock{Now: now(), Zone: zone}
}

// Stamp writes a time in the person's zone, with its offset; nothing for none.
func (c Clock) Stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(c.Zone).Format("2006-01-02 15:04:05 -07:00")
}

// Age says how long ago a time was, or how far ahead it is; nothing for none.
func (c Clock) Age(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.After(c.Now):
		return "in " + span(nearest(t.Sub(c.Now)))
	}
	return span(c.Now.Sub(t))
}

// nearest rounds days that are still to come: of seven that have just begun, seven are left and not six.
func nearest(d time.Duration) time.Duration {
	if d < 2*day {
		return d
	}
	return d.Round(day)
}

const day = 24 * time.Hour

// span is a length of time in its largest unit.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d d", d/day)
}

// leastID is how many characters of an id are shown at least.
const leastID = 8

// Short cuts ids so far that they are still told apart among themselves.
func Short(ids []string) func(id string) string {
	length := leastID
	all := slices.Compact(slices.Sorted(slices.Values(ids)))
	for i := 1; i < len(all); i++ {
		length = max(length, common(all[i-1], all[i])+1)
	}
	return func(id string) string {
		return id[:min(len(id), length)]
	}
}

// common is how many bytes two texts begin with alike.
func common(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// Meant finds the id that a person typed, or its beginning, among those that are shown. found: there is one.
func Meant(typed string, ids []string) (id string, found bool, err error) {
	const leastTyped = 4
	var near []string
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if strings.EqualFold(id, typed) {
			return id, true, nil
		}
		if len(typed) >= leastTyped &&
			len(typed) < len(id) &&
			strings.EqualFold(id[:len(typed)], typed) {
			near = append(near, id)
		}
	}
	switch len(near) {
	case 0:
		return "", false, nil
	case 1:
		return near[0], true, nil
	}
	return "", false, fmt.Errorf("%s is the beginning of %d ids; type more of the one that is meant: %s",
		terminal.Plain(typed, 60), len(near), strings.Join(near[:min(len(near), 5)], ", "))
}
