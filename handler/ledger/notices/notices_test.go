package notices

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/rows/rowstest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestNoticesHold holds what is promised of notices.
func TestNoticesHold(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, In, map[string]func(*testing.T, *Store){
		"an event is told once and a claimed notice never grows":  tellings,
		"a notice is unsent until it is marked, and claims lapse": claims,
		"what is noted goes with the next notice, once":           noted,
		"machines have threads, as many as are few":               threaded,
		"many tellers at once lose nothing":                       tellers,
		"what is sent is listed, newest first":                    sent,
		"what is sent at once was neither sent nor in hand":       hastened,
		"what is dropped had failed and was not in hand":          givenUp,
	})
}

// told is an event about a machine, or about none.
func told(machine, key string) Told {
	return Told{
		Group:   "incident:1",
		Machine: machine,
		Key:     key,
		Event:   map[string]string{"k": key},
		At:      noon,
	}
}

func add(t *testing.T, s *Store, eventKey string) (Notice, bool) {
	t.Helper()
	n, opened, err := s.Add(t.Context(), told("", eventKey), noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return n, opened
}

func tellings(t *testing.T, s *Store) {
	first, opened := add(t, s, "a")
	if !opened || first.Seq != 1 {
		t.Fatalf("%+v, %v", first, opened)
	}
	for _, k := range []string{"a", "b", "b"} {
		if n, opened := add(t, s, k); opened || n.Seq != 1 {
			t.Errorf("%s: %+v, %v", k, n, opened)
		}
	}
	claimed, err := s.Claim(t.Context(), "incident:1", 1, noon, time.Minute)
	if err != nil || len(claimed.Entries) != 2 {
		t.Fatalf("%+v, %v", claimed, err)
	}
	if n, opened := add(t, s, "c"); !opened || n.Seq != 2 {
		t.Errorf("an entry joined a claimed notice: %+v, %v", n, opened)
	}
	if n, opened := add(t, s, "a"); opened || n.Seq != 1 {
		t.Errorf("an old event is new: %+v, %v", n, opened)
	}
	if err := s.Done(t.Context(), claimed.Notice, noon); err != nil {
		t.Fatal(err)
	}
	claimed, err = s.Claim(t.Context(), "incident:1", 2, noon, time.Minute)
	if err != nil || len(claimed.Entries) != 3 {
		t.Errorf("the second notice knows %d entries, %v", len(claimed.Entries), err)
	}
}

func noted(t *testing.T, s *Store) {
	note := func(eventKey string) {
		t.Helper()
		if err := s.Note(t.Context(), told("", eventKey)); err != nil {
			t.Fatal(err)
		}
	}
	note("a")
	note("a")
	if unsent, err := s.Unsent(t.Context()); err != nil || len(unsent) != 0 {
		t.Errorf("what is noted asks for a mail: %+v, %v", unsent, err)
	}
	if n, opened := add(t, s, "a"); opened || n.Seq != 0 {
		t.Errorf("what was noted is told anew: %+v, %v", n, opened)
	}
	if n, opened := add(t, s, "b"); !opened || n.Seq != 1 {
		t.Errorf("the next event opens %+v, %v", n, opened)
	}
	note("c")
	note("b")
	claimed, err := s.Claim(t.Context(), "incident:1", 1, noon, time.Minute)
	if err != nil || len(claimed.Entries) != 3 {
		t.Fatalf("%+v, %v", claimed, err)
	}
	for _, e := range claimed.Entries {
		if e.Seq != 1 {
			t.Errorf("%s goes with notice %d", e.Body, e.Seq)
		}
	}
	note("d")
	if err := s.Done(t.Context(), claimed.Notice, noon); err != nil {
		t.Fatal(err)
	}
	if n, opened := add(t, s, "e"); !opened || n.Seq != 2 {
		t.Errorf("behind it: %+v, %v", n, opened)
	}
	if n, opened := add(t, s, "d"); opened || n.Seq != 2 {
		t.Errorf("what was noted goes with %+v, %v", n, opened)
	}
}

// threaded tells of more machines than have a thread of their own, closes what is open, and tells of all again.
func threaded(t *testing.T, s *Store) {
	const machines = MostThreads + 2
	tell := func(n int, key string) (Notice, bool) {
		t.Helper()
		machine := fmt.Sprintf("m%d", n)
		is, opened, err := s.Add(t.Context(), told(machine, machine+key), noon.Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		return is, opened
	}
	for round, key := range []string{"requested", "isolated"} {
		for n := range machines {
			is, opened := tell(n, key)
			want := Notice{Seq: round*(MostThreads+1) + min(n, MostThreads) + 1, First: min(n, MostThreads) + 1}
			if n < MostThreads {
				want.Thread = fmt.Sprintf("m%d", n)
			}
			if is.Seq != want.Seq || is.First != want.First || is.Thread != want.Thread || opened != (n <= MostThreads) {
				t.Errorf("%s of m%d: %+v, %v, want %+v", key, n, is, opened, want)
			}
			if again, opened := tell(n, key); again.Seq != is.Seq || opened {
				t.Errorf("%s of m%d again: %+v, %v", key, n, again, opened)
			}
		}
		if round > 0 {
			break
		}
		for seq := range MostThreads + 1 {
			c, err := s.Claim(t.Context(), "incident:1", seq+1, noon, time.Minute)
			if err != nil || c.Nothing != "" {
				t.Fatalf("%+v, %v", c, err)
			}
		}
	}
	waits := told("m0", "noted")
	if _, err := s.Claim(t.Context(), "incident:1", MostThreads+2, noon, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := s.Note(t.Context(), waits); err != nil {
		t.Fatal(err)
	}
	goesWith := func() int {
		t.Helper()
		entries, err := s.Entries(t.Context(), "incident:1")
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(entries, func(e Entry) bool { return strings.HasSuffix(e.RowKey, "noted") })
		return entries[at].Seq
	}
	if is, _ := tell(1, "released"); is.Seq >= goesWith() {
		t.Errorf("what was noted of a machine goes with notice %d of another", is.Seq)
	}
	if is, _ := tell(0, "released"); is.Seq != goesWith() {
		t.Errorf("what was noted goes with notice %d, the next of its machine is %d", goesWith(), is.Seq)
	}
}

func claims(t *testing.T, s *Store) {
	add(t, s, "a")
	unsent := func() int {
		list, err := s.Unsent(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	claim := func(group string, after time.Duration) Claim {
		t.Helper()
		c, err := s.Claim(t.Context(), group, 1, noon.Add(after), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := claim("incident:1", 0)
	if first.Nothing != "" || unsent() != 1 {
		t.Fatalf("%+v, %d unsent", first, unsent())
	}
	if second := claim("incident:1", 59*time.Second); second.Nothing != beingSent {
		t.Errorf("a second claim: %+v", second)
	}
	if err := s.Failed(t.Context(), first.Notice, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if soon := claim("incident:1", 2*time.Minute); soon.Nothing != "the notice is tried again at 2026-03-02T13:00:00Z" {
		t.Errorf("a claim before the sequence is due again: %+v", soon)
	}
	again := claim("incident:1", time.Hour-early)
	if again.Nothing != "" || again.Failures != 1 {
		t.Fatalf("after a failure: %+v", again)
	}
	if lapsed := claim("incident:1", time.Hour+time.Minute); lapsed.Nothing != "" {
		t.Errorf("a lapsed claim: %+v", lapsed)
	}
	n := again.Notice
	// The mail of the lapsed claim was accepted after all.
	if err := s.Done(t.Context(), n, noon); err != nil || unsent() != 0 {
		t.Errorf("done: %v, %d unsent", err, unsent())
	}
	if err := s.Done(t.Context(), n, noon); err != nil {
		t.Errorf("done again: %v", err)
	}
	if sent := claim("incident:1", 3*time.Hour); sent.Nothing != "the notice is sent" {
		t.Errorf("a sent notice: %+v", sent)
	}
	if none := claim("nobody", 0); none.Nothing != "there is no such notice" {
		t.Errorf("no notice: %+v", none)
	}
	table := s.Table(rows.Notices)
	ghost := Notice{Keys: table.At(rows.Key("ghost", "1"), "due"), Group: "ghost", Seq: 1, DueAt: noon}
	if err := table.Put(t.Context(), &ghost); err != nil || unsent() != 1 {
		t.Fatalf("%v, %d unsent", err, unsent())
	}
	if dropped, err := s.DropUnwritten(t.Context(), ghost); !dropped || err != nil || unsent() != 0 {
		t.Errorf("%v, %v, %d unsent", dropped, err, unsent())
	}
}

func tellers(t *testing.T, s *Store) {
	var group sync.WaitGroup
	var opened atomic.Int64
	for i := range 5 {
		group.Go(func() {
			for {
				_, fresh, err := s.Add(context.Background(), Told{Group: "g", Key: fmt.Sprint(i), Event: i, At: noon}, noon)
				if errors.Is(err, rows.ErrConflict) {
					continue
				}
				if err != nil {
					t.Error(err)
				}
				if fresh {
					opened.Add(1)
				}
				return
			}
		})
	}
	group.Wait()
	claim, err := s.Claim(t.Context(), "g", 1, noon, time.Minute)
	if err != nil || len(claim.Entries) != 5 || opened.Load() != 1 {
		t.Errorf("%d entries in a notice opened %d times, %v", len(claim.Entries), opened.Load(), err)
	}
}
