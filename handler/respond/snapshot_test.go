package respond_test

import (
	"encoding/json"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
)

// TestASnapshotThatLacksFactsIsReadAnew has a message whose machine was written without its list of tags.
func TestASnapshotThatLacksFactsIsReadAnew(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	a := alert.Alert{
		ID:        "da1",
		MachineID: "m1",
		Severity:  alert.High,
		Status:    alert.StatusNew,
		Created:   w.Now,
		Updated:   w.Now,
	}
	w.Alerts["da1"] = a
	w.Machines["m1"] = machine.Machine{ID: "m1", ComputerDNSName: "m1", OSPlatform: "Windows11"}
	snapshot, sha := alert.Snapshot(a)
	lacking := json.RawMessage(`{"id":"m1","computerDnsName":"m1","osPlatform":"Windows11","healthStatus":"Active",` +
		`"onboardingStatus":"Onboarded"}`)
	if err := p.Ledger.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen, err := p.Ledger.Runs.Observe(t.Context(), runs.Observation{
		Alert:       a,
		Hash:        alert.DecisionHash(a),
		SnapshotSHA: sha,
		MachineSHA:  alert.SHA256(lacking),
		At:          w.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	m := alert.Message{
		Tenant:     world.Tenant,
		AlertID:    "da1",
		Version:    seen.Run.Version,
		ObservedAt: w.Now,
		Alert:      snapshot,
		Machine:    lacking,
	}
	if err := p.Responder.Respond(t.Context(), m.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if w.Posts != 1 || w.Run("da1", 1).State != runs.Waiting {
		t.Errorf("%d requests, run %+v", w.Posts, w.Run("da1", 1))
	}
}
