package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
	"unicode"

	"cordon/handler/outgoing"
)

// huntingTime is how long the API works on a query before it gives up ("Advanced hunting quotas and usage limits").
const huntingTime = 3 * time.Minute

// HuntingColumn is one column of a hunting result.
type HuntingColumn struct{ Name, Type string }

// HuntingResult is what a hunting query gave. Every row has a text for each column, empty for null; what is neither
// text nor number is JSON.
type HuntingResult struct {
	Columns []HuntingColumn
	Rows    [][]string
}

// atTheEnd is how much earlier than huntingTime an answer about time may come and still mean that the time is gone.
const atTheEnd = 10 * time.Second

// HuntingError is a query that came to no result.
type HuntingError struct {
	cause *Error
	took  time.Duration // from the request to its end
}

// Error says what came back and, where a person must act, the way out.
func (e *HuntingError) Error() string {
	return printable(e.cause.Words("Microsoft Graph hunting", e.wayOut()))
}

func (e *HuntingError) wayOut() string {
	gaveUp := e.cause.Status == http.StatusRequestTimeout || e.cause.Status == http.StatusGatewayTimeout
	switch {
	case gaveUp && e.late():
		return fmt.Sprintf("a query has %s: let it read less, or a shorter timespan", huntingTime)
	case gaveUp:
		return fmt.Sprintf("it gave up after %s, before the %s of a query were over: it is asked again later",
			e.took.Round(time.Millisecond), huntingTime)
	case e.cause.foreign:
		return NotGraphs
	}
	switch e.cause.Status {
	case http.StatusBadRequest:
		return "the query is at fault: correct it, or let it give less"
	case http.StatusUnauthorized:
		return "the token was refused: check CORDON_GRAPH_AUDIENCE, CORDON_CLOUD and CORDON_TENANT_ID"
	case http.StatusForbidden:
		return "if the token lacks the application permission ThreatHunting.Read.All of Microsoft Graph, which " +
			"cordon doctor tells, grant it; else the service itself refuses"
	case http.StatusTooManyRequests:
		return "the tenant's hunting quota is used up: it is asked again later"
	}
	return ""
}

// printable takes out what reorders or hides text: Graph quotes the query, which may hold an attacker's words.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

// Unwrap returns what went wrong without an answer.
func (e *HuntingError) Unwrap() error { return e.cause.cause }

// RetryIn says whether asking again can succeed without anybody changing anything, and how long Graph wants to be left
// alone. A query that ran out of time takes as long the next time, and as much of the tenant's quota.
func (e *HuntingError) RetryIn() (time.Duration, bool) {
	after, again := e.cause.RetryIn()
	return after, again && !e.late()
}

// late reports that the query ran out of time, here or at Graph. Only the clock tells: a gateway that is unwell answers
// 504 too, and sooner.
func (e *HuntingError) late() bool {
	gaveUp := e.cause.Status == http.StatusRequestTimeout || e.cause.Status == http.StatusGatewayTimeout
	return errors.Is(e.cause.cause, errHuntingTime) || gaveUp && e.took >= huntingTime-atTheEnd
}

// RunHuntingQuery asks an Advanced Hunting query about the time from since to until. It needs the application
// permission ThreatHunting.Read.All (https://learn.microsoft.com/graph/api/security-security-runhuntingquery). Every
// failure is a *HuntingError. A repeat changes nothing but the tenant's quota: 45 calls a minute, and a share of its
// processors.
func (c *Client) RunHuntingQuery(
	ctx context.Context,
	query string,
	since, until time.Time,
) (HuntingResult, error) {
	began := time.Now()
	result, failed := c.runHuntingQuery(ctx, query, since, until)
	if failed != nil {
		return HuntingResult{}, &HuntingError{failed, time.Since(began)}
	}
	return result, nil
}

func (c *Client) runHuntingQuery(
	ctx context.Context,
	query string,
	since, until time.Time,
) (HuntingResult, *Error) {
	const second = "2006-01-02T15:04:05Z"
	body, err := outgoing.Encode(struct{ Query, Timespan string }{
		query, since.UTC().Format(second) + "/" + until.UTC().Format(second),
	})
	if err != nil {
		return HuntingResult{}, Unsent(err, false)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, huntingTime, errHuntingTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		c.o.Base.JoinPath("v1.0", "security", "runHuntingQuery").String(), bytes.NewReader(body))
	if err != nil {
		return HuntingResult{}, Unsent(errors.New("the address is not usable; check CORDON_GRAPH_URL"), false)
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("Accept", "application/json")
	answer, err := c.o.HTTP.Do(request)
	if err != nil {
		return HuntingResult{}, TransportError(lateOr(ctx, err))
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return HuntingResult{}, AnswerError(answer)
	}
	result, err := decodeHunting(answer.Body)
	if err != nil {
		foreign := notJSON(err)
		return HuntingResult{},
			&Error{
				cause:   lateOr(ctx, err),
				passing: ctx.Err() != nil || cut(err) || foreign,
				foreign: foreign,
			}
	}
	return result, nil
}

var errHuntingTime = fmt.Errorf("the query gave nothing whole within %s: let it read less, or a shorter timespan",
	huntingTime)

// lateOr is why a request failed: the time for a query, when that is what ran out.
func lateOr(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errHuntingTime) {
		return errHuntingTime
	}
	return err
}

// notJSON tells a page of somebody else from a result that is wrong.
func notJSON(err error) bool {
	var syntax *json.SyntaxError
	return errors.As(err, &syntax) && syntax.Offset <= 1
}

// cut tells an answer that broke off from one that is whole and wrong, which a repeat would bring again.
func cut(err error) bool {
	var network net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) ||
		errors.As(err, &network)
}
