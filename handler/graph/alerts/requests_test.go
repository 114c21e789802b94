package alerts_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestRequestsAreThoseOfTheGoldenFile holds every request of the client, with everything set in it that can be.
func TestRequestsAreThoseOfTheGoldenFile(t *testing.T) {
	t.Parallel()
	s, c := serve(t, reply{status: 200, body: `{"id":"x","value":[]}`})
	ctx := t.Context()
	page := func(alert.Alert) error { return nil }
	stamps := func(alert.Stamp) error { return nil }
	odd := time.Date(2025, 11, 18, 9, 0, 0, 1234567*100, time.FixedZone("", 3600))
	everything := alert.Change{
		Status:         alert.StatusInProgress,
		AssignedTo:     "soc@contoso.com",
		Classification: "TruePositive",
		Determination:  "CompromisedUser",
		Comment:        "[cordon x:v1] seen <&> \u202e",
	}
	for _, ask := range []func() error{
		func() error {
			_, err := c.AlertPage(ctx, alert.Window{From: from, To: odd, Top: 1000}, page)
			return err
		},
		func() error {
			_, err := c.AlertPage(ctx, alert.Window{From: from, Top: 1, Skip: 500}, page)
			return err
		},
		func() error { _, err := c.AlertStamps(ctx, window, stamps); return err },
		func() error { _, err := c.Alert(ctx, alertID); return err },
		func() error { _, err := c.AlertComments(ctx, alertID); return err },
		func() error { _, err := c.UpdateAlert(ctx, alertID, everything); return err },
		func() error { _, err := c.UpdateAlert(ctx, alertID, alert.Change{Comment: "only"}); return err },
		func() error {
			_, err := c.UpdateAlert(ctx, alertID, alert.Change{Status: alert.StatusResolved})
			return err
		},
	} {
		if err := ask(); err != nil {
			t.Error(err)
		}
	}
	got := strings.Join(s.asked, "\n") + "\n"
	golden := filepath.Join("testdata", "requests.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || got != string(want) {
		t.Errorf("%v, got:\n%s", err, got)
	}
}

// TestEveryDeterminationIsWrittenInGraphsWords holds that what was read can be written back.
func TestEveryDeterminationIsWrittenInGraphsWords(t *testing.T) {
	t.Parallel()
	for defenders, graphs := range map[string]string{
		"MultiStagedAttack":         "multiStagedAttack",
		"MaliciousUserActivity":     "maliciousUserActivity",
		"CompromisedUser":           "compromisedAccount",
		"Malware":                   "malware",
		"Phishing":                  "phishing",
		"UnwantedSoftware":          "unwantedSoftware",
		"Other":                     "other",
		"SecurityTesting":           "securityTesting",
		"LineOfBusinessApplication": "lineOfBusinessApplication",
		"ConfirmedUserActivity":     "confirmedActivity",
		"ConfirmedActivity":         "confirmedActivity",
		"Clean":                     "notMalicious",
		"NotMalicious":              "notMalicious",
		"InsufficientData":          "notEnoughDataToValidate",
	} {
		s, c := serve(t, reply{status: 200, body: `{"id":"x","determination":"` + graphs + `"}`})
		is, err := c.UpdateAlert(t.Context(), "x", alert.Change{Determination: defenders})
		want := `PATCH /v1.0/security/alerts_v2/x {"determination":"` + graphs + `"}`
		if err != nil || s.asked[0] != want || is[0].Determination != alert.Determination(defenders) {
			t.Errorf("%s: %q, %+v, %v", defenders, s.asked, is, err)
		}
	}
}

// TestAChangeThatBrokeOffIsSafeToRepeat breaks each of the two calls off.
func TestAChangeThatBrokeOffIsSafeToRepeat(t *testing.T) {
	t.Parallel()
	both := alert.Change{Status: alert.StatusResolved, Comment: "seen"}
	for _, broken := range []reply{{status: 500}, {status: 200, body: "<html>"}, {status: 200, body: "{"}} {
		s, c := serve(t, broken)
		_, err := c.UpdateAlert(t.Context(), "x", both)
		if trouble, _ := machine.TroubleOf(err); trouble != machine.UnknownFate || len(s.asked) != 1 ||
			!strings.Contains(s.asked[0], "/comments") {
			t.Errorf("%+v: %v after %q", broken, err, s.asked)
		}
		s, c = serve(t, reply{status: 201, body: `{"value":[]}`}, broken)
		_, err = c.UpdateAlert(t.Context(), "x", both)
		if trouble, _ := machine.TroubleOf(err); trouble != machine.UnknownFate || len(s.asked) != 2 {
			t.Errorf("%+v: %v after %q", broken, err, s.asked)
		}
	}
	// A refusal of the rest is no word about the comment: whoever asks another source has to look first.
	for _, status := range []int{400, 403, 404, 410, 429} {
		for _, change := range []alert.Change{both, {Comment: "seen"}} {
			_, c := serve(t, reply{status: 200, body: `{"value":[]}`}, reply{status: status})
			_, err := c.UpdateAlert(t.Context(), "x", change)
			if trouble, _ := machine.TroubleOf(err); trouble != machine.UnknownFate {
				t.Errorf("%d after a comment: %v", status, trouble)
			}
		}
	}
	s, c := serve(t, reply{status: 204}, reply{status: 200, body: `{"id":"x","status":"resolved"}`})
	is, err := c.UpdateAlert(t.Context(), "x", both)
	if err != nil || len(is) != 1 || is[0].Status != alert.StatusResolved || len(s.asked) != 2 {
		t.Errorf("%+v, %v after %q", is, err, s.asked)
	}
	s, c = serve(t, reply{status: 200})
	for _, refuse := range []func() error{
		func() error { _, err := c.UpdateAlert(t.Context(), "x", alert.Change{}); return err },
		func() error { _, err := c.UpdateAlert(t.Context(), "a/b", both); return err },
	} {
		if trouble, _ := machine.TroubleOf(refuse()); trouble != machine.Refused || len(s.asked) != 0 {
			t.Errorf("%s after %q", trouble, s.asked)
		}
	}
}
