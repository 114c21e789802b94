package follow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/ledger/switches"
	"cordon/handler/notice"
)

const (
	// unknownAfter is how long an id may take to turn up in a poll before people hear that nobody knows it.
	unknownAfter = 10 * time.Minute
	// unknownEvery is the least time between two mails about such ids.
	unknownEvery = time.Hour
	// unknownNamed is how many of them a mail names.
	unknownNamed = 30
)

// tellUnknown tells in one mail of the ids that were asked for and that neither the API nor a poll knew.
func (f *Follower) tellUnknown(ctx context.Context) error {
	l, err := f.Switches.ReadLookups(ctx)
	if err != nil {
		return err
	}
	untold := l.Untold()
	if len(untold) == 0 {
		return nil
	}
	now := f.Switches.SharedNow(ctx, f.Log, f.Now)
	if now.Sub(untold[0].At) < unknownAfter || now.Sub(l.ToldAt) < unknownEvery {
		return nil
	}
	var missing, over []string
	for _, one := range untold {
		_, known, err := f.Runs.Seen(ctx, one.AlertID)
		switch {
		case err != nil:
			return err
		case known || slices.Contains(missing, one.AlertID):
		case one.Missing:
			missing = append(missing, one.AlertID)
		default:
			over = append(over, one.AlertID)
		}
	}
	over = slices.DeleteFunc(over, func(id string) bool {
		return slices.Contains(missing, id)
	})
	if len(missing)+len(over)+l.More > 0 {
		first := untold[0].At.Format(time.RFC3339Nano)
		last := untold[len(untold)-1].At.Format(time.RFC3339Nano)
		e := notice.Event{
			Kind:   notice.UnknownAlerts,
			At:     now,
			To:     f.Operator,
			RunID:  "lookups " + first + " " + last,
			Detail: unknownDetail(missing, over, l.More),
		}
		err := f.Teller.Tell(ctx, notice.OperatorGroup, e)
		if err != nil {
			return err
		}
		f.Log.WarnContext(ctx, "alerts were asked for that nobody knows",
			"missing", len(missing), "notLookedUp", len(over), "more", l.More)
	}
	return f.Switches.LookupsTold(ctx, l, now)
}

// unknownDetail names the ids, as far as a mail has room for them.
func unknownDetail(missing, over []string, more int) string {
	var b strings.Builder
	if len(missing) > 0 {
		fmt.Fprintf(&b, "No source of alerts knows %d of the ids, and no poll has found them: %s. ",
			len(missing), named(missing))
	}
	if len(over)+more > 0 {
		fmt.Fprintf(&b, "Not looked up, because Cordon looks up at most %d unrecorded ids an hour: %d ids",
			switches.LookupsPerHour, len(over))
		if more > 0 {
			fmt.Fprintf(&b, " and %d messages", more)
		}
		if len(over) > 0 {
			fmt.Fprintf(&b, ", such as %s", named(over))
		}
		b.WriteString(". ")
	}
	b.WriteString("They came by a push, by a message on the queue or by cordon enqueue. ")
	b.WriteString("Every alert that exists is found by the polls all the same.")
	return b.String()
}

func named(ids []string) string {
	if len(ids) <= unknownNamed {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:unknownNamed], ", "), len(ids)-unknownNamed)
}
