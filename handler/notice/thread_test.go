package notice

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordon/handler/ledger/notices"
	"cordon/local/judge"
	"cordon/local/tables"
)

// of is an event of the n-th machine of an incident, with a detail that no other has.
func of(n int, kind Kind, episode int) Event {
	e := about(kind, 0, 0, fmt.Sprintf("machine %d is %s in episode %d", n, kind, episode))
	e.MachineID = fmt.Sprintf("m%d", n)
	e.MachineName = fmt.Sprintf("pc-%d", n)
	e.AlertID = fmt.Sprintf("da%d", n)
	e.Episode = episode
	return e
}

// threadOf is the Message-ID that a mail's thread begins with.
func threadOf(m Mail) string {
	if len(m.References) == 0 {
		return m.ID
	}
	return m.References[len(m.References)-1]
}

// machinesIn are the machines that a mail tells of, by id.
func machinesIn(m Mail) []string {
	var ids []string
	for _, c := range judge.Claims(m.Text) {
		ids = append(ids, c.MachineID)
	}
	return slices.Compact(ids)
}

// threadsOf holds that all mails of a machine are in one thread, that a machine's own thread tells of no other, and
// that no mail came twice. It answers with the thread of each machine.
func threadsOf(t interface{ Errorf(string, ...any) }, mails []Mail) map[string]string {
	threads := map[string]string{}
	seen := map[string]bool{}
	for _, m := range mails {
		if seen[m.ID] {
			t.Errorf("%s came twice: %s", m.ID, m.Subject)
		}
		seen[m.ID] = true
		for _, id := range machinesIn(m) {
			if was, known := threads[id]; known && was != threadOf(m) {
				t.Errorf("%s is told of in the threads %s and %s", id, was, threadOf(m))
			}
			threads[id] = threadOf(m)
		}
	}
	shared := map[string][]string{}
	for id, thread := range threads {
		shared[thread] = append(shared[thread], id)
	}
	several := 0
	for _, ids := range shared {
		if len(ids) > 1 {
			several++
		}
	}
	if several > 1 || len(shared) > notices.MostThreads+1 {
		t.Errorf("%d threads, of which %d tell of several machines: %v", len(shared), several, shared)
	}
	return threads
}

func TestEachMachineOfAnIncidentHasAThread(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.minutely(t, of(0, Requested, 1), of(1, Requested, 1), of(1, Isolated, 1), of(0, Failed, 1))
	if len(d.mails) != 4 {
		t.Fatalf("%d mails", len(d.mails))
	}
	threads := threadsOf(t, d.mails)
	if threads["m0"] != d.mails[0].ID || threads["m1"] != d.mails[1].ID {
		t.Errorf("threads %v", threads)
	}
	for _, m := range d.mails {
		if len(machinesIn(m)) != 1 || !strings.Contains(m.Text, "\nIncident  48213\n") {
			t.Errorf("a mail of one machine and its incident says\n%s", m.Text)
		}
	}
}

// TestAnAttackOnManyMachinesIsAHandfulOfMails has 300 machines of one incident isolated at once.
func TestAnAttackOnManyMachinesIsAHandfulOfMails(t *testing.T) {
	t.Parallel()
	const machines = 300
	d := newDesk(t)
	for _, kind := range []Kind{Requested, Isolated} {
		before := len(d.mails)
		asked := len(d.ids)
		for n := range machines {
			d.tell(t, "incident:1", of(n, kind, 1))
		}
		d.deliver(t, asked)
		news := d.mails[before:]
		if len(news) != notices.MostThreads+1 {
			t.Errorf("%s: %d mails", kind, len(news))
		}
		told := map[string]bool{}
		for _, m := range news {
			for _, id := range machinesIn(m) {
				told[id] = true
			}
		}
		if len(told) != machines {
			t.Errorf("%s: told of %d machines", kind, len(told))
		}
	}
	threadsOf(t, d.mails)
	rest := fmt.Sprintf("%d machines: %d isolated", machines-notices.MostThreads, machines-notices.MostThreads)
	if !slices.ContainsFunc(d.mails, func(m Mail) bool { return strings.Contains(m.Subject, rest) }) {
		t.Errorf("no mail says %q", rest)
	}
}

// TestWhatMakesNoMailOfItsOwnGoesWithItsMachine has a request noted, and then mails of other machines.
func TestWhatMakesNoMailOfItsOwnGoesWithItsMachine(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.OnlyOutcomes = true
	d.minutely(t, of(0, Requested, 1), of(1, Requested, 1), of(1, Isolated, 1), of(0, Isolated, 1), of(0, Requested, 1))
	if len(d.mails) != 2 {
		t.Fatalf("%d mails", len(d.mails))
	}
	for i, id := range []string{"m1", "m0"} {
		m := d.mails[i]
		got := machinesIn(m)
		if !slices.Equal(got, []string{id}) || !strings.Contains(m.Text, "is requested in episode 1") {
			t.Errorf("the mail of %s tells of %v:\n%s", id, got, m.Text)
		}
	}
}

// TestMailsOfTheVersionBeforeAreSent has a group with one mail sent and one open, as the version before wrote it, which
// knew one thread a group.
func TestMailsOfTheVersionBeforeAreSent(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	put := func(partition, key string, properties map[string]any) {
		d.tables.PutRow("tnotices", tables.Row{
			PartitionKey: "tenant|" + partition,
			RowKey:       key,
			Properties:   properties,
		})
	}
	at := noon.Format(time.RFC3339)
	const group = "group|incident:1"
	put(group, "head", map[string]any{"Open": 2, "Last": 2})
	first := map[string]any{"Group": "incident:1", "Seq": 1, "State": "sent", "DueAt": at, "SentAt": at}
	put(group, "seq:00000001", first)
	second := map[string]any{"Group": "incident:1", "Seq": 2, "State": "open", "DueAt": at}
	put(group, "seq:00000002", second)
	put("due", "incident:1|2", second)
	put(group, "entry:a", map[string]any{"Seq": 1, "At": at,
		"Body": `{"kind":"requested","machine":"m0","name":"pc-0","episode":1,"detail":"of before"}`})
	put(group, "entry:b", map[string]any{"Seq": 2, "At": at,
		"Body": `{"kind":"isolated","machine":"m0","name":"pc-0","episode":1,"detail":"of before, too"}`})
	noMachine := of(0, NoMachine, 0)
	noMachine.MachineID = ""
	d.tell(t, "incident:1", noMachine)
	d.tell(t, "incident:1", of(0, LiftsSoon, 1))
	d.advance(2 * time.Minute)
	if err := d.Resend(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.deliver(t, 0)
	if len(d.mails) != 2 {
		t.Fatalf("%d mails of messages %v", len(d.mails), d.ids)
	}
	slices.SortFunc(d.mails, func(a, b Mail) int { return strings.Compare(a.ID, b.ID) })
	old, own := d.mails[0], d.mails[1]
	if old.ID != d.messageID("incident:1", 2) || threadOf(old) != d.messageID("incident:1", 1) ||
		!strings.Contains(old.Text, "of before, too") || !strings.Contains(old.Text, string(NoMachine)) {
		t.Errorf("%s in the thread %s:\n%s", old.ID, threadOf(old), old.Text)
	}
	if len(own.References) != 0 || !strings.Contains(own.Text, "of before, too") {
		t.Errorf("%s refers to %v:\n%s", own.ID, own.References, own.Text)
	}
}

// TestWhateverComesInWhateverOrderEachMachineIsToldOfInItsThread tells of machines by chance, while the mail server
// comes and goes. Everything that was told stands in a mail, and no mail comes twice.
func TestWhateverComesInWhateverOrderEachMachineIsToldOfInItsThread(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		d := newDesk(t)
		d.OnlyOutcomes = rapid.Bool().Draw(r, "only outcomes")
		machines := rapid.IntRange(1, notices.MostThreads+3).Draw(r, "machines")
		episode := make([]int, machines)
		var told []Event
		tell := func(n int, kind Kind) {
			e := of(n, kind, episode[n])
			e.Again = kind == Failed
			told = append(told, e)
			d.tell(t, "incident:1", e)
		}
		for range rapid.IntRange(1, 15).Draw(r, "steps") {
			n := rapid.IntRange(0, machines-1).Draw(r, "machine")
			switch rapid.IntRange(0, 5).Draw(r, "what") {
			case 0, 1:
				episode[n]++
				tell(n, Requested)
			case 2:
				if episode[n] > 0 {
					tell(n, Failed)
				}
			case 3:
				d.fail = nil
				if rapid.Bool().Draw(r, "down") {
					d.fail = errors.New("451 later")
				}
			default:
				d.advance(time.Duration(rapid.IntRange(1, 120).Draw(r, "seconds")) * time.Second)
				d.deliverDue(t)
			}
		}
		d.fail = nil
		for n := range machines {
			if episode[n] > 0 {
				tell(n, Isolated)
			}
		}
		for left := 1; left > 0; {
			d.advance(2 * time.Minute)
			d.deliverDue(t)
			unsent, err := d.Notices.Unsent(t.Context())
			if err != nil {
				r.Fatal(err)
			}
			left = len(unsent)
		}
		threadsOf(r, d.mails)
		for _, e := range told {
			if !slices.ContainsFunc(d.mails, func(m Mail) bool { return strings.Contains(m.Text, e.Detail) }) {
				r.Errorf("nobody was told that %s", e.Detail)
			}
		}
	})
}

// deliverDue answers every message that is due.
func (d *desk) deliverDue(t *testing.T) {
	t.Helper()
	for i := 0; i < len(d.ids); i++ {
		if d.at[i].After(d.clock()) {
			continue
		}
		if err := d.Deliver(t.Context(), d.queued[d.ids[i]]); err != nil {
			t.Fatal(err)
		}
		d.at[i] = d.clock().Add(1000 * time.Hour) // settled
	}
}
