package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"cordon/local/world"
)

// everything is a person with all the settings of the app.
func (s *story) everything() []string { return slices.Sorted(maps.Keys(s.Settings)) }

// does runs a command that has to succeed, and returns what it printed.
func (s *story) does(settings []string, args ...string) string {
	s.t.Helper()
	code, stdout, stderr := s.direct(settings, args...)
	if code != 0 {
		s.t.Fatalf("cordon %s: code %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

// refuses runs a command that has to fail with the code and say why.
func (s *story) refuses(code int, why string, settings []string, args ...string) {
	s.t.Helper()
	got, stdout, stderr := s.direct(settings, args...)
	if got != code || !strings.Contains(stdout+stderr, why) {
		s.t.Errorf("cordon %s: code %d, want %d and %q\n%s%s", strings.Join(args, " "), got, code, why, stdout, stderr)
	}
}

// TestStoryAPersonPausesContinuesAndReleases goes through a night: acting is paused, an alert is held, somebody
// resumes, continues with it, and releases the machine in the end.
func TestStoryAPersonPausesContinuesAndReleases(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, nil)
	ledger := []string{"CORDON_TENANT_ID", "AzureWebJobsStorage"}
	const alertID = "da638994417248137806_-1184209733"
	s.marked()
	s.refuses(2, "wants --reason", ledger, "pause", "--yes")
	s.refuses(2, "wants --yes", ledger, "pause", "--reason", "x")
	if out := s.does(ledger, "resume", "--yes"); out != "acting is not paused\n" {
		t.Error(out)
	}
	s.does(ledger, "pause", "--reason", "the CMDB is wrong", "--by", "alice", "--yes")
	s.highAlert()
	s.eventually("the mail that says that it is held", func() bool { return s.told("Not isolated: held for a person") })
	if n := s.isolations(); n != 0 {
		t.Errorf("%d isolations while acting is paused", n)
	}
	if status, body := s.get("/api/health"); status != 200 ||
		!strings.Contains(body, `"pause":{"paused":true,"by":"alice","reason":"the CMDB is wrong"`) ||
		!strings.Contains(body, `"held":1`) {
		t.Errorf("health: %d %s", status, body)
	}
	var list struct{ Held []heldLine }
	if err := json.Unmarshal([]byte(s.does(ledger, "held", "list", "--json")), &list); err != nil ||
		len(list.Held) != 1 || list.Held[0].Over != "" ||
		!strings.Contains(list.Held[0].Reason, "acting is paused: the CMDB is wrong, by alice since ") {
		t.Fatalf("%+v, %v", list, err)
	}
	held := list.Held[0].AlertID
	s.refuses(2, "wants --observe", s.everything(), "run", "--alert", held)
	if out := s.does(s.everything(), "run", "--alert", held,
		"--observe"); !strings.Contains(out, "acting is paused: the CMDB is wrong") ||
		!strings.Contains(out, "run "+held+":v1: held: ") ||
		!strings.HasSuffix(out, "Nothing was done, recorded or mailed.\n") {
		t.Error(out)
	}
	s.refuses(1, "acting is paused", s.everything(), "held", "run", held, "--reason", "x", "--yes")
	s.refuses(1, "nothing is held of this alert", ledger, "held", "drop", alertID, "--reason", "x", "--yes")
	s.does(ledger, "resume", "--by", "alice", "--yes")
	s.does(s.everything(), "held", "run", held, "--reason", "spoke to the owner", "--by", "bob", "--yes")
	s.eventually("the isolation", func() bool { return s.Defender.Isolated(machineID) })
	s.eventually("the mail about it", func() bool { return s.told("Isolated") })
	s.refuses(1, "nothing is held of this alert", s.everything(), "held", "run", held, "--reason", "again", "--yes")

	if out := s.does(s.everything(), "isolated"); !strings.Contains(out, "fin-lt-0147.corp.contoso.com") ||
		!strings.Contains(out, machineID[:8]) || strings.Contains(out, "not by Cordon") {
		t.Error(out)
	}
	s.refuses(1, "no isolated machine has the id or name ws-1", s.everything(), "release", "ws-1", "--reason", "x",
		"--yes")
	s.does(s.everything(), "release", "FIN-LT-0147", "--reason", "reimaged", "--by", "bob", "--yes")
	s.eventually("the release", func() bool { return !s.Defender.Isolated(machineID) })
	s.eventually("the mail about it", func() bool { return s.told("Released") })
	s.eventually("the list to be empty", func() bool {
		return s.does(s.everything(), "isolated") == "no machine is isolated\n"
	})
	if n := s.isolations(); n != 2 { // the isolation and the release
		t.Errorf("%d machine actions", n)
	}
}

// heldLine is what held list says of one alert.
type heldLine struct{ AlertID, Reason, Over string }
