package playbook_test

import (
	"strings"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/playbook/playbooktest"
)

// TestAlertsOfOtherProductsAreAnsweredByRulesThatReadWhoseTheyAre holds that no rule written for Defender for Endpoint
// decides about the alert of another product.
func TestAlertsOfOtherProductsAreAnsweredByRulesThatReadWhoseTheyAre(t *testing.T) {
	t.Parallel()
	book := playbooktest.Load(t, playbooktest.Rules(
		`{name: usual, on: alert, when: "alert.severity == \"High\"", do: [mail: {}]}`,
		`{name: identity, on: alert, when: "alert.serviceSource == \"microsoftDefenderForIdentity\"", do: [mail: {}]}`,
		`{name: but, on: alert, when: "alert.severity == \"Low\"", `+
			`unless: "alert.serviceSource == \"microsoftDefenderForOffice365\"", do: [mail: {}]}`,
	))
	for _, tt := range []struct {
		service, rule string
		severity      alert.Severity
		asked         int
	}{
		{alert.ForEndpoint, "usual", alert.High, 3},
		{"", "usual", alert.High, 3},
		{"microsoftDefenderForIdentity", "identity", alert.High, 2},
		{"microsoftDefenderForCloudApps", "", alert.High, 2},
		{"microsoftDefenderForCloudApps", "but", alert.Low, 2},
		{"microsoftDefenderForOffice365", "", alert.Low, 2},
	} {
		in := playbooktest.Input()
		in.Alert.ServiceSource = tt.service
		in.Alert.Severity = tt.severity
		plan := book.Decide(in)
		if plan.Rule != tt.rule || len(plan.Rules) != tt.asked {
			t.Errorf("%s: rule %q of %d, want %q of %d", tt.service, plan.Rule, len(plan.Rules), tt.rule, tt.asked)
		}
		says := "(1) are not asked about alerts of " + tt.service
		if tt.rule == "" && !strings.Contains(plan.Reason, says) {
			t.Errorf("%s: %s", tt.service, plan.Reason)
		}
	}
}
