package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"cordon/local/defendersim"
	"cordon/local/judge"
	"cordon/local/world"
)

// outcomes are the outcomes of the newest run of each alert.
func (s *story) outcomes() map[string]string {
	newest := map[string]judge.Run{}
	for _, r := range s.Runs() {
		if r.Version >= newest[r.AlertID].Version {
			newest[r.AlertID] = r
		}
	}
	all := map[string]string{}
	for id, r := range newest {
		all[id] = r.Outcome
	}
	return all
}

// isolationsOf counts the isolations of the machine that alertOn made.
func (s *story) isolationsOf(n int) int {
	count := 0
	for _, a := range s.Defender.Actions() {
		if a.MachineID == fmt.Sprintf("%040x", 0xc0ffee00+n) && a.Type == defendersim.Isolate {
			count++
		}
	}
	return count
}

// TestStoryTheLedgerIsLostAndPutBack goes through docs/restore.md: copies are made, the tables are lost, a new ledger
// begins, a person continues; they are lost again, and a copy is put back. In between nothing acts again.
func TestStoryTheLedgerIsLostAndPutBack(t *testing.T) {
	t.Parallel()
	// The broker knows the messages of the lost ledger and drops them a second time: the sweep sends them.
	s := newStory(t, world.Options{}, map[string]string{"CORDON_SWEEP_AFTER": "3s"})
	s.marked()
	isolated, _ := s.alertOn(1, "High", false)
	released, _ := s.alertOn(2, "High", false)
	both := func(outcome string) func() bool {
		return func() bool {
			is := s.outcomes()
			return is[isolated] == outcome && is[released] == outcome
		}
	}
	s.eventually("two isolations", both("isolated"))
	if _, err := s.Defender.PortalRelease(fmt.Sprintf("%040x", 0xc0ffee02), "person@contoso.com", "clean"); err != nil {
		t.Fatal(err)
	}
	s.eventually("the mail about the release", func() bool { return s.mailed("Released") })

	// A copy while the app runs, one when it is stopped.
	folder := t.TempDir()
	s.does(s.everything(), "export", "--to", filepath.Join(folder, "running.jsonl.gz"))
	s.host.Close()
	var made struct {
		File  string
		Rows  int
		Moved bool
	}
	if err := json.Unmarshal([]byte(s.does(s.everything(), "export", "--to", folder, "--json")), &made); err != nil ||
		made.Rows < 20 || made.Moved || filepath.Dir(made.File) != folder {
		t.Fatalf("%+v, %v", made, err)
	}
	s.refuses(1, "never overwrites", s.everything(), "export", "--to", made.File)
	s.refuses(1, "the tables are not empty", s.everything(), "import", made.File, "--reason", "x", "--yes")

	// All is lost, and the app starts anew.
	s.Tables.Lose()
	s.host = s.open(nil).Host
	s.eventually("what a new ledger holds", both("held"))
	later, _ := s.alertOn(3, "High", false)
	s.eventually("an isolation for what is new", func() bool { return s.outcomes()[later] == "isolated" })
	if one, two := s.isolationsOf(1), s.isolationsOf(2); one != 1 || two != 1 {
		t.Errorf("the new ledger isolated again: %d, %d", one, two)
	}
	if out := s.does(s.everything(), "held", "list"); strings.Count(out, "ws-000") != 2 {
		t.Errorf("held list:\n%s", out)
	}
	s.does(s.everything(), "held", "drop", released, "--reason", "it was clean", "--yes")
	s.does(s.everything(), "held", "run", isolated, "--reason", "it has to stay isolated", "--yes")
	s.eventually("the isolation that stands, taken over", func() bool { return s.outcomes()[isolated] == "isolated" })

	// It is lost again, and the copy is put back.
	s.host.Close()
	s.Tables.Lose()
	out := s.does(s.everything(), "import", made.File, "--reason", "lost twice", "--yes")
	if !strings.Contains(out, "are held for a person") {
		t.Error(out)
	}
	s.host = s.open(nil).Host
	known := s.outcomes()
	if known[isolated] != "isolated" || known[released] != "isolated" {
		t.Errorf("after the import: %v", known)
	}
	s.eventually("what the copy does not know, held", func() bool { return s.outcomes()[later] == "held" })
	last, _ := s.alertOn(4, "High", false)
	s.eventually("an isolation for what is new", func() bool { return s.outcomes()[last] == "isolated" })
	for n, want := range []int{1: 1, 2: 1, 3: 1, 4: 1} {
		if got := s.isolationsOf(n); got != want {
			t.Errorf("machine %d was isolated %d times", n, got)
		}
	}
	s.noneSetAside()
}

// TestStoryAStoppedAppMovesToAnotherAccountAndGoesOn exports a ledger in which an alert is open, and imports it under
// another prefix with the word of a person that nothing was done since.
func TestStoryAStoppedAppMovesToAnotherAccountAndGoesOn(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, map[string]string{"CORDON_FOLLOW_SCHEDULE": "0 0 0 1 1 *"})
	s.marked()
	open, _ := s.alertOn(1, "High", false)
	s.eventually("the request", func() bool { return s.isolationsOf(1) == 1 })
	s.eventually("the run to wait", func() bool {
		for _, r := range s.Runs() {
			if r.AlertID == open && r.State == "waiting" {
				return true
			}
		}
		return false
	})
	s.host.Close()
	file := filepath.Join(t.TempDir(), "record.jsonl.gz")
	s.does(s.everything(), "export", "--to", file)
	s.Settings["CORDON_TABLE_PREFIX"] = "moved"
	s.Settings["CORDON_FOLLOW_SCHEDULE"] = "* * * * * *"
	unseen, _ := s.alertOn(2, "High", false) // while no app runs
	out := s.does(s.everything(), "import", file, "--complete", "--reason", "another account", "--yes")
	if !strings.Contains(out, "the ledger goes on") {
		t.Error(out)
	}
	s.host = s.open(nil).Host
	moved := func() map[string]string {
		all := map[string]string{}
		for _, r := range judge.Runs(s.Tables, "moved") {
			all[r.AlertID] = r.Outcome
		}
		return all
	}
	s.eventually("both alerts to be answered", func() bool {
		is := moved()
		return is[open] == "isolated" && is[unseen] == "isolated"
	})
	if one, two := s.isolationsOf(1), s.isolationsOf(2); one != 1 || two != 1 {
		t.Errorf("%d and %d isolations", one, two)
	}
}
