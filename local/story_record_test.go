package main

import (
	"strings"
	"testing"

	"cordon/handler/operate/wire"
	"cordon/local/scenario"
	"cordon/local/world"
)

// TestStoryAStrangerAnswersFromTheRecordAlone asks of a run what somebody asks who was not there: which rule and clause
// on which value, why not the other rule, what was sent to whom, who released it and why. Then the run is found by
// each filter, and its facts are erased for a person's right.
func TestStoryAStrangerAnswersFromTheRecordAlone(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{Playbook: nightRules}, nil)
	operator := s.signedIn(scenario.Operator)
	reader := s.signedIn(scenario.Reader)
	alertID, machine := s.alertOn(1, "High", false)
	other, _ := s.alertOn(2, "Low", false)
	s.eventually("the isolation", func() bool { return len(reader.isolated()["contain"]) == 1 })
	operator.does("release", machine, "--reason", "reimaged by the desk", "--yes")
	s.eventually("the release", func() bool { return len(reader.isolated()) == 0 })
	s.eventually("the end of the run and its mails", func() bool {
		var run wire.Run
		reader.reads(&run, "run", "show", alertID)
		sent := 0
		for _, told := range run.Told {
			if told.State == "sent" {
				sent++
			}
		}
		return run.State == "closed" && sent > 0 && sent == len(run.Told)
	})

	shown := reader.does("run", "show", alertID)
	for question, answer := range map[string]string{
		"which rule":            "rule      contain",
		"which clause":          `alert.severity == "High"`,
		"on which value":        `alert.severity = "High"`,
		"why not the other":     "1. noisy: no match",
		"which value there":     `false  alert.severity == "Medium"`,
		"which rail":            "passed    not protected",
		"what was sent":         "told by mail:",
		"to whom":               "soc@example.org",
		"which action":          "machine action ",
		"who released it":       scenario.Operator,
		"and why":               "why: reimaged by the desk",
		"which machine":         machine + ".corp.contoso.com",
		"where in the portal":   "https://security.microsoft.com/alerts/" + alertID,
		"what today's book is":  "today: the playbook is the same, and decides the same",
		"what the machine was":  "Windows11",
		"what became of a step": "isolated",
	} {
		if !strings.Contains(shown, answer) {
			t.Errorf("%s: %q is not in\n%s", question, answer, shown)
		}
	}
	s.becomesACase(reader, alertID, machine)
	found := func(want int, filters ...string) {
		t.Helper()
		var all wire.Runs
		reader.reads(&all, append([]string{"runs"}, filters...)...)
		if len(all.Runs) != want || want == 1 && all.Runs[0].AlertID != alertID {
			t.Errorf("runs %v: %+v", filters, all.Runs)
		}
	}
	s.eventually("the end of the other run", func() bool {
		var all wire.Runs
		reader.reads(&all, "runs", "--outcome", "no rule")
		return len(all.Runs) == 1 && all.Runs[0].AlertID == other
	})
	found(2)
	found(1, "--machine", machine)
	found(1, "--machine", machine+".corp.contoso.com", "--outcome", "isolated")
	found(1, "--rule", "contain", "--since", "1h")
	found(1, "--severity", "High")
	found(1, "--incident", "50001")
	found(1, "--alert", alertID)
	found(0, "--rule", "noisy")
	found(0, "--until", "1h")
	var counts wire.Counts
	s.eventually("the counts", func() bool {
		reader.reads(&counts, "runs", "count")
		return len(counts.Days) > 0
	})

	reader.refuses("Cordon.Operator", "erase", "--machine", machine, "--reason", "x", "--yes")
	said := operator.does("erase", "--machine", machine, "--reason", "request 17", "--yes")
	if !strings.Contains(said, "erased the facts of 1 runs") {
		t.Error(said)
	}
	after := reader.does("run", "show", alertID)
	record, _, _ := strings.Cut(after, "by hand:") // the journal stays
	if strings.Contains(record, machine) || strings.Contains(after, `alert.severity = "High"`) ||
		!strings.Contains(after, "rule      contain") || !strings.Contains(after, "facts: they are not kept") {
		t.Errorf("after it was erased:\n%s", after)
	}
	journal := reader.does("journal")
	if !strings.Contains(journal, "erase") || !strings.Contains(journal, "request 17") {
		t.Error(journal)
	}
}
