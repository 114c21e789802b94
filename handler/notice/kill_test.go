package notice_test

import (
	"fmt"
	"testing"
	"time"

	"cordon/handler/internal/postal"
	"cordon/handler/ledger/notices"
	"cordon/handler/notice"
	"cordon/local/judge"
)

// TestKilledAtAnyCallEachMachineIsToldOfInItsThread kills the process at every call of telling of the machines of an
// incident, one of which has no thread of its own, and of sending the mails. Whoever was killed tells it again.
func TestKilledAtAnyCallEachMachineIsToldOfInItsThread(t *testing.T) {
	t.Parallel()
	for breaths := 0; killedAtTelling(t, breaths, false); breaths++ {
		killedAtTelling(t, breaths, true)
	}
}

// toldMachines are the machines that are told of: the last two share the thread of their incident.
const toldMachines = notices.MostThreads + 2

func killedAtTelling(t *testing.T, breaths int, mute bool) (died bool) {
	t.Helper()
	w := postal.New(t)
	dying, alive := w.Start(breaths, mute), w.Start(-1, false)
	tell(alive, notice.Requested, 0, notices.MostThreads-1)
	w.Advance(time.Minute)
	alive.Deliver()
	tell(dying, notice.Requested, notices.MostThreads-1, toldMachines)
	tell(dying, notice.Isolated, 0, 1)
	w.Advance(time.Minute)
	dying.Deliver()
	died = dying.Died()
	for _, kind := range []notice.Kind{notice.Requested, notice.Isolated} {
		tell(alive, kind, 0, 1)
		tell(alive, kind, notices.MostThreads-1, toldMachines)
		for left := 1; left > 0; {
			w.Advance(2 * time.Minute)
			if err := alive.Outbox.Resend(t.Context()); err != nil {
				t.Fatal(err)
			}
			alive.Deliver()
			unsent, err := alive.Ledger.Notices.Unsent(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			left = len(unsent)
		}
	}
	judgeTold(t, fmt.Sprintf("killed after %d calls (answer lost: %v)", breaths, mute), w.Mails(), died)
	return died
}

// tell tells the same of some of the machines, as long as the process lives.
func tell(p *postal.Process, kind notice.Kind, from, to int) {
	for n := from; n < to && !p.Died(); n++ {
		p.Tell(7, notice.Event{
			Kind:        kind,
			RunID:       fmt.Sprintf("da%d:v1", n),
			AlertID:     fmt.Sprintf("da%d", n),
			Incident:    7,
			MachineID:   fmt.Sprintf("m%d", n),
			MachineName: fmt.Sprintf("pc-%d", n),
			Episode:     1,
		})
	}
}

// judgeTold asks that people know of each machine that it is isolated, by mails of one thread, none of which came twice
// but for one whose fate a killed process did not learn.
func judgeTold(t *testing.T, what string, mails []notice.Mail, died bool) {
	t.Helper()
	again := 0
	ids, thread, last := map[string]bool{}, map[string]string{}, map[string]string{}
	for _, m := range mails {
		if ids[m.ID] {
			again++
		}
		ids[m.ID] = true
		of := m.ID
		if len(m.References) > 0 {
			of = m.References[0]
		}
		for _, c := range judge.Claims(m.Text) {
			if thread[c.MachineID] == "" {
				thread[c.MachineID] = of
			}
			if thread[c.MachineID] != of {
				t.Errorf("%s: %s is told of in two threads", what, c.MachineID)
			}
			last[c.MachineID] = c.Outcome
		}
	}
	if again > 1 || again == 1 && !died {
		t.Errorf("%s: %d mails came again", what, again)
	}
	own := map[string]bool{}
	for n := range toldMachines {
		id := fmt.Sprintf("m%d", n)
		own[thread[id]] = true
		want := "Isolated"
		if n > 0 && n < notices.MostThreads-1 {
			want = "Isolation requested, not confirmed yet"
		}
		if last[id] != want {
			t.Errorf("%s: the last word on %s is %q", what, id, last[id])
		}
	}
	if len(own) != notices.MostThreads+1 {
		t.Errorf("%s: %d threads", what, len(own))
	}
}
