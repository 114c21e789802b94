package defender_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

// seed adds the samples whose names match pattern, whole and cut.
func seed(f *testing.F, pattern string, add func(body []byte)) {
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		f.Fatalf("%v: no samples %s", err, pattern)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		add(body)
		add(body[:len(body)*2/3])
	}
	for _, odd := range []string{
		"", "null", "[]", `{"id":1e999,"evidence":[{}]}`,
		`{"value":[{"id":"a"},null,{"id":"b"`, "{\"id\":\"\xff\\ud800\"}",
	} {
		add([]byte(odd))
	}
}

// sound holds what a decoded entity keeps whatever the bytes were: it can be written again, and its text is valid.
func sound(t *testing.T, entity any) {
	b, err := json.Marshal(entity)
	if err != nil {
		t.Errorf("%+v does not encode: %v", entity, err)
	}
	if !utf8.Valid(b) {
		t.Errorf("%.200q is not sound", b)
	}
}

func FuzzAlert(f *testing.F) {
	seed(f, "alert*.json", func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := always(200, string(body)).client().Alert(t.Context(), alertID)
		if (err == nil) == (a.ID == "") {
			t.Errorf("alert %q with error %v", a.ID, err)
		}
		sound(t, a)
		comments, err := always(200, string(body)).client().AlertComments(t.Context(), alertID)
		if (err == nil) != (a.ID != "") || err != nil && comments != nil {
			t.Errorf("alert %q, %d comments with error %v", a.ID, len(comments), err)
		}
		sound(t, comments)
	})
}

func FuzzAlertPage(f *testing.F) {
	seed(f, "alert_list*.json", func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, body []byte) {
		visits := 0
		page, err := always(200, string(body)).client().AlertPage(t.Context(), window, func(a alert.Alert) error {
			visits++
			sound(t, a)
			return nil
		})
		if page.Count < visits {
			t.Errorf("%d alerts handed over, counted as %d", visits, page.Count)
		}
		if trouble, _ := machine.TroubleOf(err); err != nil && trouble != machine.Transient {
			t.Errorf("%v is %s", err, trouble)
		}
	})
}

func FuzzMachine(f *testing.F) {
	seed(f, "machine*.json", func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := always(200, string(body)).client().Machine(t.Context(), machineID)
		if (err == nil) == (m.ID == "") {
			t.Errorf("machine %q with error %v", m.ID, err)
		}
		sound(t, m)
		if err := always(200, string(body)).client().Tag(t.Context(), machineID, "IR",
			false); (err == nil) == (m.ID == "") {
			t.Errorf("machine %q, its tag with error %v", m.ID, err)
		}
		listed, err := always(200, string(body)).client().Machines(t.Context(), []string{machineID})
		if len(listed) > 1 || err != nil && listed != nil {
			t.Errorf("%d machines for one id, %v", len(listed), err)
		}
	})
}

func FuzzMachineAction(f *testing.F) {
	seed(f, "machineaction*.json", func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := always(201, string(body)).client().Act(t.Context(), machineID, wanted(machine.Isolate))
		trouble, _ := machine.TroubleOf(err)
		if (err == nil) == (a.ID == "") || err != nil && trouble != machine.UnknownFate {
			t.Errorf("action %q with error %v (%s)", a.ID, err, trouble)
		}
		sound(t, a)
		if listed, err := always(200, string(body)).client().CurrentActions(t.Context(), time.Time{}); err != nil &&
			listed != nil {
			t.Errorf("%d actions with error %v", len(listed), err)
		}
	})
}

func FuzzErrorBody(f *testing.F) {
	seed(f, "error_*.json", func(b []byte) { f.Add(b, 400) })
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		if status < 300 || status > 999 {
			return
		}
		_, err := always(status, string(body)).client().Act(t.Context(), machineID, wanted(machine.Isolate))
		if err == nil {
			t.Fatalf("%d is taken for success", status)
		}
		text := err.Error()
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\r\n\x00\x1b\u2028\u202e") || len(text) > 8000 {
			t.Errorf("text %.500q", text)
		}
		if trouble, _ := machine.TroubleOf(err); trouble == machine.NoTrouble ||
			status >= 500 && trouble != machine.UnknownFate && trouble != machine.AlreadyActive {
			t.Errorf("%d %q: %s", status, body, trouble)
		}
	})
}
