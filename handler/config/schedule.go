package config

import (
	"fmt"
	"time"

	"cordon/handler/schedule"
)

// Dropped is a function that the Functions host leaves out, because its function.json names a setting that is not set. The
// host writes that into its own log and tells nobody else.
type Dropped struct{ Function, Setting string }

// String says it to people.
func (d Dropped) String() string {
	return fmt.Sprintf("%s does not run: %s is not set, and the Functions host knows no default; set it in the app settings", d.Function, d.Setting)
}

// Dropped are the functions on timers that do not run.
func (c Config) Dropped() (dropped []Dropped) {
	for _, s := range []struct{ value, function, setting string }{
		{c.PollSchedule, "PollAlerts", "CORDON_POLL_SCHEDULE"}, {c.FollowSchedule, "FollowActions", "CORDON_FOLLOW_SCHEDULE"},
		{c.HuntSchedule, "RunHunts", "CORDON_HUNT_SCHEDULE"},
	} {
		if s.value == "" {
			dropped = append(dropped, Dropped{s.function, s.setting})
		}
	}
	return dropped
}

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
	if _, err := schedule.Parse(value); err != nil && value != "" {
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
