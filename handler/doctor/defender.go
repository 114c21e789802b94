package doctor

import (
	"context"
	"time"
)

// Defender reads from the API and changes nothing. Errors say the way out.
type Defender interface {
	// Alerts lists a few alerts and returns the API's own clock; zero if it told none.
	Alerts(ctx context.Context) (time.Time, error)
	// Actions lists machine actions.
	Actions(ctx context.Context) error
}

// Bounds of the difference between the clocks. Tokens are refused when it is five minutes, which is what the authority
// allows.
const (
	skewOdd  = 30 * time.Second
	skewMost = 5 * time.Minute
)

// Reads are the checks that the API answers.
func Reads(api Defender, url string, now func() time.Time) Area {
	var clock, before, after time.Time
	slow := "check that the app reaches " + url + " (firewall, proxy, CORDON_DEFENDER_URL)"
	return Area{
		{Name: "Defender alerts", Slow: slow, Run: func(ctx context.Context) Finding {
			before = now()
			var err error
			clock, err = api.Alerts(ctx)
			if err != nil {
				return failed("mend what it says, or the token above; "+slow, "%v", err)
			}
			after = now()
			return ok("%s lists alerts", url)
		}},
		{Name: "Defender machine actions", Slow: slow, Run: func(ctx context.Context) Finding {
			if err := api.Actions(ctx); err != nil {
				return failed("mend what it says, or the token above; "+slow, "%v", err)
			}
			return ok("%s lists machine actions", url)
		}},
		{
			Name: "clock",
			Run: func(context.Context) Finding {
				return skew(clock, before, after)
			},
		},
	}
}

// skew judges the API's clock by when it was asked. Its Date has whole seconds.
func skew(clock, before, after time.Time) Finding {
	const do = "set the clock of this machine by NTP"
	var off time.Duration
	switch {
	case clock.IsZero() || after.IsZero():
		return notSeen("", "the API told no time")
	case clock.After(after):
		off = clock.Sub(after)
	case clock.Add(time.Second).Before(before):
		off = before.Sub(clock)
	}
	about := off.Round(10 * time.Second) // no finer than what is known
	switch {
	case off >= skewMost:
		return failed(do, "differs from the API's by about %s: tokens are refused from %s on", about, skewMost)
	case off >= skewOdd:
		return warning(do, "differs from the API's by about %s", about)
	}
	return ok("agrees with the API's")
}
