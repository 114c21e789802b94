package alert

import (
	"strings"
	"testing"
)

func TestTheIDOfAnotherMachineLeadsBackToTheAlert(t *testing.T) {
	t.Parallel()
	const id = "da638994417204415533_-1184209733"
	machineID := strings.Repeat("0123456789abcdef", 3)[:machineIDLength]
	on := OnMachine(id, machineID)
	if CheckID(on) != nil || APIID(on) != id {
		t.Errorf("%q leads back to %q", on, APIID(on))
	}
	for _, same := range []string{
		id, "", ":", ":" + machineID, id + ":" + machineID[1:], id + ":" + strings.ToUpper(machineID), id + "-" + machineID,
		FindingID("h", machineID),
	} {
		if APIID(same) != same {
			t.Errorf("%q became %q", same, APIID(same))
		}
	}
}

func TestWhereAnAlertWasReadIsNoNews(t *testing.T) {
	t.Parallel()
	read := sample()
	read.Source, read.GraphID, read.ServiceSource = Graph, "other", ForEndpoint
	if DecisionHash(read) != DecisionHash(sample()) {
		t.Error("the hash depends on where the alert was read")
	}
	if !read.OfEndpoint() || !sample().OfEndpoint() || (Alert{ServiceSource: "microsoftDefenderForIdentity"}).OfEndpoint() {
		t.Error("an alert's product is mistaken")
	}
}
