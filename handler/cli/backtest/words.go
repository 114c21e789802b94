package backtest

import (
	"strconv"
	"time"
)

// digest is as much of a playbook's digest as tells it from others.
func digest(whole string) string { return whole[:min(len(whole), 12)] }

// days are those of a span, in UTC.
func days(since, until time.Time) string {
	return since.UTC().Format(time.DateOnly) + " to " + until.UTC().Format(time.DateOnly)
}

// number writes a number with its thousands apart.
func number(n int) string {
	text := strconv.Itoa(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// runs is a number of runs in words.
func runs(n int) string {
	if n == 1 {
		return "1 run"
	}
	return number(n) + " runs"
}
