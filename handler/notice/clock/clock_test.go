package clock

import (
	"testing"
	"time"
	_ "time/tzdata"
)

func TestATimeIsWrittenInTheZoneWithUTCBesideIt(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string][2]string{
		"UTC": {
			"2026-03-02 23:30:05 UTC",
			"2026-07-01 12:00:00 UTC",
		},
		"Europe/Berlin": {
			"2026-03-03 00:30:05 +01:00 (2026-03-02 23:30:05 UTC)",
			"2026-07-01 14:00:00 +02:00 (12:00:00 UTC)",
		},
		"America/New_York": {
			"2026-03-02 18:30:05 -05:00 (23:30:05 UTC)",
			"2026-07-01 08:00:00 -04:00 (12:00:00 UTC)",
		},
		"Asia/Kathmandu": {
			"2026-03-03 05:15:05 +05:45 (2026-03-02 23:30:05 UTC)",
			"2026-07-01 17:45:00 +05:45 (12:00:00 UTC)",
		},
	} {
		there, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		c := Clock{there}
		for i, at := range []time.Time{
			time.Date(2026, 3, 2, 23, 30, 5, 0, time.UTC),
			time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC),
		} {
			if got := c.At(at.In(time.FixedZone("", 3600))); got != want[i] {
				t.Errorf("%s: %q, want %q", zone, got, want[i])
			}
		}
	}
	if got := (Clock{}).At(time.Time{}); got != "–" {
		t.Errorf("no time is written as %q", got)
	}
}

func TestTheTimesOfASentenceAreThoseOfTheMail(t *testing.T) {
	t.Parallel()
	c := Clock{time.FixedZone("", 3600)}
	for sentence, want := range map[string]string{
		"Action 7 is Failed since 2026-03-02T12:09:00Z. Error 0x80070070.": "Action 7 is Failed since 2026-03-02 " +
			"13:09:00 +01:00 (12:09:00 UTC). Error 0x80070070.",
		"until 2026-03-02T12:09:00.123456789Z": "until 2026-03-02 13:09:00 +01:00 (12:09:00 UTC)",
		"2026-13-99T99:99:99Z":                 "2026-13-99T99:99:99Z",
		"2026-03-02T12:09:00+09:00":            "2026-03-02T12:09:00+09:00",
		"":                                     "",
	} {
		if got := c.In(sentence); got != want {
			t.Errorf("%q: %q, want %q", sentence, got, want)
		}
	}
}
