package doctor

import (
	"context"
	"time"
)

// Alerts reads from a source of alerts and changes nothing. Errors say the way out.
type Alerts interface {
	// Alerts lists a few alerts and returns the API's own clock; zero if it told none.
	Alerts(ctx context.Context) (time.Time, error)
}

// Defender reads from the API and changes nothing. Errors say the way out.
type Defender interface {
	Alerts
	// Actions lists machine actions.
	Actions(ctx context.Context) error
}

// Bounds of the difference between the clocks. Tokens are refused when it is five minutes, which is what the authority
// allows.
const (
	skewOdd  = 30 * time.Second
	skewMost = 5 * time.Minute
)

// listing is how a source of alerts answered, and when it was asked.
type listing struct{ clock, before, after time.Time }

// lists is the check that a source lists alerts. What it finds is kept in l.
func (l *listing) lists(
	name string,
	api Alerts,
	url, slow string,
	now func() time.Time,
) Check {
	return Check{
		Name: name,
		Slow: slow,
		Run: func(ctx context.Context) Finding {
			l.before = now()
			var err error
			l.clock, err = api.Alerts(ctx)
			if err != nil {
				return failed("mend what it says, or the token above; "+slow, "%v", err)
			}
			l.after = now()
			return ok("%s lists alerts", url)
		},
	}
}

// Reads are the checks that the API answers. Alerts are listed only if it is a source of them.
func Reads(api Defender, source bool, url string, now func() time.Time) Area {
	var l listing
	slow := "check that the app reaches " + url + " (firewall, proxy, CORDON_DEFENDER_URL)"
	actions := Check{Name: "Defender machine actions", Slow: slow, Run: func(ctx context.Context) Finding {
		if err := api.Actions(ctx); err != nil {
			return failed("mend what it says, or the token above; "+slow, "%v", err)
		}
		return ok("%s lists machine actions", url)
	}}
	if !source {
		return Area{actions}
	}
	return Area{
		l.lists("Defender alerts", api, url, slow, now),
		actions,
		l.agrees(),
	}
}

// ReadsGraph are the checks that Microsoft Graph lists alerts. only: it is the one source of them.
func ReadsGraph(api Alerts, only bool, url string, now func() time.Time) Area {
	var l listing
	slow := "check that the app reaches " + url + " (firewall, proxy, CORDON_GRAPH_URL)"
	area := Area{l.lists("Graph alerts", api, url, slow, now)}
	if only {
		area = append(area, l.agrees())
	}
	return area
}

// agrees is the check of the clock.
func (l *listing) agrees() Check {
	return Check{
		Name: "clock",
		Run: func(context.Context) Finding {
			return skew(l.clock, l.before, l.after)
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
