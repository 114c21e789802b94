package notices

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// claimed takes the first sequence of a group, which is opened for it.
func claimed(t *testing.T, s *Store, group string, at time.Time) Notice {
	t.Helper()
	if _, _, err := s.Add(t.Context(), Told{Group: group, Key: "k", Event: "event", At: at}, at); err != nil {
		t.Fatal(err)
	}
	c, err := s.Claim(t.Context(), group, 1, at, time.Minute)
	if err != nil || c.Nothing != "" {
		t.Fatalf("%+v, %v", c, err)
	}
	return c.Notice
}

func sent(t *testing.T, s *Store) {
	for i := range 5 {
		n := claimed(t, s, fmt.Sprintf("incident:%d", i), noon)
		n.Subject, n.To = "s", "soc@example.org"
		if err := s.Done(t.Context(), n, noon.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := s.Done(t.Context(), n, noon.Add(time.Hour)); err != nil {
			t.Fatalf("done again: %v", err)
		}
	}
	var groups []string
	pages := 0
	for after, more := "", true; more; more = after != "" {
		page, next, err := s.Listed(t.Context(), Sent, 2, after)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page {
			groups = append(groups, n.Group)
			if n.Subject != "s" || n.To != "soc@example.org" || n.SentAt.IsZero() || n.State != Sent {
				t.Errorf("listed as %+v", n)
			}
		}
		after = next
		pages++
	}
	if fmt.Sprint(groups) != "[incident:4 incident:3 incident:2 incident:1 incident:0]" || pages != 3 {
		t.Errorf("%d pages: %v", pages, groups)
	}
	// A process was killed before it had listed the mail.
	n, _, err := s.Notice(t.Context(), "incident:4", 1)
	if err != nil {
		t.Fatal(err)
	}
	page, _, err := s.Listed(t.Context(), Sent, 1, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.notices.Remove(t.Context(), page[0].Keys); err != nil {
		t.Fatal(err)
	}
	if err := s.index(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Claim(t.Context(), "incident:4", 1, noon.Add(time.Hour), time.Minute); err != nil {
		t.Fatal(err)
	}
	page, _, err = s.Listed(t.Context(), Sent, 1, "")
	if err != nil || page[0].Group != "incident:4" {
		t.Errorf("listed again: %+v, %v", page, err)
	}
	if left, err := s.Unsent(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("%d are left, %v", len(left), err)
	}
}

func hastened(t *testing.T, s *Store) {
	var overwritten []string
	ask := func(command string, at time.Time) Ordered {
		t.Helper()
		h, err := s.Hasten(t.Context(), Asked{
			Group:   "incident:1",
			Seq:     1,
			Command: command,
			At:      at,
			Lock:    time.Minute,
			Before: func(_ context.Context, earlier string) error {
				overwritten = append(overwritten, earlier)
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if h := ask("c1", noon); !h.Missing {
		t.Errorf("of none: %+v", h)
	}
	n := claimed(t, s, "incident:1", noon)
	if h := ask("c1", noon.Add(time.Second)); !h.Sending || h.Command != "" {
		t.Errorf("while it is being sent: %+v", h)
	}
	if err := s.Failed(t.Context(), n, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"c1", "c1", "c2"} {
		if h := ask(command, noon.Add(2*time.Minute)); h.Sending || h.Missing || h.State != Open || h.Command != command {
			t.Errorf("%s: %+v", command, h)
		}
	}
	if fmt.Sprint(overwritten) != "[c1]" {
		t.Errorf("overwritten: %v", overwritten)
	}
	unsent, err := s.Unsent(t.Context())
	if err != nil || len(unsent) != 1 || !unsent[0].DueAt.Equal(noon.Add(2*time.Minute)) {
		t.Errorf("%+v, %v", unsent, err)
	}
	again, err := s.Claim(t.Context(), "incident:1", 1, noon.Add(2*time.Minute), time.Minute)
	if err != nil || again.Nothing != "" || again.Failures != 1 {
		t.Fatalf("%+v, %v", again, err)
	}
	if h := ask("c3", noon.Add(4*time.Minute)); h.State != Open {
		t.Errorf("a claim that lapsed: %+v", h)
	}
	if err := s.Done(t.Context(), again.Notice, noon.Add(5*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if h := ask("c4", noon.Add(time.Hour)); h.State != Sent || h.Command != "c3" {
		t.Errorf("of what is sent: %+v", h)
	}
	if left, err := s.Unsent(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("%d are left, %v", len(left), err)
	}
}

// givenUp drops a sequence at every point of its life.
func givenUp(t *testing.T, s *Store) {
	drop := func(command string, at time.Time) Ordered {
		t.Helper()
		o, err := s.Drop(t.Context(), Asked{
			Group:   "incident:1",
			Seq:     1,
			Command: command,
			At:      at,
			Lock:    time.Minute,
			Before:  func(context.Context, string) error { return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o := drop("c1", noon); !o.Missing {
		t.Errorf("of none: %+v", o)
	}
	n := claimed(t, s, "incident:1", noon)
	if o := drop("c1", noon.Add(time.Second)); !o.Sending {
		t.Errorf("while it is being sent: %+v", o)
	}
	if o := drop("c1", noon.Add(2*time.Minute)); !o.Untried || o.State != Claimed {
		t.Errorf("never tried to the end: %+v", o)
	}
	if err := s.Failed(t.Context(), n, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"c1", "c1", "c2"} {
		o := drop(command, noon.Add(2*time.Minute))
		if o.State != Dropped || o.Command != "c1" || !o.DroppedAt.Equal(noon.Add(2*time.Minute)) {
			t.Errorf("%s: %+v", command, o)
		}
	}
	listed := func(state State) int {
		t.Helper()
		found, _, err := s.Listed(t.Context(), state, 10, "")
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	if unsent, err := s.Unsent(t.Context()); err != nil || len(unsent) != 0 || listed(Dropped) != 1 || listed(Sent) != 0 {
		t.Errorf("%+v, %v, dropped %d, sent %d", unsent, err, listed(Dropped), listed(Sent))
	}
	// Whoever gave it back meanwhile leaves its row among those that are not sent.
	if err := s.index(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	claim, err := s.Claim(t.Context(), "incident:1", 1, noon.Add(2*time.Hour), time.Minute)
	if err != nil || claim.Nothing != "the notice is dropped" {
		t.Errorf("%+v, %v", claim, err)
	}
	if unsent, err := s.Unsent(t.Context()); err != nil || len(unsent) != 0 {
		t.Errorf("%+v, %v", unsent, err)
	}
	// And whoever had it in hand all the time may have sent it: then people have it.
	if err := s.Done(t.Context(), n, noon.Add(3*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if is, _, err := s.Notice(t.Context(), "incident:1", 1); err != nil || is.State != Sent || listed(Dropped) != 0 ||
		listed(Sent) != 1 {
		t.Errorf("%+v, %v, dropped %d, sent %d", is, err, listed(Dropped), listed(Sent))
	}
}
