package config

import (
	"time"

	"cordon/handler/schedule"
)

// Next is the first occurrence of a schedule after a time, UTC; zero for none.
func Next(spec string, after time.Time) time.Time {
	parsed, err := schedule.Parse(spec)
	if err != nil {
		return time.Time{}
	}
	return parsed.Next(after)
}

// checkSchedule checks an NCRONTAB expression: six fields, seconds first. One that is not set is none of the settings'
// problems: the host leaves the function out, alerts are still answered, and Health says so.
func checkSchedule(p *problems, name, value string) string {
	_, err := schedule.Parse(value)
	if err != nil && value != "" {
		p.add(name, "%s is no schedule: %v", quote(value), err)
	}
	return value
}

// longestGap is the longest time between two occurrences of a schedule; 0 for one that is refused.
func longestGap(value string) time.Duration {
	parsed, err := schedule.Parse(value)
	if err != nil {
		return 0
	}
	return parsed.LongestGap()
}
