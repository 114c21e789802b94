package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/budget"
	"cordon/handler/ledger/decisions"
	"cordon/handler/ledger/findings"
	"cordon/handler/ledger/held"
	"cordon/handler/ledger/hunts"
	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/sessions"
	"cordon/handler/ledger/starts"
	"cordon/handler/ledger/switches"
	"cordon/handler/ledger/tallies"
	"cordon/handler/machine"
	"cordon/local/tables"
)

// TestRowsStandWhereTheyEverStood writes every kind of row once and holds tables, keys and columns against
// testdata/rows.txt: a version that looks elsewhere, or writes otherwise, would forget what the one before did.
func TestRowsStandWhereTheyEverStood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, rowsStand) // a reservation counts the time that passes
}

func rowsStand(t *testing.T) {
	s := openedIn(t, tables.New(tables.Options{}))
	s.Neighbours.Kept = true
	writeEveryKind(t, s)
	all := everyRow(t, s)
	want, err := os.ReadFile("testdata/rows.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(all, "\n") + "\n"; got != string(want) {
		t.Errorf("the rows are now:\n%s", got)
	}
}

// writeEveryKind writes a row of every kind.
func writeEveryKind(t *testing.T, s *Store) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	writeRuns(t.Context(), s, must)
	writeActions(t.Context(), s, must)
	writeTellings(t.Context(), s, must)
	writeFacts(t.Context(), s, must)
}

// writeRuns writes alerts, runs, findings and what is held.
func writeRuns(ctx context.Context, s *Store, must func(error)) {
	a := sampleAlert()
	a.ID, a.IncidentID = "da'1|x", 7
	_, sha := alert.Snapshot(a)
	_, err := s.Runs.Observe(ctx, runs.Observation{Alert: a, Hash: alert.DecisionHash(a), SnapshotSHA: sha, At: noon})
	must(err)
	_, err = s.Runs.Update(ctx, a.ID, 1, func(r *runs.Run) (bool, error) {
		r.Steps = runs.Steps{{Key: "isolate", Latch: latches.Isolation}, {Key: "scan:Quick", Latch: "scan:Quick"}}
		r.Begun = starts.Starts{}.Begin(starts.Start{Process: "p", Attempt: 2, At: noon})
		r.Wait(latches.Isolation, 3, "waiting for action a", noon)
		r.CountReissue(latches.Isolation)
		r.Finish("scan:Quick", "scanned", "by b", noon)
		r.Tell("isolate|m1=requested")
		return true, r.SetPlan("plan", "short")
	})
	must(err)
	_, err = s.Runs.Asked(ctx, "asked", noon)
	must(err)
	counted := tallies.Counted{
		Runs:   2,
		Counts: []tallies.Count{{Rule: "contain", Mode: "enforce", Outcome: "held", Runs: 2}},
	}
	counted.Hours[12].Add([]string{"held"})
	counted.Hours[12].Isolated(90 * time.Second)
	must(s.Tallies.Put(ctx, noon, counted, noon))
	must(s.Decisions.Put(ctx, decisions.Record{
		AlertID:    a.ID,
		Version:    1,
		ObservedAt: noon,
		MachineID:  "m1",
		Body:       []byte("body"),
	}))
	f := findings.Finding{
		ID:        alert.FindingID("tools", "0a"),
		Hunt:      "tools",
		Severity:  "High",
		MachineID: "m1",
		FoundAt:   noon,
	}
	must(f.SetRow(map[string]string{"DeviceId": "m1"}))
	_, err = s.Findings.Observe(ctx, f, noon)
	must(err)
	h := held.Entry{
		AlertID:   a.ID,
		Version:   1,
		MachineID: "m1",
		At:        noon,
		Steps:     held.Steps{{Key: "isolate", Step: "isolate Full", Reason: "why"}},
	}
	must(s.Held.Add(ctx, h, machine.Machine{ID: "m1"}))
}

// writeActions writes latches, budgets and caps that hold something.
func writeActions(ctx context.Context, s *Store, must func(error)) {
	l, err := s.Latches.Of(ctx, "m1", latches.Isolation)
	must(err)
	l.Episode, l.ReleasedAt, l.EndReason = 2, noon, "released by alice"
	l = latches.NextEpisode(l)
	must(s.Latches.Save(ctx, &l))
	must(s.Latches.Intend(ctx, &l, latches.Joiner{AlertID: "da'1|x", Version: 1, Groups: "g", JoinedAt: noon}))
	must(s.Latches.AddOpen(ctx, "m1", latches.Isolation))
	for request, severity := range []alert.Severity{alert.High, alert.Low} {
		_, err = s.Budget.Reserve(ctx, budget.Reservation{
			Action:   "isolate",
			Key:      "m1:e3",
			Request:  fmt.Sprint(request),
			Severity: severity,
			At:       noon.Add(time.Duration(request) * time.Second),
			Machine:  "m1",
			Rule:     "contain",
			Group:    "g",
			Quota:    budget.Quota{PerMinute: 1},
		})
		must(err)
	}
	trip, _, err := s.Budget.Trip(ctx, "isolate/an hour", "5 of at most 5", noon, time.Hour)
	must(err)
	must(s.Budget.TripTold(ctx, trip))
}

// writeTellings writes notices and hunts.
func writeTellings(ctx context.Context, s *Store, must func(error)) {
	for _, key := range []string{"first", "second"} {
		_, _, err := s.Notices.Add(ctx, event("incident:7", key), noon.Add(time.Minute))
		must(err)
	}
	_, err := s.Notices.Claim(ctx, "incident:7", 1, noon, time.Minute)
	must(err)
	_, _, err = s.Notices.Add(ctx, event("incident:8", "third"), noon.Add(time.Minute))
	must(err)
	sent, err := s.Notices.Claim(ctx, "incident:8", 1, noon, time.Minute)
	must(err)
	must(s.Notices.Done(ctx, sent.Notice, noon.Add(time.Second)))
	ofMachine := event("incident:9", "fourth")
	ofMachine.Machine = "m1"
	must(s.Notices.Note(ctx, ofMachine))
	ofMachine.Key = "fifth"
	_, _, err = s.Notices.Add(ctx, ofMachine, noon.Add(time.Minute))
	must(err)
	h, err := s.Hunts.Of(ctx, "tools")
	must(err)
	h.Due = noon
	must(s.Hunts.Save(ctx, &h))
	must(s.Hunts.PutTurn(ctx, hunts.Turn{Hunt: "tools", Due: noon, New: 1},
		hunts.Result{Columns: []string{"DeviceId"}}))
	must(s.Hunts.Remember(ctx, "tools", []string{"0a"}, noon))
}

// writeFacts writes what is known of Cordon itself.
func writeFacts(ctx context.Context, s *Store, must func(error)) {
	must(s.Switches.Begin(ctx, noon))
	w, err := s.Switches.Watermark(ctx, "")
	must(err)
	w.Since = noon
	_, err = s.Switches.Advance(ctx, w, noon.Add(time.Minute))
	must(err)
	_, err = s.Switches.SetPause(ctx,
		switches.Turn{Paused: true, By: "alice", Reason: "maintenance", At: noon})
	must(err)
	must(s.Switches.PauseEndpoint(ctx, "POST /api/machines/{id}/isolate", noon, noon.Add(time.Minute)))
	must(s.Switches.NoteMet(ctx, []switches.Met{{Fact: "rbacGroupName", Machine: "m1"}}, noon))
	_, err = s.Switches.AskToLookUp(ctx, "asked", noon)
	must(err)
	o, _, _, err := s.Journal.Give(ctx, journal.Order{Command: "c-1", Digest: "d", At: noon})
	must(err)
	for _, object := range []string{"m1", "m2"} {
		e, _, err := s.Journal.Begin(ctx, o, journal.Entry{Verb: "release", Object: object, By: "operator@contoso.com"}, noon)
		must(err)
		if object == "m1" {
			_, err = s.Journal.End(ctx, e, journal.End{State: journal.Done, Result: "asked for", At: noon})
			must(err)
		}
	}
	_, err = s.Sessions.Key(ctx)
	must(err)
	_, err = s.Sessions.Begin(ctx, "id", sessions.Session{Digest: "d", Name: "duty@example.com", Roles: "Cordon.Reader",
		ObjectID: "o", Since: noon, At: noon, Used: noon})
	must(err)
	_, err = s.Sessions.End(ctx, "id", noon, "signed out")
	must(err)
	s.Trouble.Note(ctx, noon, "PollAlerts", fmt.Errorf("no answer"))
	s.Trouble.NoteOver(ctx, noon.Add(time.Minute), "PollAlerts")
}

// random is a rand.Text, as in the keys of what is stored in parts.
var random = regexp.MustCompile(`\b[A-Z2-7]{26}\b`)

// readable is a row without what differs each time, and with what is packed in it.
func readable(t *testing.T, row map[string]any) string {
	t.Helper()
	for _, differs := range []string{"Nonce", "Timestamp", "Timestamp@odata.type", "odata.etag"} {
		delete(row, differs)
	}
	for name, value := range row {
		if text, ok := value.(string); ok && row[name+"@odata.type"] == "Edm.Binary" {
			var body []byte
			if err := json.Unmarshal(fmt.Appendf(nil, "%q", text), &body); err != nil {
				t.Fatal(err)
			}
			if unpacked, err := rows.Unpack(body); err == nil {
				row[name] = string(unpacked)
			}
		}
	}
	var line bytes.Buffer
	writer := json.NewEncoder(&line)
	writer.SetEscapeHTML(false)
	if err := writer.Encode(row); err != nil {
		t.Fatal(err)
	}
	return random.ReplaceAllString(strings.TrimSpace(line.String()), "RANDOM")
}
