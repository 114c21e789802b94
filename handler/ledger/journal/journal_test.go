package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/rows/rowstest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestWhatPeopleDidStays holds what is promised of the journal.
func TestWhatPeopleDidStays(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, In, map[string]func(*testing.T, *Store){
		"an order is given once, and its id stands for no other": givenOnce,
		"one thing is begun once and ends once":                  endsOnce,
		"of those who try it anew one is the first":              triedByOne,
		"pages are read newest first, each entry once":           paged,
		"what is about one object is found by it":                foundByObject,
		"what became of one command is found by its id":          foundByCommand,
	})
}

func givenOnce(t *testing.T, s *Store) {
	o := Order{Command: "c-1", Digest: "d", At: noon}
	for i := range 3 {
		o.At = noon.Add(time.Duration(i) * time.Minute)
		is, fresh, other, err := s.Give(t.Context(), o)
		if err != nil || other || fresh != (i == 0) || !is.At.Equal(noon) {
			t.Errorf("given for the %d. time: %+v, %v, %v, %v", i+1, is, fresh, other, err)
		}
	}
	o.Digest = "another"
	_, fresh, other, err := s.Give(t.Context(), o)
	if err != nil || fresh || !other {
		t.Errorf("another order under the id: fresh %v, other %v, %v", fresh, other, err)
	}
}

func endsOnce(t *testing.T, s *Store) {
	o := given(t, s, "c-1", noon)
	e := Entry{Verb: "release", Object: "m/1", By: "operator", Reason: strings.Repeat("é", 2000)}
	for i := range 2 {
		is, fresh, err := s.Begin(t.Context(), o, e, noon)
		if err != nil || fresh != (i == 0) || is.State != Begun || is.By != "operator" || len(is.Reason) > 1010 {
			t.Fatalf("begun for the %d. time: %+v, %v, %v", i+1, is, fresh, err)
		}
		e = is
	}
	if begun, err := s.Open(t.Context()); err != nil || len(begun) != 1 || begun[0].Object != "m/1" {
		t.Errorf("open: %+v, %v", begun, err)
	}
	done := End{State: Done, Result: "asked for", Action: "a1", Name: "ws-1", At: noon.Add(time.Second)}
	for range 2 {
		is, err := s.End(t.Context(), e, done)
		if err != nil || is.State != Done || is.Action != "a1" || is.Name != "ws-1" {
			t.Errorf("ended: %+v, %v", is, err)
		}
	}
	is, err := s.End(t.Context(), e, End{State: Failed, Result: "too late", At: noon.Add(time.Hour)})
	if err != nil || is.State != Done || is.Result != "asked for" {
		t.Errorf("ended again, otherwise: %+v, %v", is, err)
	}
	if begun, err := s.Open(t.Context()); err != nil || len(begun) != 0 {
		t.Errorf("still open: %+v, %v", begun, err)
	}
	is, fresh, err := s.Begin(t.Context(), o, e, noon)
	if err != nil || fresh || is.State != Done {
		t.Errorf("begun after its end: %+v, %v, %v", is, fresh, err)
	}
	about, err := s.About(t.Context(), "m/1", 10)
	if err != nil || len(about) != 1 || about[0].State != Done {
		t.Errorf("by its object: %+v, %v", about, err)
	}
	_, err = s.End(t.Context(), Entry{Command: "never", At: noon}, done)
	if !errors.Is(err, rows.ErrNoRow) {
		t.Errorf("the end of what never began: %v", err)
	}
}

func paged(t *testing.T, s *Store) {
	for i := range 7 {
		command := fmt.Sprintf("c-%d", i)
		_, _, err := s.Begin(t.Context(), given(t, s, command, noon.Add(time.Duration(i)*time.Second)), Entry{}, noon)
		if err != nil {
			t.Fatal(err)
		}
	}
	var all []string
	after := ""
	for range 10 {
		page, next, err := s.Page(t.Context(), 3, after)
		if err != nil || len(page) > 3 {
			t.Fatalf("%d entries, %v", len(page), err)
		}
		for _, e := range page {
			all = append(all, e.Command)
		}
		after = next
		if next == "" {
			break
		}
	}
	if got := strings.Join(all, " "); got != "c-6 c-5 c-4 c-3 c-2 c-1 c-0" {
		t.Errorf("paged: %s", got)
	}
	if page, _, err := s.Page(t.Context(), 3, "' or RowKey gt '"); err != nil || len(page) > 3 {
		t.Errorf("a place that is none: %+v, %v", page, err)
	}
}

func foundByObject(t *testing.T, s *Store) {
	for i := range 4 {
		o := given(t, s, fmt.Sprintf("c-%d", i), noon.Add(time.Duration(i)*time.Second))
		for _, object := range []string{"m1", "m10"} {
			if _, _, err := s.Begin(t.Context(), o, Entry{Object: object}, noon); err != nil {
				t.Fatal(err)
			}
		}
	}
	o := given(t, s, "c-9", noon.Add(time.Minute))
	for _, alert := range []string{"da1", "da2"} {
		e, _, err := s.Begin(t.Context(), o, Entry{Object: alert, Machine: "m7"}, noon)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.End(t.Context(), e, End{State: Done, At: noon}); err != nil {
			t.Fatal(err)
		}
	}
	concerning, err := s.About(t.Context(), "m7", 5)
	if err != nil || len(concerning) != 2 || concerning[0].State != Done || concerning[1].State != Done {
		t.Errorf("concerning m7: %+v, %v", concerning, err)
	}
	about, err := s.About(t.Context(), "m1", 3)
	if err != nil || len(about) != 3 || about[0].Command != "c-3" || about[2].Object != "m1" {
		t.Errorf("about m1: %+v, %v", about, err)
	}
}

// foundByCommand has two commands at one moment, of which the id of one is the beginning of the other's.
func foundByCommand(t *testing.T, s *Store) {
	for _, command := range []string{"c-1", "c-11"} {
		o := given(t, s, command, noon)
		for _, object := range []string{"m3", "m1", "m2"} {
			if _, _, err := s.Begin(t.Context(), o, Entry{Object: object}, noon); err != nil {
				t.Fatal(err)
			}
		}
	}
	o, found, err := s.Order(t.Context(), "c-1")
	if err != nil || !found {
		t.Fatalf("%+v, found %v, %v", o, found, err)
	}
	var objects []string
	after := ""
	for range 5 {
		page, next, err := s.Of(t.Context(), o, 2, after)
		if err != nil || len(page) > 2 {
			t.Fatalf("%+v, %v", page, err)
		}
		for _, e := range page {
			objects = append(objects, e.Command+" "+e.Object)
		}
		after = next
		if next == "" {
			break
		}
	}
	if got := strings.Join(objects, ", "); got != "c-1 m1, c-1 m2, c-1 m3" {
		t.Errorf("of c-1: %s", got)
	}
	if o, found, err := s.Order(t.Context(), "c-9"); err != nil || found {
		t.Errorf("nobody gave c-9: %+v, %v", o, err)
	}
}

func given(t *testing.T, s *Store, command string, at time.Time) Order {
	t.Helper()
	o, fresh, other, err := s.Give(context.WithoutCancel(t.Context()), Order{Command: command, At: at})
	if err != nil || !fresh || other {
		t.Fatalf("give %s: %v, %v, %v", command, fresh, other, err)
	}
	return o
}

// triedByOne has two read what is begun, and both try it.
func triedByOne(t *testing.T, s *Store) {
	begun, _, err := s.Begin(t.Context(), given(t, s, "c-1", noon), Entry{Object: "m1"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	later := noon.Add(time.Minute)
	is, mine, err := s.Again(t.Context(), begun, later)
	if err != nil || !mine || !is.Since().Equal(later) {
		t.Fatalf("%+v, mine %v, %v", is, mine, err)
	}
	open, err := s.Open(t.Context())
	if err != nil || len(open) != 1 || !open[0].Since().Equal(later) {
		t.Errorf("open are %+v, %v", open, err)
	}
	if is, mine, err = s.Again(t.Context(), begun, later); err != nil || mine || is.State != Begun {
		t.Errorf("the second: %+v, mine %v, %v", is, mine, err)
	}
	if _, err := s.End(t.Context(), is, End{State: Done, At: later}); err != nil {
		t.Fatal(err)
	}
	if is, mine, err = s.Again(t.Context(), is, later); err != nil || mine || is.State != Done {
		t.Errorf("what has ended: %+v, mine %v, %v", is, mine, err)
	}
}
