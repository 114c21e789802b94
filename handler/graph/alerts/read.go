package alerts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"cordon/handler/alert"
	"cordon/handler/lenient"
	"cordon/handler/machine"
)

const (
	readAlerts  = "SecurityAlert.Read.All"
	writeAlerts = "SecurityAlert.ReadWrite.All"
)

// The bounds of a page. Graph was seen to cut a larger $top silently, and to refuse a larger $skip; neither is on the
// page of alerts_v2.
const (
	maxTop  = 1000
	maxSkip = 500
)

// AlertPage lists the alerts of a window with their evidence and hands each to visit, once for each of its machines, in
// no order that Graph promises. The answer is decoded as a stream, one alert in memory. On an error the alerts handed
// over before it are genuine; an error of visit ends the reading and is returned as it is. A repeat is safe.
//
// The page counts Graph's entries, however many machines they name. A next link is never followed, for its address is
// somebody else's; the page says that there is one, for Graph makes a page shorter than was asked when it likes.
// Permission SecurityAlert.Read.All, 150 calls a minute
// (https://learn.microsoft.com/graph/api/security-list-alerts_v2, read 2026-11).
func (c *Client) AlertPage(
	ctx context.Context,
	w alert.Window,
	visit func(alert.Alert) error,
) (alert.Page, error) {
	return alertPage(ctx, c, w, func(one wireAlert) error {
		for _, a := range one.alerts() {
			if err := visit(a); err != nil {
				return err
			}
		}
		return nil
	})
}

// AlertStamps reads a page of the alerts of a window like AlertPage, but of each only its ids and the time of its last
// update: for looking through days of alerts. The ids are those under which AlertPage hands the alerts over.
func (c *Client) AlertStamps(
	ctx context.Context,
	w alert.Window,
	visit func(alert.Stamp) error,
) (alert.Page, error) {
	return alertPage(ctx, c, w, func(one wireStamp) error {
		for _, on := range one.placed(one.Evidence) {
			if err := visit(alert.Stamp{ID: on.id, Updated: time.Time(one.Updated)}); err != nil {
				return err
			}
		}
		return nil
	})
}

func alertPage[T any](
	ctx context.Context,
	c *Client,
	w alert.Window,
	visit func(T) error,
) (page alert.Page, err error) {
	k := listAlerts(w)
	switch {
	case w.Top < 1 || w.Top > maxTop || w.Skip < 0:
		// Graph would answer with a page of another size, which looks short or full when it is not.
		return page, unsent(k, machine.Refused,
			fmt.Errorf("a page of %d alerts after %d cannot be asked for; 1 to %d can", w.Top, w.Skip, maxTop))
	case w.Skip > maxSkip:
		return page, unsent(k, machine.Refused,
			fmt.Errorf("%d alerts cannot be left out, %d can: ask for a shorter window", w.Skip, maxSkip))
	}
	err = c.do(ctx, k, func(answer *http.Response) error {
		if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
			page.Date = at.UTC()
		}
		var refused, err error
		page.Count, page.More, err = lenient.List(answer.Body, maxList, func(one T) error {
			refused = visit(one)
			return refused
		})
		if err != nil && refused == nil {
			return unreadable(k, err)
		}
		return refused
	})
	return page, err
}

// listAlerts asks for no order. That $orderby works on the time of the last update was seen, but it is not on the page:
// a tenant that refuses it would cost the source, and nobody behind it relies on an order.
func listAlerts(w alert.Window) call {
	filter := "lastUpdateDateTime ge " + stamp(w.From)
	if !w.To.IsZero() {
		filter += " and lastUpdateDateTime lt " + stamp(w.To)
	}
	query := url.Values{
		"$filter": {filter},
		"$top":    {strconv.Itoa(w.Top)},
	}
	if w.Skip > 0 {
		query.Set("$skip", strconv.Itoa(w.Skip))
	}
	return call{
		method:   http.MethodGet,
		endpoint: "/v1.0/security/alerts_v2",
		query:    query,
		needs:    readAlerts,
	}
}

// stamp is how a time is written in a filter: bare, in UTC.
func stamp(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.9999999Z")
}

// Alert reads one alert by Graph's id of it, once for each of its machines, the main one first. The error's Trouble is
// machine.NotFound if there is none. A repeat is safe (https://learn.microsoft.com/graph/api/security-alert-get).
func (c *Client) Alert(ctx context.Context, graphID string) ([]alert.Alert, error) {
	found, err := one[wireAlert](ctx, c, alertCall(http.MethodGet, graphID))
	if err != nil {
		return nil, err
	}
	return found.alerts(), nil
}

// AlertComments reads what was written on an alert, in no order that Graph promises; comments without text are left
// out. A repeat is safe.
func (c *Client) AlertComments(ctx context.Context, graphID string) ([]string, error) {
	found, err := one[wireComments](ctx, c, alertCall(http.MethodGet, graphID))
	if err != nil {
		return nil, err
	}
	var comments []string
	for _, each := range found.Comments {
		if each.Comment != "" {
			comments = append(comments, string(each.Comment))
		}
	}
	return comments, nil
}

// alertCall is a request about one alert.
func alertCall(method, graphID string) call {
	k := call{
		method:   method,
		endpoint: "/v1.0/security/alerts_v2/{id}",
		path:     []string{graphID},
		needs:    readAlerts,
	}
	if k.acting() {
		k.needs = writeAlerts
	}
	return k
}

// one asks about an alert and decodes it. An answer without an id is none to rely on.
func one[T interface{ graphID() string }](
	ctx context.Context,
	c *Client,
	k call,
) (found T, err error) {
	if err := checkID(k, k.path[0]); err != nil {
		return found, err
	}
	err = c.do(ctx, k, func(answer *http.Response) error {
		err := json.UnmarshalDecode(lenient.Decoder(answer.Body, maxEntity), &found)
		if err == nil && found.graphID() == "" {
			err = errors.New("it has no id")
		}
		if err != nil {
			return unreadable(k, err)
		}
		return nil
	})
	return found, err
}
