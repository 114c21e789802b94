// Package sessions keeps who signed in with a browser, from when until when. A row is written when somebody has proved
// who it is; what the browser holds is kept as a digest only, so that whoever reads the rows is nobody by that.
//
// Neighbours: handler/signin/pages signs people in and out, handler/ledger/rows keeps rows.
package sessions

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"cordon/handler/ledger/rows"
)

// Store is the sign-ins of a tenant.
type Store struct {
	tables   *rows.Tables
	switches *rows.Table
}

// In is the sign-ins in some tables.
func In(tables *rows.Tables) *Store {
	return &Store{
		tables:   tables,
		switches: tables.Table(rows.Switches),
	}
}

// Session is one sign-in.
type Session struct {
	rows.Keys
	Digest   string    // of what the browser holds, in hexadecimal digits
	Name     string    // of the person
	ObjectID string    // of the person
	Roles    string    // separated by blanks
	Since    time.Time // when the person signed in; a renewal of the roles does not change it
	At       time.Time // when the roles were read, and the row was written
	Used     time.Time // when it was last used, more or less
	Ended    time.Time `json:",omitzero"`  // zero: it is not
	Why      string    `json:",omitempty"` // it was ended
}

// sealKey is what the cookies of the deployment are sealed with. It is drawn once; whoever removes the row ends every
// session when the instances start anew.
type sealKey struct {
	rows.Keys
	Key string
}

const partition = "session"

// Key is the key that cookies are sealed with, the same for every instance. Somebody may sign in before anything else
// happened: the tables are made if need be.
func (s *Store) Key(ctx context.Context) (string, error) {
	if err := s.tables.Prepare(ctx); err != nil {
		return "", err
	}
	fresh := sealKey{Keys: s.switches.At("signin-key")}
	k, err := rows.Change(ctx, s.switches, "draw the key of cookies", fresh, func(k *sealKey) (bool, error) {
		if k.Key != "" {
			return false, nil
		}
		k.Key = rand.Text() + "-" + rand.Text()
		return true, nil
	})
	return k.Key, err
}

func (s *Store) keys(id string) rows.Keys {
	return s.switches.At(rows.Key(id), partition)
}

// Begin writes a session down, unless there was one of that id, whatever became of it: then fresh is false.
func (s *Store) Begin(
	ctx context.Context,
	id string,
	begun Session,
) (fresh bool, err error) {
	begun.Keys = s.keys(id)
	err = s.switches.Save(ctx, &begun)
	if errors.Is(err, rows.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

// Find reads a session, also one that ended.
func (s *Store) Find(ctx context.Context, id string) (Session, bool, error) {
	found := Session{Keys: s.keys(id)}
	there, err := s.switches.Read(ctx, &found)
	return found, there, err
}

// Use notes that a session is used. One that ended meanwhile stays ended.
func (s *Store) Use(
	ctx context.Context,
	id string,
	now time.Time,
) error {
	_, err := s.change(ctx, id, func(found *Session) bool {
		if !found.Ended.IsZero() || !now.After(found.Used) {
			return false
		}
		found.Used = now.UTC()
		return true
	})
	return err
}

// End ends a session for good. A repeat changes nothing; then first is false.
func (s *Store) End(
	ctx context.Context,
	id string,
	now time.Time,
	why string,
) (first bool, err error) {
	return s.change(ctx, id, func(found *Session) bool {
		if !found.Ended.IsZero() {
			return false
		}
		found.Ended, found.Why = now.UTC(), why
		return true
	})
}

func (s *Store) change(
	ctx context.Context,
	id string,
	change func(*Session) bool,
) (changed bool, err error) {
	fresh := Session{Keys: s.keys(id)}
	_, err = rows.Change(ctx, s.switches, "change a session", fresh, func(found *Session) (bool, error) {
		changed = found.Stored() && change(found)
		return changed, nil
	})
	return changed && err == nil, err
}

// Aging are the sessions.
func (s *Store) Aging() []rows.Aging {
	return []rows.Aging{{
		Name:   "sessions",
		Table:  s.switches,
		Filter: rows.InPartition(s.switches.Partition(partition)),
		Remove: s.switches.RemoveRow,
	}}
}
