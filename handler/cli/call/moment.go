package call

import (
	"time"

	"cordon/handler/hunt"
)

// Moment reads a time as a person types it for a flag: a day in the person's zone (2026-03-02), how long ago (30m, 24h,
// 7d), or a time with its zone (2026-03-02T12:00:00Z). Nothing is the zero time.
func (c Clock) Moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, text, c.Zone)
	if err == nil {
		return day, nil
	}
	at, err := hunt.Since(c.Now, text)
	if err != nil {
		return time.Time{}, Usagef("%s: %w, nor a day, such as 2026-03-02", flag, err)
	}
	return at, nil
}

// Minute writes a time in the person's zone, to the minute; nothing for none.
func (c Clock) Minute(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(c.Zone).Format("2006-01-02 15:04")
}

// Zoned names the person's zone as it is now, such as CET or +01.
func (c Clock) Zoned() string {
	return c.Now.In(c.Zone).Format("MST")
}
