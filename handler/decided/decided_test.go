package decided_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cordon/handler/alert"
	"cordon/handler/decided"
	"cordon/handler/machine"
	"cordon/handler/outgoing"
	"cordon/handler/outgoing/outgoingtest"
	"cordon/handler/playbook"
	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/playbooktest"
)

func TestEveryDocumentCanBeWrittenAndReadWhateverIsInIt(t *testing.T) {
	t.Parallel()
	documents := []any{decided.Decision{}, decided.Facts{}, decided.Hunt{}, decided.State{}, decided.Action{}}
	outgoingtest.Written(t, documents)
	outgoingtest.ReadBack(t, documents...)
	outgoingtest.Kept(t, decided.Decision{})
}

// TestFactsAreTheWholeInput fills every field of an input, so that one that is added and forgotten here is found.
func TestFactsAreTheWholeInput(t *testing.T) {
	t.Parallel()
	var in playbook.Input
	outgoingtest.Fill(t, &in, "x")
	for _, in := range []playbook.Input{in, {}, playbooktest.Input()} {
		body, err := outgoing.Encode(decided.FactsOf(in))
		if err != nil {
			t.Fatal(err)
		}
		var f decided.Facts
		if err := json.Unmarshal(body, &f); err != nil {
			t.Fatalf("%v\n%s", err, body)
		}
		if diff := cmp.Diff(in, f.Input(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("kept and read again (-was +is):\n%s", diff)
		}
	}
}

func TestWhatIsNotKnownIsNotNone(t *testing.T) {
	t.Parallel()
	for _, in := range []playbook.Input{
		{Machine: &machine.Machine{}},
		{OpenActions: []machine.Action{}, Machine: &machine.Machine{Tags: []string{}}},
	} {
		body, err := outgoing.Encode(decided.FactsOf(in))
		if err != nil {
			t.Fatal(err)
		}
		var f decided.Facts
		if err := json.Unmarshal(body, &f); err != nil {
			t.Fatal(err)
		}
		is := f.Input()
		if (is.OpenActions == nil) != (in.OpenActions == nil) || (is.Machine.Tags == nil) != (in.Machine.Tags == nil) {
			t.Errorf("%s", body)
		}
	}
}

// TestADecisionIsTheSameOnWhatIsKept decides the conditions that the language has on facts that were kept.
func TestADecisionIsTheSameOnWhatIsKept(t *testing.T) {
	t.Parallel()
	for _, condition := range playbooktest.Conditions() {
		book := playbooktest.Load(t, playbooktest.OneRule(condition, ""))
		in := playbooktest.Input()
		plan := book.Decide(in)
		body, err := outgoing.Encode(decided.Of(in, plan))
		if err != nil {
			t.Fatal(err)
		}
		var d decided.Decision
		if err := json.Unmarshal(body, &d); err != nil {
			t.Fatal(err)
		}
		again := book.Decide(d.Facts.Input())
		if diff := cmp.Diff(plan, again); diff != "" || !d.Whole() {
			t.Errorf("%s, left %v (-was +is):\n%s", condition, d.Left, diff)
		}
		if diff := cmp.Diff(plan, d.Plan(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: the plan that is kept (-was +is):\n%s", condition, diff)
		}
	}
}

func TestSecretsAreNotKept(t *testing.T) {
	t.Parallel()
	const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"
	for text, want := range map[string]string{
		`app.exe --password=Hunter2 --v`:                      `app.exe --password=(secret) --v`,
		`app.exe -Password "two words" -x`:                    `app.exe -Password (secret) -x`,
		`curl -H "Authorization: Bearer abcdefgh1234"`:        `curl -H "Authorization: Bearer (secret)"`,
		`DefaultEndpointsProtocol=https;AccountKey=Zm9v/+==;`: `DefaultEndpointsProtocol=https;AccountKey=(secret);`,
		`Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=abc=`: `Endpoint=sb://x/;SharedAccessKeyName=n;` +
			`SharedAccessKey=(secret)`,
		`https://x.blob.core.windows.net/c?sv=1&sig=ab%2Fc&se=2`: `https://x.blob.core.windows.net/c?sv=1&sig=(secret)&se=2`,
		`https://user:pa55@host/path`:                            `https://user:(secret)@host/path`,
		`net use \\host\share pa55 /user:contoso\a`:              `net use \\host\share (secret) /user:contoso\a`,
		`{"client_secret": "abc"}`:                               `{"client_secret": (secret)}`,
		`ConvertTo-SecureString 'pa55' -AsPlainText`:             `ConvertTo-SecureString (secret) -AsPlainText`,
		`x ` + jwt + ` y`:                                        `x (secret) y`,
		`AKIAABCDEFGHIJKLMNOP`:                                   `(secret)`,
		`-----BEGIN RSA PRIVATE KEY-----\nabc`:                   `(secret)`,
		`cmdkey /add:host /user:a /pass:pa55`:                    `cmdkey /add:host /user:a /pass:(secret)`,
		`powershell -EncodedCommand SQBFAFgA`:                    `powershell -EncodedCommand SQBFAFgA`,
		`reset the password of the user`:                         `reset the password of the user`,
		`exitCode: 5, keyboard=us`:                               `exitCode: 5, keyboard=us`,
	} {
		in := playbooktest.Input()
		in.Alert.Title = text
		in.Alert.Evidence[0].CommandLine = text
		in.Alert.Evidence[0].RegistryValue = text
		in.Hunt = &playbook.Hunt{Row: map[string]string{"CommandLine": text}}
		seen := []*condition.Trace{{Result: text, Values: []condition.ValueSeen{{Value: text}}}}
		rails := []playbook.RailTrace{{Why: text, Cause: text}}
		d := decided.Of(in, playbook.Plan{
			Steps: []playbook.Step{{Comment: text, Update: &alert.Change{Comment: text}}},
			Rules: []playbook.RuleTrace{{Error: text, Clauses: seen, Unless: &playbook.UnlessTrace{Clauses: seen}}},
			Rails: rails,
		})
		for _, is := range []string{
			d.Facts.Alert.Title, d.Facts.Alert.Evidence[0].CommandLine, d.Facts.Alert.Evidence[0].RegistryValue,
			d.Facts.Hunt.Row["CommandLine"], d.Steps[0].Comment, d.Steps[0].Update.Comment,
			d.Rules[0].Clauses[0].Values[0].Value, d.Rules[0].Unless.Clauses[0].Values[0].Value,
			d.Rules[0].Error, d.Rules[0].Clauses[0].Result, d.Rules[0].Unless.Clauses[0].Result,
			d.Rails[0].Why, d.Rails[0].Cause,
		} {
			if is != want {
				t.Errorf("%s\nbecomes %s\nwant    %s", text, is, want)
			}
		}
		if d.Whole() != (text == want) {
			t.Errorf("%s: left are %q", text, d.Left)
		}
		if in.Hunt.Row["CommandLine"] != text || seen[0].Values[0].Value != text || rails[0].Why != text ||
			in.Alert.Evidence[0].CommandLine != text {
			t.Errorf("the input itself was changed")
		}
	}
}

// TestWhatLastsOfAPlanHasNothingOfTheAlert looks for the values of an alert in what stays as long as its run.
func TestWhatLastsOfAPlanHasNothingOfTheAlert(t *testing.T) {
	t.Parallel()
	book := playbooktest.Load(t, playbooktest.Rules(
		`{name: seen, on: alert, when: alert.relatedUser.userName == "alice" && alert.title contains "alice", `+
			`unless: 'machine != nil && machine.computerDnsName == "none"', `+
			`do: [{isolate: {type: Full, comment: "{{.Alert.RelatedUser.Name}}"}}, {mail: {text: "{{.Alert.Title}}"}}, `+
			`{updateAlert: {status: InProgress, comment: "{{.Alert.Title}}"}}]}`))
	in := playbooktest.Input()
	in.Alert.RelatedUser.Name = "alice"
	in.Alert.Title = "a title with alice"
	plan := book.Decide(in)
	whole, err := outgoing.Encode(plan)
	if err != nil || strings.Count(string(whole), "a title") < 3 {
		t.Fatalf("the plan itself has too little of the alert: %s, %v", whole, err)
	}
	lasting := decided.Lasting(plan)
	body, err := outgoing.Encode(lasting)
	if err != nil || strings.Contains(string(body), "a title") || strings.Count(string(body), "alice") != 2 {
		t.Errorf("only the clauses, which the playbook's author wrote, name alice: %s, %v", body, err)
	}
	again, _ := outgoing.Encode(plan)
	if string(again) != string(whole) {
		t.Error("the plan itself was changed")
	}
	if len(lasting.Rules) != 1 || len(lasting.Rules[0].Clauses) != 2 || len(lasting.Rails) != len(plan.Rails) ||
		len(lasting.Steps) != len(plan.Steps) {
		t.Errorf("%+v", lasting)
	}
}

// TestWhatIsTooLargeIsCutAndSaysSo keeps alerts that somebody has blown up.
func TestWhatIsTooLargeIsCutAndSaysSo(t *testing.T) {
	t.Parallel()
	size := func(d decided.Decision) (int, error) {
		body, err := outgoing.Encode(d)
		return len(body), err
	}
	for _, entries := range []int{0, 1, 50, 5000} {
		for _, length := range []int{10, 3000, 30_000} {
			in := playbooktest.Input()
			text := strings.Repeat("é", length/2)
			in.Alert.Evidence = nil
			for range entries {
				in.Alert.Evidence = append(in.Alert.Evidence, alert.Evidence{Kind: "Process", CommandLine: text})
				in.OpenActions = append(in.OpenActions, machine.Action{Comment: text})
			}
			in.Machine.Tags = strings.Fields(strings.Repeat("tag ", entries))
			d, fits, err := decided.Fit(decided.Of(in, playbook.Plan{}), 64<<10, size)
			if err != nil || !fits {
				t.Fatalf("%d entries of %d: fits %v, %v", entries, length, fits, err)
			}
			n, _ := size(d)
			whole := len(d.Facts.Alert.Evidence) == entries &&
				(entries == 0 || d.Facts.Alert.Evidence[0].CommandLine == text)
			if n > 64<<10 || whole != d.Whole() {
				t.Errorf("%d entries of %d: %d bytes, whole %v, left %q", entries, length, n, whole, d.Left)
			}
			if len(in.Alert.Evidence) != entries || entries > 0 && in.Alert.Evidence[0].CommandLine != text {
				t.Errorf("%d entries of %d: the input itself was changed", entries, length)
			}
		}
	}
	_, fits, err := decided.Fit(decided.Of(playbooktest.Input(), playbook.Plan{}), 10, size)
	if fits || err != nil {
		t.Errorf("nothing fits into 10 bytes: %v, %v", fits, err)
	}
	_, _, err = decided.Fit(decided.Decision{}, 10, func(decided.Decision) (int, error) {
		return 0, fmt.Errorf("no")
	})
	if err == nil {
		t.Error("an error of size is kept quiet")
	}
}

func TestASpanIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	var s decided.Span
	if err := s.UnmarshalText([]byte("90m")); err != nil || time.Duration(s) != 90*time.Minute {
		t.Errorf("%v, %v", s, err)
	}
	if err := s.UnmarshalText([]byte("soon")); err == nil || !strings.Contains(err.Error(), "24h0m0s") {
		t.Errorf("%v", err)
	}
}
