package rows

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"cordon/local/tables"
)

// TestServiceTimeIsThatOfTheAnswers has tables whose clock is days away from ours, then jumps, then says nothing.
func TestServiceTimeIsThatOfTheAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away, silent := -50*time.Hour, true
		server := tables.New(tables.Options{Now: func() time.Time { return time.Now().Add(away) }})
		s, err := Connect(Options{
			ConnectionString: server.ConnectionString("127.0.0.1:1"),
			Prefix:           "t",
			Tenant:           "tenant",
			Transport: dated(func(r *http.Request) (*http.Response, error) {
				answer, err := server.Do(r)
				if err == nil && silent {
					answer.Header.Del("Date")
				}
				time.Sleep(300 * time.Millisecond)
				return answer, err
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if at, known := s.ServiceTime(); known {
			t.Errorf("nobody said that it is %s", at)
		}
		ask := func() {
			table := s.Table(Switches)
			row := table.At("acting")
			if _, err := table.Read(t.Context(), &row); err != nil {
				t.Fatal(err)
			}
		}
		near := func(what string) {
			t.Helper()
			at, known := s.ServiceTime()
			if off := at.Sub(time.Now().Add(away)); !known || off < -1300*time.Millisecond || off > time.Second {
				t.Errorf("%s: %s off, known %v", what, off, known)
			}
		}
		silent = false
		ask()
		near("the first answer")
		time.Sleep(7*time.Minute + 333*time.Millisecond)
		near("long after it")
		before, _ := s.ServiceTime()
		for range 20 {
			ask()
			near("many answers")
			if at, _ := s.ServiceTime(); at.Before(before) {
				t.Errorf("it goes back from %s to %s", before, at)
			}
			before, _ = s.ServiceTime()
		}
		for _, away = range []time.Duration{400 * time.Hour, -time.Hour} {
			ask()
			near("a jump")
		}
		silent = true
		ask()
		near("an answer without a date")
	})
}

type dated func(*http.Request) (*http.Response, error)

func (d dated) Do(r *http.Request) (*http.Response, error) { return d(r) }
