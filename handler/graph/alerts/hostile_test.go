package alerts_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/outgoing"
	"cordon/handler/outgoing/outgoingtest"
)

// replaced is a document with something else in the place of every value but ids and types.
func replaced(v any, with any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			out[name] = replaced(member, with)
			if name == "id" || name == "@odata.type" {
				out[name] = member
			}
		}
		return out
	case []any:
		out := []any{}
		for _, one := range v {
			out = append(out, replaced(one, with))
		}
		return out
	}
	return with
}

func sample(t testing.TB) map[string]any {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal([]byte(fixture(t, "evidence.json")), &body); err != nil {
		t.Fatal(err)
	}
	return body
}

// sound holds what a decoded alert keeps whatever the bytes were.
func sound(t testing.TB, a alert.Alert) {
	t.Helper()
	body, err := outgoing.Encode(a)
	if err != nil || !utf8.Valid(body) || a.Source != alert.Graph {
		t.Errorf("%.200s is not sound: %v", body, err)
	}
	for _, text := range []string{a.ID, a.Title, a.ThreatName, a.AssignedTo, a.ComputerDNSName, a.GraphID} {
		if len(utf16.Encode([]rune(text))) > 4_000 || strings.ContainsAny(text, "\x00\x1b") {
			t.Errorf("%.20q does not fit into a row", text)
		}
	}
	for _, e := range append(a.Evidence, alert.Evidence{CommandLine: a.Description}) {
		if len(utf16.Encode([]rune(e.CommandLine))) > 32_000 || strings.ContainsAny(e.CommandLine+e.Kind, "\x00\x1b") {
			t.Errorf("%.20q does not fit", e.CommandLine)
		}
	}
	alert.SharedHash(a)
	alert.DecisionHash(a)
}

func TestNoValueCostsAnAlert(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{
		"long":       strings.Repeat("x", 300<<10),
		"bidi":       "\u202e\u2066gnp.exe\x00\x1b[2J",
		"null":       nil,
		"number":     -1.5e300,
		"flag":       true,
		"object":     map[string]any{"id": "other"},
		"list":       []any{[]any{map[string]any{}}, nil, "x"},
		"far time":   "99999-01-01T00:00:00Z",
		"other word": "unknownFutureValue",
	} {
		body, err := json.Marshal(replaced(sample(t), value))
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range []string{string(body), strings.Replace(string(body), `"id":`, `"future":[[{}]],"id":`, 1)} {
			got, _, err := page(t, `{"value":[`+one+`]}`)
			if err != nil || len(got) != 1 {
				t.Fatalf("%s: %d alerts, %v", name, len(got), err)
			}
			a := got[0]
			if sound(t, a); a.ID != alertID || a.MachineID != "" {
				t.Errorf("%s: %s on %q", name, a.ID, a.MachineID)
			}
			if kinds := len(a.Evidence); kinds != len(sample(t)["evidence"].([]any))-1 {
				t.Errorf("%s: %d pieces of evidence", name, kinds)
			}
		}
	}
}

func TestUnknownWordsAreKept(t *testing.T) {
	t.Parallel()
	got := single(t, `{"id":"x","severity":"extreme","status":"Snoozed","classification":"unknown",`+
		`"determination":"élan","detectionSource":"nrtAlerts","investigationState":"terminatedByUser",`+
		`"serviceSource":"microsoftSomething","severity":"unknownFutureValue"}`)
	want := alert.Alert{
		ID:                 "x",
		Severity:           "UnknownFutureValue",
		Status:             "Snoozed",
		Determination:      "Élan",
		DetectionSource:    "NrtAlerts",
		InvestigationState: "TerminatedByUser",
		ServiceSource:      "microsoftSomething",
		Source:             alert.Graph,
		GraphID:            "x",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := single(t, `{"id":"x","severity":"unknown","status":"unknown"}`); got.Severity != alert.UnSpecified ||
		got.Status != alert.StatusUnknown {
		t.Errorf("%s, %s", got.Severity, got.Status)
	}
}

func TestDeepAndDoubledMembersAreRead(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"x":[`, 1000) + strings.Repeat(`]}`, 1000)
	got, p, err := page(t, fmt.Sprintf(`{"future":%s,"value":[{"id":"a","id":"b","additionalData":%s,"title":"t"},`+
		`{"id":"b"},{"id":"b"},{}]}`, deep, deep))
	if err != nil || p.Count != 4 || len(got) != 4 || got[0].ID != "b" || got[0].Title != "t" || got[3].ID != "" {
		t.Errorf("%+v, %+v, %v", got, p, err)
	}
}

func TestEveryDocumentCanBeWritten(t *testing.T) {
	t.Parallel()
	// What leaves in requests is in the golden file too; here every field holds what is hardest to write.
	hostile := alert.Change{
		Status:         outgoingtest.Hostile,
		AssignedTo:     outgoingtest.Hostile,
		Classification: outgoingtest.Hostile,
		Determination:  outgoingtest.Hostile,
		Comment:        outgoingtest.Hostile,
	}
	s, c := serve(t, reply{status: 200, body: `{"id":"x"}`})
	if _, err := c.UpdateAlert(t.Context(), "x", hostile); err != nil || len(s.asked) != 2 {
		t.Fatalf("%q, %v", s.asked, err)
	}
	for i, members := range []int{2, 4} {
		var sent map[string]string
		body := s.asked[i][strings.Index(s.asked[i], "{"):]
		if err := json.Unmarshal([]byte(body), &sent); err != nil || len(sent) != members || !utf8.ValidString(body) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func FuzzAlertPage(f *testing.F) {
	for _, name := range []string{"graph_alerts_page.json", "graph_alert.json", "evidence.json"} {
		body := fixture(f, name)
		f.Add([]byte(body))
		f.Add([]byte(`{"value":[` + body + `]}`))
		f.Add([]byte(body[:len(body)*2/3]))
	}
	for _, odd := range []string{
		"", "null", `{"value":[{"id":"a"},null,{"id":"b"`, `{"value":[{"evidence":[{"@odata.type":"#.Evidence"}]}]}`,
		"{\"value\":[{\"id\":\"\xff\\ud800\",\"status\":\"\xff\"}]}",
	} {
		f.Add([]byte(odd))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, _, err := page(t, string(body))
		for _, a := range got {
			sound(t, a)
		}
		if trouble, _ := machine.TroubleOf(err); err != nil && trouble != machine.Transient {
			t.Errorf("%v is %s", err, trouble)
		}
		_, client := serve(t, reply{status: 200, body: string(body)})
		var ids []string
		_, stampErr := client.AlertStamps(t.Context(), window, func(s alert.Stamp) error {
			ids = append(ids, s.ID)
			return nil
		})
		if (stampErr == nil) != (err == nil) || err == nil && len(ids) != len(got) {
			t.Errorf("%d stamps, %v; %d alerts, %v", len(ids), stampErr, len(got), err)
		}
		for i := range min(len(ids), len(got)) {
			if ids[i] != got[i].ID {
				t.Errorf("stamp of %q, alert %q", ids[i], got[i].ID)
			}
		}
		_, client = serve(t, reply{status: 200, body: string(body)})
		if each, err := client.Alert(t.Context(), "x"); (err == nil) != (len(each) > 0) {
			t.Errorf("%d alerts, %v", len(each), err)
		}
	})
}
