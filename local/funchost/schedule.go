package funchost

import (
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// schedule is an NCRONTAB expression in UTC ("Timer trigger for Azure Functions", learn.microsoft.com).
type schedule struct {
	text string
	spec *cron.SpecSchedule
}

// starBit is cron's mark for an unrestricted field.
const starBit = 1 << 63

// parseSchedule reads six fields, seconds first; with five the seconds are 0.
func parseSchedule(text string) (schedule, error) {
	fields := strings.Fields(text)
	switch {
	case len(fields) == 1 && strings.Contains(text, ":"):
		return schedule{},
			fmt.Errorf("schedule %q is a TimeSpan, which only an App Service plan takes; write NCRONTAB with six "+
				"fields, such as 0 */5 * * * *", text)
	case strings.ContainsAny(text, "?=@"):
		return schedule{},
			fmt.Errorf("schedule %q: NCRONTAB knows no ?, @ or =; write six fields, such as 0 */5 * * * *", text)
	case len(fields) == 5:
		fields = append([]string{"0"}, fields...)
	case len(fields) != 6:
		return schedule{},
			fmt.Errorf("schedule %q has %d fields; NCRONTAB has six: second minute hour day month weekday", text,
				len(fields))
	}
	parser := cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	parsed, err := parser.Parse("TZ=UTC " + strings.Join(fields, " "))
	if err != nil {
		return schedule{}, fmt.Errorf("schedule %q: %w", text, err)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return schedule{}, fmt.Errorf("schedule %q is not a list of fields", text)
	}
	// NCRONTAB wants day and weekday both to match; cron takes either unless one of them is unrestricted.
	spec.Dom |= starBit
	s := schedule{text: text, spec: spec}
	if s.next(time.Now()).IsZero() {
		return schedule{}, fmt.Errorf("schedule %q never fires", text)
	}
	return s, nil
}

// next is the first occurrence after t, in UTC.
func (s schedule) next(t time.Time) time.Time { return s.spec.Next(t.UTC()) }

// subMinute says whether it fires every minute of the year and more than once in each; the host then keeps no status.
// One with a bound on the minute or above has a status, however close some of its occurrences are (TimerSchedule).
func (s schedule) subMinute() bool {
	span := func(from, to int) (all uint64) {
		for n := from; n <= to; n++ {
			all |= 1 << n
		}
		return all
	}
	every := func(field, all uint64) bool { return field&all == all }
	return every(s.spec.Minute, span(0, 59)) && every(s.spec.Hour, span(0, 23)) && every(s.spec.Dom, span(1, 31)) &&
		every(s.spec.Month, span(1, 12)) && every(s.spec.Dow, span(0, 6)) &&
		bits.OnesCount64(s.spec.Second&span(0, 59)) > 1
}
