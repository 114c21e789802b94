package fromrun

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"cordon/handler/alert"
	"cordon/handler/cli/cases"
	"cordon/handler/decided"
	"cordon/handler/defender"
	"cordon/handler/incoming"
	"cordon/handler/machine"
	"cordon/handler/outgoing"
	"cordon/handler/outgoing/outgoingtest"
	"cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
	"cordon/handler/playbook/read/source"
)

// whole fills every field of a value with something of its own.
func whole(t *testing.T, v reflect.Value, number *int) {
	t.Helper()
	*number++
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Date(2026, 3, 2, 12, 0, *number, 0, time.UTC)))
		return
	}
	switch v.Kind() {
	case reflect.Int64:
		v.SetInt(int64(*number))
	case reflect.String:
		v.SetString(fmt.Sprintf("t: %d", *number))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			whole(t, v.Index(i), number)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			whole(t, v.Field(i), number)
		}
	default:
		t.Fatalf("%s is not filled", v.Type())
	}
}

// asJSON is what a case says of an entity, as it is decoded.
func asJSON(t *testing.T, value any) []byte {
	t.Helper()
	n, err := nodeOf(value)
	if err != nil {
		t.Fatal(err)
	}
	w := writer{}
	w.node(0, "x:", n)
	var read map[string]any
	if err := yamlUnmarshal(w.text, &read); err != nil {
		t.Fatalf("%v\n%s", err, w.text)
	}
	body, err := outgoing.Encode(read["x"])
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestWhatIsWrittenIsWhatTheAPIAnswered sets every field, so that one that is added and forgotten is found.
func TestWhatIsWrittenIsWhatTheAPIAnswered(t *testing.T) {
	t.Parallel()
	number := 0
	var a alert.Alert
	whole(t, reflect.ValueOf(&a).Elem(), &number)
	a.ServiceSource = alert.ForEndpoint
	is, err := defender.DecodeAlert(asJSON(t, alertOf(a)))
	beside := cmpopts.IgnoreFields(alert.Alert{}, "Source", "GraphID") // no decision reads where it was read
	if diff := cmp.Diff(a, is, beside); diff != "" || err != nil {
		t.Errorf("alert (-was +is): %v\n%s", err, diff)
	}
	var m machine.Machine
	whole(t, reflect.ValueOf(&m).Elem(), &number)
	isMachine, err := defender.DecodeMachine(asJSON(t, machineOf(decided.Facts{Machine: &m})))
	if diff := cmp.Diff(m, isMachine); diff != "" || err != nil {
		t.Errorf("machine (-was +is): %v\n%s", err, diff)
	}
	list := make([]decided.Action, 2)
	var actions []machine.Action
	for i := range list {
		whole(t, reflect.ValueOf(&list[i]).Elem(), &number)
		actions = append(actions, machine.Action(list[i]))
	}
	body := `{"value":` + string(asJSON(t, actionsOf(list))) + `}`
	isActions, err := defender.DecodeActions([]byte(body))
	its := cmpopts.IgnoreFields(machine.Action{}, "MachineID") // they are the machine's
	if diff := cmp.Diff(actions, isActions, its); diff != "" || err != nil {
		t.Errorf("actions (-was +is): %v\n%s", err, diff)
	}
}

// TestACaseOfARunIsDecidedAsTheRun draws facts of runs: the case that is made of each passes with the playbook that
// decided it.
func TestACaseOfARunIsDecidedAsTheRun(t *testing.T) {
	t.Parallel()
	b := book(t)
	rapid.Check(t, func(t *rapid.T) {
		in := facts(t)
		plan := b.Decide(in)
		d := decided.Of(in, plan)
		if !d.Whole() {
			t.Skip()
		}
		d.Run, d.AlertID, d.Version = alert.RunID(in.Alert.ID, 1), in.Alert.ID, 1
		text, err := Case{Playbook: "playbook.yaml", Decision: d, Notes: []string{hostile(t, "note")}}.YAML()
		if err != nil {
			t.Fatal(err)
		}
		results, err := cases.Try(text, b)
		if err != nil || len(results) != 1 || !results[0].OK {
			t.Fatalf("%v %+v\n%s", err, results, text)
		}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSuffix(line, "\n")
			if !utf8.ValidString(line) || strings.ContainsFunc(line, incoming.Hidden) || strings.Contains(line, "\t") {
				t.Fatalf("%q is no plain line", line)
			}
		}
	})
}

// TestTextsOfAttackersReadBackAsTheyWere has them in every place where texts stand.
func TestTextsOfAttackersReadBackAsTheyWere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]any{}
		for i := range rapid.IntRange(1, 4).Draw(t, "number") {
			key := strings.ToValidUTF8(hostile(t, fmt.Sprint("key ", i)), "\ufffd")
			value := strings.ToValidUTF8(hostile(t, fmt.Sprint("value ", i)), "\ufffd")
			want[key] = []any{value, map[string]any{key: value, "b": []any{}}}
		}
		n, err := nodeOf(map[string]any{"x": want})
		if err != nil {
			t.Fatal(err)
		}
		w := writer{}
		w.node(0, "top:", n)
		var read map[string]any
		if err := yamlUnmarshal(w.text, &read); err != nil {
			t.Fatalf("%v\n%s", err, w.text)
		}
		if diff := cmp.Diff(map[string]any{"top": map[string]any{"x": want}}, read); diff != "" {
			t.Fatalf("%s\n%s", diff, w.text)
		}
	})
}

// TestACaseSaysEveryFact changes one fact after the other, so that one that is added and forgotten is found.
func TestACaseSaysEveryFact(t *testing.T) {
	t.Parallel()
	yamlOf := func(f decided.Facts) string {
		text, err := Case{Decision: decided.Decision{Facts: f}}.YAML()
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for i := range reflect.TypeFor[decided.Facts]().NumField() {
		f := decided.FactsOf(playbooktest.Input())
		name := reflect.TypeFor[decided.Facts]().Field(i).Name
		switch name { // what says why something is not known is said where it is not
		case "MachineMissing":
			f.Machine = nil
		case "ActionsMissing":
			f.Isolation = nil
		case "AlertsMissing":
			f.AlertsOnMachine = nil
		case "PauseReason":
			f.Paused = true
		}
		before := yamlOf(f)
		field := reflect.ValueOf(&f).Elem().Field(i)
		switch {
		case field.Type() == reflect.TypeFor[time.Time]():
			field.Set(reflect.ValueOf(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)))
		case field.Kind() == reflect.String:
			field.SetString("observe")
		case field.Kind() == reflect.Bool:
			field.SetBool(true)
		case field.Type() == reflect.TypeFor[[]string]():
			field.Set(reflect.ValueOf([]string{"x"}))
		case name == "Hunt":
			f.Hunt = &decided.Hunt{Name: "x"}
		default:
			field.SetZero()
		}
		if yamlOf(f) == before {
			t.Errorf("a case does not say %s", name)
		}
	}
}

// TestEveryFieldMayBeHostile has a hostile text in all fields of alert, machine and actions at once: the case is read,
// and decided as the run was.
func TestEveryFieldMayBeHostile(t *testing.T) {
	t.Parallel()
	b := book(t)
	for _, sample := range append(samples(), strings.Repeat("\u202e*a: #\x00", 300)) {
		for _, text := range []string{sample, incoming.Text(sample, incoming.MaxText)} {
			in := playbooktest.Input()
			outgoingtest.SetTexts(&in.Alert, text)
			outgoingtest.SetTexts(in.Machine, text)
			outgoingtest.SetTexts(&in.OpenActions, text)
			in.Hunt = &playbook.Hunt{Name: text, Severity: text, Row: map[string]string{text: text}}
			in.OwnTags, in.Paused, in.PauseReason = []string{text}, true, text
			in.MachineMissing, in.ActionsMissing, in.AlertsMissing = text, text, text
			d := decided.Of(in, b.Decide(in))
			d.Run = text
			file, err := Case{Playbook: text, Decision: d, Notes: []string{text}, Why: ""}.YAML()
			if err != nil {
				t.Fatal(err)
			}
			results, err := cases.Try(file, b)
			noID := strings.TrimSpace(incoming.Text(text, incoming.MaxText)) == ""
			if err != nil && !noID && text != "" {
				t.Errorf("%.40q: %v\n%.3000s", text, err, file)
			} else if err == nil && text != sample && !results[0].OK {
				t.Errorf("%.40q: %s\n%.3000s", text, results[0].Diff, file)
			}
			if strings.ContainsFunc(strings.ReplaceAll(string(file), "\n", ""), incoming.Hidden) {
				t.Errorf("%.40q: something hides in\n%.3000s", text, file)
			}
		}
	}
}

func TestALongTextIsOneLine(t *testing.T) {
	t.Parallel()
	in := playbooktest.Input()
	in.Alert.Evidence[0].CommandLine = strings.Repeat("x y\n: #", 40_000)
	b := book(t)
	d := decided.Of(in, b.Decide(in))
	text, err := Case{Playbook: "p.yaml", Decision: d}.YAML()
	if err != nil {
		t.Fatal(err)
	}
	results, err := cases.Try(text, b)
	if err != nil || !results[0].OK || strings.Count(string(text), "\n") > 200 {
		t.Errorf("%v, %d lines", err, strings.Count(string(text), "\n"))
	}
}

func TestACaseSaysWhatWasSo(t *testing.T) {
	t.Parallel()
	in := playbooktest.Input()
	in.Alert.Title = "\u202e*evil: &x"
	in.Isolation = nil
	in.ActionsMissing = "400 no"
	in.Paused, in.PauseReason = true, "import 7, by bob"
	d := decided.Of(in, playbook.Plan{
		Rule:  "contain",
		Steps: []playbook.Step{{Kind: playbook.Isolate, Scope: machine.Full, Verdict: playbook.Held}},
	})
	d.Run, d.Playbook = "da1:v2", "0123456789abcdef"
	text, err := Case{
		Playbook: "../playbook.yaml",
		Decision: d,
		Notes:    []string{"It was not tried.", "a\nb: c\u202e"},
		Why:      "acting is paused",
	}.YAML()
	if err != nil {
		t.Fatal(err)
	}
	want := `# Made of a run by cordon case. It was decided by playbook 0123456789ab
# It was not tried.
# a b: c
playbook: "../playbook.yaml"
cases:
  - name: "run da1:v2"
    run: "da1:v2"
    now: "2026-03-04T10:00:00Z"
    mode: enforce
    staleAfter: "24h0m0s"
    paused: "import 7, by bob"
    alert:
      id: da1
      incidentId: 5
      title: "\u202e*evil: &x"
      category: Execution
      severity: High
      status: New
      machineId: "1e5bc9d7e413ddd7902c2932e418702b84d0cc07"
      computerDnsName: pc1.contoso.com
      mitreTechniques:
        - T1059.001
      relatedUser: {}
      evidence:
        - entityType: File
          sha1: abc
          fileName: a.exe
        - entityType: Process
          fileName: powershell.exe
      alertCreationTime: "2026-03-04T09:59:00Z"
      firstEventTime: "2026-03-04T09:00:00Z"
      lastEventTime: null
      lastUpdateTime: "2026-03-04T10:00:00Z"
      resolvedTime: null
      serviceSource: ""
    machine:
      id: "1e5bc9d7e413ddd7902c2932e418702b84d0cc07"
      computerDnsName: pc1.contoso.com
      osPlatform: Windows11
      version: "23H2"
      healthStatus: Active
      onboardingStatus: Onboarded
      deviceValue: Normal
      machineTags:
        - office
      lastIpAddress: "10.20.3.4"
      firstSeen: null
      lastSeen: "2026-03-04T09:00:00Z"
    actions:
      - type: RunAntiVirusScan
        status: Pending
        requestor: soc@contoso.com
        creationDateTimeUtc: null
        id: ""
    alertsOnMachine: 4
    alertsInIncident: 1
    unread:
      isolated: 400 no
    want:
      rule: contain
      steps:
        - isolate Full: held
      why: acting is paused
`
	if diff := cmp.Diff(strings.ReplaceAll(want, "isolated: 400 no", `isolated: "400 no"`), string(text)); diff != "" {
		t.Error(diff)
	}
}

// yamlUnmarshal reads YAML as cordon test does.
func yamlUnmarshal(text []byte, v any) error {
	if err := source.CheckYAML("x", text); err != nil {
		return err
	}
	return yaml.Unmarshal(text, v)
}
