package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/app/health"
	"cordon/handler/cli/call"
	"cordon/handler/ledger/switches"
	"cordon/handler/operate/wire"
	"cordon/handler/poll"
)

func TestCheckShowsWhatAlmostProtectedAMachine(t *testing.T) {
	t.Parallel()
	p := healthy(t)
	p.up(t)
	store := storeIn(t, p.env["AzureWebJobsStorage"], ours)
	if err := store.Switches.SetMark(t.Context(), poll.MarkPoll, noon, ""); err != nil {
		t.Fatal(err)
	}
	check := func(more ...string) string {
		t.Helper()
		code, stdout, stderr := command(t, p.env, append([]string{"check", "--met", "../../playbook.yaml"}, more...)...)
		if code != call.ExitDone {
			t.Fatalf("code %d, %s", code, stderr)
		}
		return stdout
	}
	if stdout := check(); !strings.Contains(stdout, "nothing that looks so") {
		t.Error(stdout)
	}
	now := time.Now().UTC()
	for _, m := range []switches.Met{
		{Fact: "machineTags", Tag: `"never_isolate"`, Like: "never-isolate", Machine: "m1"},
		{Fact: "deviceValue", Machine: "m1"}, {Fact: "deviceValue", Machine: "m2"},
		{Fact: "rbacGroupName", Machine: "m2"},
	} {
		if err := store.Switches.NoteMet(t.Context(), []switches.Met{m}, now); err != nil {
			t.Fatal(err)
		}
	}
	stdout := check()
	for _, want := range []string{
		`tag "never_isolate", such as on machine m1, is almost "never-isolate" of protect.tags`,
		"2 machine(s) of which the API gave no deviceValue", "1 machine(s) of which the API gave no rbacGroupName",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	var view struct{ Met *wire.Met }
	if err := json.Unmarshal([]byte(check("--json")), &view); err != nil || view.Met == nil {
		t.Fatalf("%v", err)
	}
	// Health says the same.
	met, err := health.ReadMet(t.Context(), store.Switches, now)
	if diff := cmp.Diff(*view.Met, met); err != nil || diff != "" || len(met.NearTags) != 1 {
		t.Errorf("%s %+v, %v", diff, met, err)
	}
	if code, _, stderr := command(t, nil, "check", "--met", "../../playbook.yaml"); code != call.ExitFailed ||
		!strings.Contains(stderr, "CORDON_TENANT_ID") {
		t.Errorf("without settings: code %d, %s", code, stderr)
	}
}
