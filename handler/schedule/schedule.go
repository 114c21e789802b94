// Package schedule reads NCRONTAB expressions with the one meaning that they have at the Functions host, and knows that
// its timers are not exact: an occurrence is never compared with the clock to the last millisecond.
package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule is a checked expression, in UTC.
type Schedule struct{ spec *cron.SpecSchedule }

// errForm is what is wrong with an expression of another form.
var errForm = errors.New("expected six fields, UTC: second minute hour day month weekday, such as 0 */5 * * * *")

// Parse reads an expression of six fields, seconds first. Day of month and weekday both have to match, as at the host.
func Parse(text string) (Schedule, error) {
	// The parser also takes a time zone in front and question marks; the host takes neither.
	if len(strings.Fields(text)) != 6 || strings.ContainsAny(text, "?=@") {
		return Schedule{}, errForm
	}
	parsed, err := cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(text)
	if err != nil {
		return Schedule{}, fmt.Errorf("%w: %w", errForm, err)
	}
	spec, isSpec := parsed.(*cron.SpecSchedule)
	if !isSpec {
		return Schedule{}, errForm
	}
	// The parser's mark of a field without bounds. With one, both days have to match; else it takes either.
	const unbounded = 1 << 63
	spec.Dom |= unbounded
	s := Schedule{spec}
	if s.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Schedule{}, errors.New("it never comes: mind that day, month and weekday all have to match")
	}
	return s, nil
}

// Next is the first occurrence after a time.
func (s Schedule) Next(after time.Time) time.Time {
	return s.spec.Next(after.UTC())
}

// LongestGap is the longest time between two occurrences among some hundred of them.
func (s Schedule) LongestGap() time.Duration {
	var longest time.Duration
	at := s.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	for range 200 {
		next := s.Next(at)
		if next.IsZero() {
			break
		}
		longest, at = max(longest, next.Sub(at)), next
	}
	return longest
}

// Tick is the occurrence that a tick at a time stands for. Occurrences are whole seconds, and a timer's ticks come some
// milliseconds early or late.
func Tick(now time.Time) time.Time {
	return now.UTC().Round(time.Second)
}

// Ripe reports whether what is done in pauses of every is due at a tick of a timer that ticks in pauses of tick at
// most. The last time may have been noted late and the tick may be early, so the tick nearest to the end of the pause
// counts.
func Ripe(last, now time.Time, every, tick time.Duration) bool {
	return now.Sub(last) >= every-tick/2
}
