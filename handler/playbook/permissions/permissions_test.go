package permissions_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/playbook"
	"cordon/handler/playbook/permissions"
	"cordon/handler/playbook/playbooktest"
)

const everyStep = `{name: r, on: alert, when: "true", do: [scan: {type: Quick}, collectPackage: {}, ` +
	`isolate: {type: Full}, restrictApps: {}, tag: {add: a}, updateAlert: {status: InProgress}, mail: {}]}`

func TestPermissionsFollowFromStepsAndSources(t *testing.T) {
	t.Parallel()
	const mailOnly = `{name: r, on: alert, when: "true", do: [mail: {}]}`
	for _, tt := range []struct {
		rule    string
		sources []alert.Source
		want    []string
	}{
		{mailOnly, []alert.Source{alert.Defender}, []string{"Alert.Read.All", "Machine.Read.All"}},
		{mailOnly, []alert.Source{alert.Graph}, []string{"SecurityAlert.Read.All", "Machine.Read.All"}},
		{mailOnly, []alert.Source{alert.Defender, alert.Graph},
			[]string{"Alert.Read.All", "SecurityAlert.Read.All", "Machine.Read.All"}},
		{everyStep, []alert.Source{alert.Defender}, []string{"Alert.Read.All", "Machine.Read.All", "Machine.Isolate",
			"Machine.RestrictExecution", "Machine.Scan", "Machine.CollectForensics", "Machine.ReadWrite.All",
			"Alert.ReadWrite.All"}},
		{everyStep, []alert.Source{alert.Graph}, []string{"SecurityAlert.Read.All", "Machine.Read.All",
			"Machine.Isolate", "Machine.RestrictExecution", "Machine.Scan", "Machine.CollectForensics",
			"Machine.ReadWrite.All", "SecurityAlert.ReadWrite.All"}},
	} {
		var names []string
		for _, p := range permissions.Of(playbooktest.Load(t, playbooktest.Rules(tt.rule)), tt.sources...) {
			names = append(names, p.Name)
			if ofGraph := p.API == alert.Graph; ofGraph != (len(p.Name) > 13 && p.Name[:13] == "SecurityAlert") {
				t.Errorf("%s is said to be of %s", p.Name, p.API)
			}
		}
		if diff := cmp.Diff(tt.want, names); diff != "" {
			t.Errorf("%v: %s", tt.sources, diff)
		}
	}
}

func TestEveryStepThatActsNeedsAPermission(t *testing.T) {
	t.Parallel()
	for _, kind := range playbook.StepKinds() {
		if name, purpose := permissions.OfStep(kind); kind.Acts() != (name != "" && purpose != "") {
			t.Errorf("%s needs the permission %q %s", kind, name, purpose)
		}
	}
}
