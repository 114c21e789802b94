package defender_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"cordon/handler/alert"
	"cordon/handler/defender"
)

// hostileText is longer than any row can hold, in a way that each counts it: bytes, characters and UTF-16 units.
var hostileText = map[string]string{
	"letters":                        strings.Repeat("10:00:01 checked. ", 2000),
	"two bytes":                      strings.Repeat("é", 34_000),
	"two units":                      strings.Repeat("😀", 34_000),
	"control characters":             strings.Repeat("\x00\x1b\v\u0085", 9_000),
	"no UTF-8":                       strings.Repeat("\xff", 34_000),
	"short, with control characters": "a\x00b\vc",
}

// inflate puts a text into every member of a document that is a text. Times and what else only looks like one become it
// too.
func inflate(v any, text string) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			v[name] = inflate(value, text)
		}
	case []any:
		for i := range v {
			v[i] = inflate(v[i], text)
		}
	case string:
		return text
	}
	return v
}

// fits holds every text of a decoded value against what a row can hold, and that none was lost.
func fits(t *testing.T, what string, v reflect.Value) (texts int) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return 0
		}
		for i := range v.NumField() {
			texts += fits(t, what+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			texts += fits(t, fmt.Sprintf("%s[%d]", what, i), v.Index(i))
		}
	case reflect.String:
		const passages = ".Description .CommandLine .FilePath .ParentFilePath .URL .RegistryKey .RegistryValue"
		limit := 4_000
		if strings.Contains(passages+" ", what[strings.LastIndex(what, "."):]+" ") {
			limit = 32_000
		}
		s := v.String()
		if n := len(utf16.Encode([]rune(s))); n > limit || n == 0 || strings.ContainsAny(s, "\x00\x1b\u0085") ||
			strings.ToValidUTF8(s, "") != s {
			t.Errorf("%s has %d units, want 1 to %d, and no control characters: %.20q", what, n, limit, s)
		}
		return 1
	}
	return texts
}

// TestEveryTextOfTheAPIFitsIntoARow makes every text of every document that is decoded as long as no row can hold.
func TestEveryTextOfTheAPIFitsIntoARow(t *testing.T) {
	t.Parallel()
	for name, text := range hostileText {
		full := object(t, fixture(t, "alert.json"))
		for _, member := range []string{
			"threatFamilyName", "threatName", "determination", "classification", "assignedTo", "rbacGroupName",
			"computerDnsName",
		} {
			full[member] = "x"
		}
		full["relatedUser"] = map[string]any{"userName": "x", "domainName": "x"}
		evidence := map[string]any{}
		for _, one := range full["evidence"].([]any) {
			for member := range one.(map[string]any) {
				evidence[member] = "x"
			}
		}
		full["evidence"] = []any{evidence}
		a, err := defender.DecodeAlert([]byte(raw(t, inflate(full, text))))
		a.Source, a.GraphID = "graph", "x" // only of alerts that were read elsewhere
		if n := fits(t, name+": alert", reflect.ValueOf(a)); err != nil || n < 35 {
			t.Errorf("%s: %d texts of an alert, %v", name, n, err)
		}
		device := object(t, fixture(t, "machine.json"))
		for _, member := range []string{"deviceValue", "rbacGroupName", "aadDeviceId", "riskScore", "exposureLevel"} {
			device[member] = "x"
		}
		m, err := defender.DecodeMachine([]byte(raw(t, inflate(device, text))))
		if n := fits(t, name+": machine", reflect.ValueOf(m)); err != nil || n < 14 {
			t.Errorf("%s: %d texts of a machine, %v", name, n, err)
		}
		action := object(t, fixture(t, "machineaction_cancelled.json"))
		for _, member := range []string{
			"scope", "requestor", "requestSource", "requestorComment", "cancellationRequestor", "cancellationComment",
		} {
			action[member] = "x"
		}
		actions, err := defender.DecodeActions([]byte(raw(t, map[string]any{"value": []any{inflate(action, text)}})))
		if n := fits(t, name+": actions", reflect.ValueOf(actions)); err != nil || n < 9 {
			t.Errorf("%s: %d texts of an action, %v", name, n, err)
		}
		comments, err := always(200,
			raw(t, map[string]any{
				"id":       "x",
				"comments": []any{map[string]any{"comment": text}},
			})).client().AlertComments(t.Context(), alertID)
		if err != nil || len(comments) != 1 || len(utf16.Encode([]rune(comments[0]))) > 32_000 {
			t.Errorf("%s: %d comments, %v", name, len(comments), err)
		}
	}
}

// raw encodes a document and keeps bytes that are no UTF-8, as a careless server does.
func raw(t *testing.T, v any) string {
	t.Helper()
	const stand = "NO-UTF-8"
	document := encode(t, swap(v, "\xff", stand))
	return strings.ReplaceAll(document, stand, "\xff")
}

func swap(v any, old, with string) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			v[name] = swap(value, old, with)
		}
	case []any:
		for i := range v {
			v[i] = swap(v[i], old, with)
		}
	case string:
		return strings.ReplaceAll(v, old, with)
	}
	return v
}

func TestAnIDThatIsTooLongIsNotCutToAnother(t *testing.T) {
	t.Parallel()
	a, err := defender.DecodeAlert([]byte(`{"id":"` + strings.Repeat("a", 100_000) + `"}`))
	if err != nil || alert.CheckID(a.ID) == nil {
		t.Errorf("%d characters are taken for an id, %v", len(a.ID), err)
	}
	a, err = defender.DecodeAlert([]byte(`{"id":"da1\u0000","machineId":"m\u001b1"}`))
	if err != nil || alert.CheckID(a.ID) == nil || alert.CheckID(a.MachineID) == nil {
		t.Errorf("%q and %q are taken for ids, %v", a.ID, a.MachineID, err)
	}
}

func TestAByteOrderMarkInFrontOfAnAnswerIsNoPartOfIt(t *testing.T) {
	t.Parallel()
	a := &api{answer: func(r *http.Request) (*http.Response, error) {
		answer := reply(200, "\ufeff"+fixture(t, "alert.json"))
		if r.Method == http.MethodPost {
			answer = reply(400, "\ufeff"+fixture(t, "error_400_active_request.json"))
		}
		return answer, nil
	}}
	if found, err := a.client().Alert(t.Context(), alertID); err != nil || found.ID == "" {
		t.Errorf("%+v, %v", found, err)
	}
	if err := a.client().Tag(t.Context(), machineID, "IR", false); err == nil ||
		!strings.Contains(err.Error(), "ActiveRequestAlreadyExists") {
		t.Error(err)
	}
	for name, decode := range map[string]func([]byte) error{
		"alert.json":              func(b []byte) error { _, err := defender.DecodeAlert(b); return err },
		"machine.json":            func(b []byte) error { _, err := defender.DecodeMachine(b); return err },
		"machineaction_list.json": func(b []byte) error { _, err := defender.DecodeActions(b); return err },
	} {
		if err := decode([]byte("\ufeff" + fixture(t, name))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
