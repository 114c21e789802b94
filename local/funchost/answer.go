package funchost

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
)

// answer is what the handler sent back, its body read to the end.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	outputs map[string]json.RawMessage
	value   json.RawMessage
	logs    []string
}

// errSilent is an answer that the host cannot tell from none: the invocation hangs until functionTimeout.
var errSilent = errors.New("the answer is empty or null, so the invocation never completes")

// interpret applies the host's rules for the answer to an envelope. It fills outputs, value and logs of a successful
// one.
func (a *answer) interpret() error {
	if a.status < 200 || a.status > 299 {
		return fmt.Errorf("response status code does not indicate success: %d (%s)", a.status,
			http.StatusText(a.status))
	}
	if len(a.body) == 0 {
		return errSilent
	}
	contentType := a.header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(contentType); err != nil ||
		media != "application/json" && media != "text/json" {
		return fmt.Errorf("UnsupportedMediaType: the answer's Content-Type is %q; it must be application/json",
			contentType)
	}
	if strings.TrimSpace(string(a.body)) == "null" {
		return errSilent
	}
	var result struct {
		Outputs     map[string]json.RawMessage
		Logs        []json.RawMessage
		ReturnValue json.RawMessage
	}
	if err := json.Unmarshal(a.body, &result); err != nil {
		return fmt.Errorf("the answer is not an invocation result: %w", err)
	}
	for _, line := range result.Logs {
		if line[0] == '{' || line[0] == '[' {
			return errors.New("the answer is not an invocation result: Logs must hold strings")
		}
		text := string(line) // numbers and truth values are taken as they stand
		if line[0] == '"' || line[0] == 'n' {
			text = ""
			if err := json.Unmarshal(line, &text); err != nil {
				return fmt.Errorf("the answer is not an invocation result: %w", err)
			}
		}
		a.logs = append(a.logs, text)
	}
	a.outputs, a.value = result.Outputs, result.ReturnValue
	return nil
}

// httpOutput is an http output binding's value.
type httpOutput struct {
	status int
	header http.Header
	body   []byte
}

// httpOutput finds the output called name in the answer. No Outputs at all is an empty 204, Outputs without it a 200
// with the body {}. An error fails the invocation.
func (a *answer) httpOutput(name string) (httpOutput, error) {
	raw, ok := a.outputs[name]
	if name == "$return" {
		raw, ok = a.value, len(a.value) > 0
	}
	switch {
	case name == "" || a.outputs == nil && name != "$return":
		return httpOutput{status: http.StatusNoContent}, nil
	case !ok:
		return httpOutput{status: http.StatusOK, body: []byte("{}"), header: textHeader()}, nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return httpOutput{}, fmt.Errorf("output %s is not an object with statusCode, headers and body", name)
	}
	out := httpOutput{status: http.StatusOK, header: textHeader()}
	for member, value := range members {
		if err := out.take(strings.ToLower(member), value); err != nil {
			return httpOutput{}, fmt.Errorf("output %s: %w", name, err)
		}
	}
	return out, nil
}

func textHeader() http.Header { return http.Header{"Content-Type": {"text/plain; charset=utf-8"}} }

func (o *httpOutput) take(member string, value json.RawMessage) error {
	switch member {
	case "statuscode", "status":
		var number json.Number
		if err := json.Unmarshal(value, &number); err != nil {
			return fmt.Errorf("%s is %s; it must be a number", member, value)
		}
		status, err := number.Int64()
		if err != nil || status < 200 || status > 599 {
			return fmt.Errorf("%s is %s; it must be from 200 to 599", member, value)
		}
		o.status = int(status)
	case "headers":
		var headers map[string]any
		if err := json.Unmarshal(value, &headers); err != nil {
			return fmt.Errorf("headers is not an object: %w", err)
		}
		for name, v := range headers {
			o.header.Set(name, fmt.Sprint(v))
		}
	case "body":
		o.body = value
		var text string
		if json.Unmarshal(value, &text) == nil {
			o.body = []byte(text) // null too: it leaves text empty
		}
	}
	return nil
}
