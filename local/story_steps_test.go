package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/local/defendersim"
	"cordon/local/world"
)

// graduated is the graduated example. It is written for enforce mode.
func graduated(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../playbooks/graduated.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tags are those of the machine.
func (s *story) tags() []string { return s.Defender.Machines()[0].Tags }

// kinds lists what was asked of a machine, in the order of the requests.
func (s *story) kinds() string {
	var kinds []string
	for _, a := range s.Defender.Actions() {
		kinds = append(kinds, a.Type)
	}
	return strings.Join(kinds, " ")
}

// TestStoryEveryStepAndBack has an alert that asks for all that the graduated playbook knows, and is then found to be
// nothing: all of it is done, told and taken back.
func TestStoryEveryStepAndBack(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{Playbook: graduated(t)}, nil)
	s.Defender.AddMachine(defendersim.Machine{ID: machineID, Name: "fin-lt-0147.corp.contoso.com", OS: "Windows11"})
	now := time.Now().UTC()
	a := defendersim.Alert{
		ID:         "da638994417204415533_-1184209733",
		IncidentID: 48213,
		Title:      "Ransomware behaviour",
		Severity:   "High",
		Status:     "New",
		Category:   "Ransomware",
		MachineID:  machineID,
		Created:    now,
		Updated:    now,
	}
	s.Defender.AddAlert(a, now)
	s.eventually("the isolation and the restriction", func() bool {
		return s.Defender.Isolated(machineID) && s.Defender.Restricted(machineID)
	})
	s.eventually("the mail about it", func() bool { return s.told("Isolated") })
	if got := s.kinds(); got != "CollectInvestigationPackage RestrictCodeExecution Isolate" {
		t.Errorf("asked for %s", got)
	}
	s.eventually("the tag", func() bool { return slices.Contains(s.tags(), "cordon-contained") })
	s.eventually("the update of the alert", func() bool { return s.Defender.Alerts()[0].Status == "InProgress" })
	if err := s.Defender.UpdateAlert(a.ID, func(a *defendersim.Alert) {
		a.Status, a.Classification = "Resolved", "FalsePositive"
	}); err != nil {
		t.Fatal(err)
	}
	s.eventually("the end of both", func() bool {
		return !s.Defender.Isolated(machineID) && !s.Defender.Restricted(machineID)
	})
	s.eventually("the tag to be taken off", func() bool { return len(s.tags()) == 0 })
	s.eventually("the mail about it", func() bool { return s.told("Released") })
}

// TestStoryObserveOverEveryStepWritesNothing asks for everything in observe mode: the whole decision is made, recorded
// and told, and the API sees no request but reads.
func TestStoryObserveOverEveryStepWritesNothing(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{Playbook: strings.Replace(graduated(t), "mode: enforce", "mode: observe", 1)}, nil)
	s.Defender.AddMachine(defendersim.Machine{ID: machineID, Name: "fin-lt-0147.corp.contoso.com", OS: "Windows11"})
	now := time.Now().UTC()
	s.Defender.AddAlert(defendersim.Alert{
		ID:         "da638994417204415533_-1184209733",
		IncidentID: 48213,
		Title:      "Ransomware behaviour",
		Severity:   "High",
		Status:     "New",
		Category:   "Ransomware",
		MachineID:  machineID,
		Created:    now,
		Updated:    now,
	}, now)
	s.eventually("the mail", func() bool { return s.told("Would isolate") && s.told("Would do: restriction of apps") })
	out := s.does(s.everything(), "run", "--alert", "da638994417204415533_-1184209733", "--observe", "--json")
	if !strings.Contains(out, "would collect an investigation package, would restrict apps, would isolate, would tag, "+
		"would update the alert") {
		t.Error(out)
	}
	if n := s.Defender.Writes(); n != 0 {
		t.Errorf("%d requests other than reads", n)
	}
}
