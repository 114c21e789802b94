package sessions

import (
	"sync"
	"testing"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/rows/rowstest"
	"cordon/local/tables"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestWhoSignedInIsKept holds what is promised of sessions.
func TestWhoSignedInIsKept(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, In, map[string]func(*testing.T, *Store){
		"a session begins once":                   beginsOnce,
		"one that ended stays ended":              staysEnded,
		"every instance seals with the same key":  sameKey,
		"one that nobody began is not made by it": neverBegun,
	})
}

func begun(t *testing.T, s *Store, id string) Session {
	t.Helper()
	one := Session{Digest: "d", Name: "duty@example.com", ObjectID: "o", Roles: "Cordon.Reader", Since: noon, At: noon}
	fresh, err := s.Begin(t.Context(), id, one)
	if err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	return one
}

func beginsOnce(t *testing.T, s *Store) {
	want := begun(t, s, "id/1")
	fresh, err := s.Begin(t.Context(), "id/1", Session{Digest: "other"})
	if err != nil || fresh {
		t.Errorf("begun again: %t, %v", fresh, err)
	}
	if err := s.Use(t.Context(), "id/1", noon.Add(time.Minute)); err != nil {
		t.Error(err)
	}
	if err := s.Use(t.Context(), "id/1", noon); err != nil {
		t.Error(err)
	}
	found, there, err := s.Find(t.Context(), "id/1")
	if err != nil || !there || found.Digest != want.Digest || found.Name != want.Name || found.Roles != want.Roles ||
		!found.Since.Equal(noon) || !found.At.Equal(noon) || !found.Used.Equal(noon.Add(time.Minute)) ||
		!found.Ended.IsZero() {
		t.Errorf("%+v, %t, %v", found, there, err)
	}
}

func staysEnded(t *testing.T, s *Store) {
	begun(t, s, "id")
	for i, why := range []string{"signed out", "too late"} {
		first, err := s.End(t.Context(), "id", noon.Add(time.Duration(i)*time.Hour), why)
		if err != nil || first != (i == 0) {
			t.Fatalf("ended for the %d. time: first %t, %v", i+1, first, err)
		}
	}
	if err := s.Use(t.Context(), "id", noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	fresh, err := s.Begin(t.Context(), "id", Session{})
	if err != nil || fresh {
		t.Errorf("begun again after its end: %t, %v", fresh, err)
	}
	found, there, err := s.Find(t.Context(), "id")
	if err != nil || !there || !found.Ended.Equal(noon) || found.Why != "signed out" || !found.Used.IsZero() {
		t.Errorf("%+v, %t, %v", found, there, err)
	}
}

func sameKey(t *testing.T, s *Store) {
	keys := make([]string, 5)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			var err error
			if keys[i], err = s.Key(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, key := range keys {
		if len(key) < 50 || key != keys[0] {
			t.Errorf("%s and %s", key, keys[0])
		}
	}
}

func neverBegun(t *testing.T, s *Store) {
	if err := s.Use(t.Context(), "id", noon); err != nil {
		t.Error(err)
	}
	if first, err := s.End(t.Context(), "id", noon, "x"); err != nil || first {
		t.Errorf("ended what never was: %t, %v", first, err)
	}
	if found, there, err := s.Find(t.Context(), "id"); err != nil || there {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestSomebodyMaySignInBeforeAnythingElseHappened has tables that were not made yet.
func TestSomebodyMaySignInBeforeAnythingElseHappened(t *testing.T) {
	t.Parallel()
	server := tables.New(tables.Options{})
	made, err := rows.Connect(rows.Options{
		ConnectionString: server.ConnectionString("127.0.0.1:1"),
		Prefix:           "t",
		Tenant:           "tenant",
		Transport:        server,
	})
	if err != nil {
		t.Fatal(err)
	}
	if key, err := In(made).Key(t.Context()); err != nil || key == "" {
		t.Errorf("%q, %v", key, err)
	}
}
