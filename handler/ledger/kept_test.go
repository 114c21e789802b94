package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/rows"
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
	server := tables.New(tables.Options{})
	s, err := Open(Options{
		ConnectionString: server.ConnectionString("127.0.0.1:1"),
		Prefix:           "t",
		Tenant:           "ten/ant",
		Neighbours:       true,
		Transport:        server,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	writeEveryKind(t, s)
	var all []string
	for _, name := range rows.Names() {
		for row, err := range rows.Each[map[string]any](t.Context(), s.Table(name), "PartitionKey ge '!'", "") {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, name+" "+readable(t, row))
		}
	}
	slices.Sort(all)
	want, err := os.ReadFile("testdata/rows.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(all, "\n") + "\n"; got != string(want) {
		t.Errorf("the rows are now:\n%s", got)
	}
}

// writeEveryKind writes a row of every kind that the services of a run write.
func writeEveryKind(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	a := sampleAlert()
	a.ID, a.IncidentID = "da'1|x", 7
	observe(t, s, a, noon)
	_, err := s.UpdateRun(ctx, a.ID, 1, func(r *Run) error {
		r.Steps = StepStates{{Key: "isolate", Latch: Isolation}, {Key: "scan:Quick", Latch: "scan:Quick"}}
		r.Begun = Starts{}.Begin(Start{Process: "p", Attempt: 2, At: noon})
		r.Wait(Isolation, 3, "waiting for action a", noon)
		r.CountReissue(Isolation)
		r.Finish("scan:Quick", "scanned", "by b", noon)
		r.Tell("isolate|m1=requested")
		return r.SetPlan("plan", "short")
	})
	must(err)
	_, err = s.Asked(ctx, "asked", noon)
	must(err)
	f := Finding{ID: FindingID("tools", "0a"), Hunt: "tools", Severity: "High", MachineID: "m1", FoundAt: noon}
	must(f.SetRow(map[string]string{"DeviceId": "m1"}))
	_, err = s.ObserveFinding(ctx, f, noon)
	must(err)
	h := Held{AlertID: a.ID, Version: 1, MachineID: "m1", At: noon, Steps: HeldSteps{{"isolate", "isolate Full", "why"}}}
	must(s.AddHeld(ctx, h, machine.Machine{ID: "m1"}))
	l, err := s.Latch(ctx, "m1", Isolation)
	must(err)
	l.Episode, l.ReleasedAt, l.EndReason = 2, noon, "released by alice"
	l = NextEpisode(l)
	must(s.SaveLatch(ctx, &l))
	must(s.Intend(ctx, &l, Joiner{AlertID: a.ID, Version: 1, Groups: "g", JoinedAt: noon}))
	must(s.AddOpen(ctx, "m1", Isolation))
	for request, severity := range []alert.Severity{alert.High, alert.Low} {
		_, err = s.Reserve(ctx, Reservation{
			Action:   "isolate",
			Key:      "m1:e3",
			Request:  fmt.Sprint(request),
			Severity: severity,
			At:       noon.Add(time.Duration(request) * time.Second),
			Machine:  "m1",
			Rule:     "contain",
			Group:    "g",
			Quota:    Quota{PerMinute: 1},
		})
		must(err)
	}
	trip, _, err := s.Trip(ctx, "isolate/an hour", "5 of at most 5", noon, time.Hour)
	must(err)
	must(s.TripTold(ctx, trip))
	s.NoteTrouble(ctx, noon, "PollAlerts", fmt.Errorf("no answer"))
	s.NoteTroubleOver(ctx, noon.Add(time.Minute), "PollAlerts")
}

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
	return strings.TrimSpace(line.String())
}
