package response

import (
	"encoding/json"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// TestASnapshotThatLacksFactsIsReadAnew has a message whose machine was written without its list of tags.
func TestASnapshotThatLacksFactsIsReadAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	a := alert.Alert{ID: "da1", MachineID: "m1", Severity: alert.High, Status: alert.StatusNew, Created: w.now, Updated: w.now}
	w.alerts["da1"] = a
	w.machines["m1"] = machine.Machine{ID: "m1", ComputerDNSName: "m1", OSPlatform: "Windows11"}
	snapshot, sha := alert.Snapshot(a)
	lacking := json.RawMessage(`{"id":"m1","computerDnsName":"m1","osPlatform":"Windows11","healthStatus":"Active","onboardingStatus":"Onboarded"}`)
	if err := p.ledger.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen, err := p.ledger.Observe(t.Context(), ledger.Observation{Alert: a, Hash: alert.DecisionHash(a), SnapshotSHA: sha, MachineSHA: alert.SHA256(lacking), At: w.now})
	if err != nil {
		t.Fatal(err)
	}
	m := alert.Message{Tenant: tenant, AlertID: "da1", Version: seen.Run.Version, ObservedAt: w.now, Alert: snapshot, Machine: lacking}
	if err := p.responder.Respond(t.Context(), m.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if w.posts != 1 || w.run("da1", 1).State != ledger.Waiting {
		t.Errorf("%d requests, run %+v", w.posts, w.run("da1", 1))
	}
}
