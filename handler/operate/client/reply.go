package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"time"

	"cordon/handler/httpretry"
	"cordon/handler/incoming"
	"cordon/handler/operate/wire"
)

// refusal is what an answer says that is no success.
func (c *Client) refusal(answer *http.Response, body []byte) error {
	var p wire.Problem
	err := c.mustBeJSON(answer, "application/problem+json")
	if err != nil && answer.StatusCode < http.StatusInternalServerError {
		err = &unsentError{err} // what stands in front of the app kept the request back
	}
	if err == nil && json.Unmarshal(body, &p) != nil {
		err = c.foreign("answered %d, with a refusal that cannot be read", answer.StatusCode)
	}
	switch {
	case err != nil && answer.StatusCode == http.StatusNotFound:
		return &unsentError{c.foreign("has no operator API: is it a Cordon, of this version and running?")}
	case err != nil:
		return err
	}
	p.Status = answer.StatusCode
	p.Title = shown(p.Title)
	p.Code = shown(p.Code)
	p.Detail = shown(p.Detail)
	if p.Detail == "" {
		p.Detail = fmt.Sprintf("%s answered %d without a reason", c.app(), p.Status)
	}
	wait, told := httpretry.ParseRetryAfter(
		answer.Header.Get("Retry-After"),
		time.Now(),
	)
	if told {
		p.RetryAfter = int(wait / time.Second)
	}
	p.RetryAfter = max(p.RetryAfter, 0)
	return &p
}

// plainJSON is the type of what is no refusal.
const plainJSON = "application/json"

// typeOf is the type of an answer's content, without parameters.
func typeOf(answer *http.Response) string {
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")) // what cannot be read is no type of ours
	return kind
}

func isJSON(answer *http.Response) bool {
	return typeOf(answer) == plainJSON
}

// mustBeJSON is an error for every other type of content.
func (c *Client) mustBeJSON(answer *http.Response, want string) error {
	kind := typeOf(answer)
	if kind == want {
		return nil
	}
	if kind == "" {
		kind = "no type of content"
	}
	return c.foreign("answered %d with %s instead of %s: something in front of it did, such as a proxy or the "+
		"platform; try again later, or go round the app with --direct", answer.StatusCode, shown(kind), want)
}

// read makes an answer of its JSON. Whatever lacks a field that Cordon always writes is not Cordon's answer.
func (c *Client) read(body []byte, answer any) error {
	fields := map[string]json.RawMessage{}
	err := json.Unmarshal(body, &fields)
	if err == nil {
		err = json.Unmarshal(body, answer)
	}
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return c.foreign("answered with a %s for %s, which is none of this version's answers", shown(wrong.Value),
			shown(wrong.Field))
	case err != nil:
		return c.foreign("broke its answer off: it is no JSON of Cordon's")
	}
	for _, name := range always(reflect.TypeOf(answer).Elem()) {
		if _, there := fields[name]; !there {
			return c.foreign("answered without %q, which is none of this version's answers", name)
		}
	}
	return nil
}

// always are the names of the fields that are written whatever they hold.
func always(document reflect.Type) (names []string) {
	if document.Kind() != reflect.Struct {
		return nil
	}
	for field := range document.Fields() {
		name, how, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && name == "":
			names = append(names, always(field.Type)...)
		case name != "" && how == "":
			names = append(names, name)
		}
	}
	return names
}

// app names the app in errors.
func (c *Client) app() string {
	if c.Name == "" || c.Name == c.URL.Hostname() {
		return "app " + c.URL.Host
	}
	return fmt.Sprintf("app %s (%s)", c.Name, c.URL.Host)
}

// foreign is an answer that Cordon does not give.
func (c *Client) foreign(format string, args ...any) error {
	return fmt.Errorf("%s %s", c.app(), fmt.Sprintf(format, args...))
}

// longestShown is how much of what a stranger wrote is shown, in UTF-16 units.
const longestShown = 1000

// shown is foreign text on one line, without what a terminal would obey.
func shown(s string) string {
	return strings.Join(strings.Fields(incoming.Visible(incoming.Text(s, longestShown))), " ")
}
