package alert

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sample() Alert {
	return Alert{
		ID:                 "da1_-2",
		Severity:           High,
		Status:             StatusNew,
		Title:              "t",
		MachineID:          "m",
		MitreTechniques:    []string{"T1", "T2"},
		Updated:            time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC),
		AssignedTo:         "a",
		InvestigationState: "Running",
		Evidence:           []Evidence{{Kind: "File", SHA1: "1"}, {Kind: "Ip", IPAddress: "203.0.113.7"}},
	}
}

func TestDecisionHashIgnoresWorkflowTimesAndOrder(t *testing.T) {
	t.Parallel()
	want := DecisionHash(sample())
	same := sample()
	same.Updated, same.LastEvent = time.Now(), time.Now()
	same.AssignedTo, same.InvestigationState = "b", "Benign"
	same.Evidence[0], same.Evidence[1] = same.Evidence[1], same.Evidence[0]
	same.MitreTechniques = []string{"T2", "T1"}
	if got := DecisionHash(same); got != want {
		t.Errorf("hash moved with workflow, times or order: %s != %s", got, want)
	}
	if sample().Evidence[0].Kind != "File" {
		t.Error("DecisionHash reordered its argument")
	}
}

func TestDecisionHashMovesWithEveryFactThatARuleCanRead(t *testing.T) {
	t.Parallel()
	base := DecisionHash(sample())
	changes := map[string]func(*Alert){
		"severity":       func(a *Alert) { a.Severity = Medium },
		"status":         func(a *Alert) { a.Status = StatusResolved },
		"classification": func(a *Alert) { a.Classification = "FalsePositive" },
		"determination":  func(a *Alert) { a.Determination = "Clean" },
		"category":       func(a *Alert) { a.Category = "Malware" },
		"machine":        func(a *Alert) { a.MachineID = "n" },
		"source":         func(a *Alert) { a.DetectionSource = "MTP" },
		"evidence":       func(a *Alert) { a.Evidence[0].SHA1 = "2" },
		"more evidence":  func(a *Alert) { a.Evidence = append(a.Evidence, Evidence{Kind: "Url", URL: "http://x"}) },
		"title":          func(a *Alert) { a.Title = "u" },
		"incident":       func(a *Alert) { a.IncidentID = 7 },
		"user":           func(a *Alert) { a.RelatedUser.Name = "p" },
		"techniques":     func(a *Alert) { a.MitreTechniques = nil },
	}
	for name, change := range changes {
		a := sample()
		change(&a)
		if DecisionHash(a) == base {
			t.Errorf("%s: a change did not move the hash", name)
		}
	}
}

func TestMessageSurvivesTheQueue(t *testing.T) {
	t.Parallel()
	snapshot, sha := Snapshot(sample())
	want := Message{
		Format:     1,
		Tenant:     "t",
		AlertID:    "da1_-2",
		Version:    3,
		Reason:     "changed",
		ObservedAt: time.Date(2026, 3, 2, 10, 0, 0, 1, time.UTC),
		Attempt:    2,
		Alert:      snapshot,
	}
	got, err := DecodeMessage(want.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
	if SHA256(got.Alert) != sha {
		t.Error("the snapshot's hash changed on the way")
	}
	var back Alert
	if err := json.Unmarshal(got.Alert, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), back); diff != "" {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}
}

func TestSnapshotIsLeftOutOfAMessageThatWouldBeTooLarge(t *testing.T) {
	t.Parallel()
	big, _ := json.Marshal(strings.Repeat("x", MaxSnapshotBytes))
	m := Message{AlertID: "da1", Alert: big}
	body := m.Encode()
	if len(body) > MaxSnapshotBytes {
		t.Fatalf("message has %d bytes", len(body))
	}
	got, err := DecodeMessage(body)
	if err != nil || got.AlertID != "da1" || got.Alert != nil {
		t.Errorf("DecodeMessage = %+v, %v", got, err)
	}
}

func TestHandWrittenMessageNeedsOnlyTheAlertID(t *testing.T) {
	t.Parallel()
	m, err := DecodeMessage([]byte(`{"alertId":"da638994417204415533_-1184209733","extra":1}`))
	if err != nil || m.AlertID != "da638994417204415533_-1184209733" || m.Version != 0 {
		t.Errorf("DecodeMessage = %+v, %v", m, err)
	}
}

func TestForeignMessagesAreRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		``:                               "not a JSON object",
		`[]`:                             "not a JSON object",
		`{"alertId":7}`:                  "not a JSON object",
		`{}`:                             "is empty",
		`{"alertId":"../../machines/x"}`: `character '/'`,
		`{"alertId":".."}`:               "not an id",
		`{"alertId":"a?b"}`:              `character '?'`,
		`{"alertId":"a","version":-1}`:   "negative",
		`{"alertId":"ａ"}`:                "character",
		`{"alertId":"` + strings.Repeat("a", 200) + `"}`: "200 bytes",
	} {
		if _, err := DecodeMessage([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("DecodeMessage(%.40s) = %v, want an error with %q", body, err, want)
		}
	}
}

func TestAMessageThatNamesAnotherTenantIsRefused(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"alertId":"da1"}`:                   true,
		`{"alertId":"da1","tenant":"ours"}`:   true,
		`{"alertId":"da1","tenant":"theirs"}`: false,
		`{"tenant":"ours"}`:                   false,
	} {
		m, err := DecodeMessageFor("ours", []byte(body))
		if (err == nil) != want || want && m.AlertID != "da1" {
			t.Errorf("%s: %+v, %v", body, m, err)
		}
	}
}

func TestNewerFormatIsToldFromABrokenMessage(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"format":2,"alertId":"x"}`, `{"format":2,"alertId":"x","version":"two"}`} {
		if _, err := DecodeMessage([]byte(body)); !errors.Is(err, ErrUnknownFormat) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func FuzzDecodeMessage(f *testing.F) {
	f.Add([]byte(`{"alertId":"da1","version":1}`))
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := DecodeMessage(body)
		if err == nil && CheckID(m.AlertID) != nil {
			t.Errorf("accepted the id %q", m.AlertID)
		}
	})
}

func TestHighComesFirst(t *testing.T) {
	t.Parallel()
	order := []Severity{High, Medium, Low, Informational, UnSpecified}
	for i := 1; i < len(order); i++ {
		if order[i-1].Rank() <= order[i].Rank() {
			t.Errorf("%s does not rank above %s", order[i-1], order[i])
		}
	}
	if Severity("Extreme").Rank() != 0 {
		t.Error("an unknown severity outranks a known one")
	}
}

func TestMessageIDsFitTheBrokerAndStayTheSame(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", maxIDLength)
	for _, tenant := range []string{"t", strings.Repeat("x.", 100) + "com"} {
		for _, id := range []string{"da638994417204415533_-1184209733", long, long[1:]} {
			got := MessageID(tenant, id, 12345)
			if len(got)+len(":asked:")+26 > 128 || got != MessageID(tenant, id, 12345) ||
				got == MessageID(tenant, id+"b", 12345) {
				t.Errorf("MessageID(%.10s…, %.10s…) = %q", tenant, id, got)
			}
		}
	}
}
