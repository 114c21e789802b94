package poll_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/poll"
)

// days are alerts a minute apart, as a source lists them.
type days struct {
	from   time.Time
	alerts int
	breaks error // in the middle of the second page
	pages  int
}

func (d *days) AlertPage(_ context.Context, w alert.Window, visit func(alert.Alert) error) (alert.Page, error) {
	d.pages++
	page := alert.Page{}
	skip := w.Skip
	for i := range d.alerts {
		at := d.from.Add(time.Duration(i) * time.Minute)
		switch {
		case at.Before(w.From) || !w.To.IsZero() && !at.Before(w.To):
			continue
		case skip > 0:
			skip--
			continue
		case page.Count == w.Top:
			return page, nil
		case d.breaks != nil && d.pages > 1 && page.Count == 10:
			return page, d.breaks
		}
		page.Count++
		if err := visit(alert.Alert{ID: fmt.Sprintf("da%d", i), Updated: at}); err != nil {
			return page, err
		}
	}
	return page, nil
}

func (d *days) AlertStamps(context.Context, alert.Window, func(alert.Stamp) error) (alert.Page, error) {
	return alert.Page{}, errors.New("not asked for here")
}

// TestASpanOfAlertsIsReadWholeAndOnce reads more alerts than a page holds, however little time is left, and none that
// is outside of the span.
func TestASpanOfAlertsIsReadWholeAndOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for name, source := range map[string]func(poll.Alerts) poll.Source{"Defender": poll.Defender, "Graph": poll.Graph} {
		d := &days{
			from:   from.Add(-time.Hour),
			alerts: 9000,
		}
		seen := map[string]int{}
		most := 0
		err := source(d).Updated(ctx, from, from.Add(8000*time.Minute), func(some []alert.Alert) error {
			most = max(most, len(some))
			for _, a := range some {
				seen[a.ID]++
			}
			return nil
		})
		if err != nil || len(seen) != 8000 || seen["da60"] != 1 || seen["da8059"] != 1 || most > 2000 || d.pages > 40 {
			t.Errorf("%s: %v, %d alerts by %d pages, at most %d at once", name, err, len(seen), d.pages, most)
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s: %s is handed over %d times", name, id, n)
			}
		}
	}
}

func TestASpanThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	broken, refused := errors.New("the answer broke off"), errors.New("no more")
	for want, breaks := range map[error]error{broken: broken, refused: nil} {
		d := &days{
			from:   from,
			alerts: 3000,
			breaks: breaks,
		}
		err := poll.Defender(d).Updated(t.Context(), from, from.Add(3000*time.Minute), func([]alert.Alert) error {
			if breaks == nil {
				return refused
			}
			return nil
		})
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
}
