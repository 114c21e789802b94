package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxHuntingAnswer is more than the API's 50 MB for a result, whatever a MB is there.
const maxHuntingAnswer = 60 << 20

// HuntingColumn is one column of a hunting result.
type HuntingColumn struct{ Name, Type string }

// HuntingResult is what a hunting query gave. Every row has a text for each column, empty for null; what is neither text nor
// number is JSON.
type HuntingResult struct {
	Columns []HuntingColumn
	Rows    [][]string
}

// HuntingError is a query that came to no result.
type HuntingError struct{ cause *Error }

// Error says what came back and, where a person must act, the way out.
func (e *HuntingError) Error() string {
	text := "Microsoft Graph hunting"
	if e.cause.Status != 0 {
		text += strings.TrimRight(fmt.Sprintf(": %d %s", e.cause.Status, e.cause.Code), " ")
	}
	if e.cause.Message != "" {
		text += ": " + e.cause.Message
	}
	if e.cause.cause != nil {
		text += ": " + clean(e.cause.cause.Error())
	}
	switch e.cause.Status {
	case http.StatusUnauthorized:
		text += "; the token was refused: check CORDON_GRAPH_AUDIENCE, CORDON_CLOUD and CORDON_TENANT_ID"
	case http.StatusForbidden:
		text += "; grant the application permission ThreatHunting.Read.All of Microsoft Graph"
	case http.StatusTooManyRequests:
		text += "; the tenant's hunting quota is used up: it is asked again later"
	}
	return text
}

// Unwrap returns what went wrong without an answer.
func (e *HuntingError) Unwrap() error { return e.cause.cause }

// RetryIn says whether asking again can succeed without anybody changing anything, and how long Graph wants to be left alone.
func (e *HuntingError) RetryIn() (time.Duration, bool) { return e.cause.RetryIn() }

// RunHuntingQuery asks an Advanced Hunting query about the time from since to until. It needs the application permission
// ThreatHunting.Read.All (https://learn.microsoft.com/graph/api/security-security-runhuntingquery). Every failure is a
// *HuntingError. A repeat changes nothing but the tenant's quota: 45 calls a minute, and a share of its processors.
func (c *Client) RunHuntingQuery(ctx context.Context, query string, since, until time.Time) (HuntingResult, error) {
	const second = "2006-01-02T15:04:05Z"
	body, err := json.Marshal(struct{ Query, Timespan string }{query, since.UTC().Format(second) + "/" + until.UTC().Format(second)})
	if err != nil {
		return HuntingResult{}, &HuntingError{unsent(err, false)}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.o.Base.JoinPath("v1.0", "security", "runHuntingQuery").String(), bytes.NewReader(body))
	if err != nil {
		return HuntingResult{}, &HuntingError{unsent(errors.New("the address is not usable; check CORDON_GRAPH_URL"), false)}
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("Accept", "application/json")
	answer, err := c.o.HTTP.Do(request)
	if err != nil {
		return HuntingResult{}, &HuntingError{transportError(err)}
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return HuntingResult{}, &HuntingError{answerError(answer)}
	}
	result, err := decodeHunting(answer.Body)
	if err != nil {
		return HuntingResult{}, &HuntingError{&Error{cause: err, passing: true}}
	}
	return result, nil
}

// decodeHunting reads a result. Names of keys and columns come in either case.
func decodeHunting(r io.Reader) (HuntingResult, error) {
	limited := &io.LimitedReader{R: r, N: maxHuntingAnswer}
	var answer struct {
		Schema  []HuntingColumn
		Results []map[string]json.RawMessage
	}
	if err := json.NewDecoder(limited).Decode(&answer); err != nil {
		return HuntingResult{}, fmt.Errorf("the answer can not be read (%d bytes of it): %w", maxHuntingAnswer-limited.N, err)
	}
	result := HuntingResult{Columns: answer.Schema}
	for i, found := range answer.Results {
		row := make([]string, len(answer.Schema))
		for j, c := range answer.Schema {
			value, exact := found[c.Name]
			for name := range found {
				if !exact && strings.EqualFold(name, c.Name) {
					value = found[name]
				}
			}
			row[j] = textOf(value)
		}
		result.Rows = append(result.Rows, row)
		answer.Results[i] = nil
	}
	return result, nil
}

// textOf is a value as text. Numbers stay as they were written: some are larger than a float is exact for.
func textOf(value json.RawMessage) string {
	switch {
	case len(value) == 0, string(value) == "null":
		return ""
	case value[0] == '"':
		var text string
		if json.Unmarshal(value, &text) == nil {
			return text
		}
	}
	var compact bytes.Buffer
	if json.Compact(&compact, value) != nil {
		return ""
	}
	return compact.String()
}
