package schedule_test

import (
	"slices"
	"testing"
	"time"

	"cordon/handler/schedule"
)

func parse(t *testing.T, text string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return s
}

// TestDayAndWeekdayBothHaveToMatch holds expressions against the calendar, as the host reads them.
func TestDayAndWeekdayBothHaveToMatch(t *testing.T) {
	t.Parallel()
	days := func(from, to, step int) (all []int) {
		for d := from; d <= to; d += step {
			all = append(all, d)
		}
		return all
	}
	every, week := days(1, 31, 1), []time.Weekday{0, 1, 2, 3, 4, 5, 6}
	for text, want := range map[string]struct {
		days     []int
		weekdays []time.Weekday
	}{
		"0 0 8 1-7 * 1":      {days(1, 7, 1), []time.Weekday{time.Monday}}, // the first Monday of a month
		"0 0 8 1-7 * MON":    {days(1, 7, 1), []time.Weekday{time.Monday}},
		"0 0 8 13 * FRI":     {[]int{13}, []time.Weekday{time.Friday}},
		"0 0 8 */2 * 1":      {days(1, 31, 2), []time.Weekday{time.Monday}},
		"0 0 8 1,15 * 1-5":   {[]int{1, 15}, week[1:6]},
		"0 0 8 31 * 0":       {[]int{31}, week[:1]},
		"0 0 8 1-31 * 1":     {every, []time.Weekday{time.Monday}},
		"0 0 8 10 * 0-6":     {[]int{10}, week},
		"0 0 8 */1 * 2":      {every, []time.Weekday{time.Tuesday}},
		"0 0 8 * * 1":        {every, []time.Weekday{time.Monday}},
		"0 0 8 10 * *":       {[]int{10}, week},
		"0 0 8 * * *":        {every, week},
		"0 0 8 22-28 * */6":  {days(22, 28, 1), []time.Weekday{time.Sunday, time.Saturday}},
		"0 0 8 5/10 * 3,4,5": {[]int{5, 15, 25}, []time.Weekday{time.Wednesday, time.Thursday, time.Friday}},
	} {
		s := parse(t, text)
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for day := at.Add(8 * time.Hour); day.Year() < 2029; day = day.AddDate(0, 0, 1) {
			if !slices.Contains(want.days, day.Day()) || !slices.Contains(want.weekdays, day.Weekday()) {
				continue
			}
			if at = s.Next(at); !at.Equal(day) {
				t.Errorf("%s: %s, want %s", text, at, day.Format("Mon 2006-01-02 15:04"))
				break
			}
		}
	}
}

func TestWhatTheHostDoesNotTakeIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "* * * * *", "* * * * * * *", "@every 1m", "@daily", "TZ=UTC 0 * * * * *", "0 ? * * * *", "0 0 0 ? * 1",
		"61 * * * * *", "daily", "00:01:00", "0 0 0 30 2 *",
		"0 0 0 31 4 *", "0 0 0 * * 7", "*/0 * * * * *", "0 0 0 5-1 * *",
	} {
		if _, err := schedule.Parse(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestTheLongestGap(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0 * * * * *":       time.Minute,
		"*/15 * * * * *":    15 * time.Second,
		"0 0 6 * * MON-FRI": 72 * time.Hour,
		"0 0 0 29 2 *":      4 * 366 * 24 * time.Hour,
	} {
		if got := parse(t, text).LongestGap(); got > want || got < want-3*24*time.Hour && want > 24*time.Hour ||
			got != want && want < 24*time.Hour {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestATickCountsForTheNearestOccurrence(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for off, want := range map[time.Duration]time.Duration{
		0:                       0,
		-3 * time.Millisecond:   0,
		3 * time.Millisecond:    0,
		-499 * time.Millisecond: 0,
		400 * time.Millisecond:  0,
		-600 * time.Millisecond: -time.Second,
		2600 * time.Millisecond: 3 * time.Second,
	} {
		if got := schedule.Tick(noon.Add(off).In(time.FixedZone("x", 3600))); !got.Equal(noon.Add(want)) ||
			got.Location() != time.UTC {
			t.Errorf("%s: %s", off, got)
		}
	}
}

// TestWhatIsDoneHourlyIsDoneHourly has timers of several paces tick early and late, and the last time noted later
// still.
func TestWhatIsDoneHourlyIsDoneHourly(t *testing.T) {
	t.Parallel()
	for _, tick := range []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, time.Hour} {
		var last time.Time
		done, off := 0, []time.Duration{2 * time.Second, -3 * time.Millisecond, 5 * time.Millisecond, 0}
		noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
		for i := range int(100 * time.Hour / tick) {
			now := noon.Add(time.Duration(i)*tick + off[i%len(off)])
			if !schedule.Ripe(last, now, time.Hour, tick) {
				continue
			}
			last = now.Add(time.Duration(i%3) * time.Second)
			done++
		}
		if done != 100 {
			t.Errorf("every %s: done %d times in a hundred hours", tick, done)
		}
	}
}
