package funchost

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Storage is the host's storage account as far as timers need it: a lease and a status for each, as the host keeps them
// in blobs. Hosts that stand for instances of one app share one.
type Storage struct {
	dir string

	mu     sync.Mutex
	lost   bool
	leases map[string]lease
	known  map[string]timerStatus
}

// lease is who has a timer and until when.
type lease struct {
	id    string
	until time.Time
}

var (
	// errStorageLost is what a call to a storage gets that does not answer: there is no HTTP status.
	errStorageLost = errors.New("the storage does not answer")
	// errConflict is the blob's 409: somebody else has the lease.
	errConflict = errors.New("409 LeaseIdMismatchWithLeaseOperation")
)

// NewStorage makes a storage without leases. Statuses are kept in dir too, one folder per function, unless it is "".
// Leases are not: a host in another process does not know them.
func NewStorage(dir string) (*Storage, error) {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("funchost.NewStorage: %w", err)
		}
	}
	return &Storage{dir: dir, leases: make(map[string]lease), known: make(map[string]timerStatus)}, nil
}

// Lose makes the storage unreachable: until Restore every call fails.
func (s *Storage) Lose() { s.reach(false) }

// Restore makes the storage answer again. What it held is still there.
func (s *Storage) Restore() { s.reach(true) }

func (s *Storage) reach(again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = !again
}

// reachable returns an error while the storage does not answer.
func (s *Storage) reachable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reached()
}

// reached is the same for who holds mu.
func (s *Storage) reached() error {
	if s.lost {
		return errStorageLost
	}
	return nil
}

// acquire gives the lease of a timer to id unless somebody else has it.
func (s *Storage) acquire(function, id string, now time.Time, period time.Duration) (got bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.reached(); err != nil {
		return false, err
	}
	if l, held := s.leases[function]; held && l.id != id && now.Before(l.until) {
		return false, nil
	}
	s.leases[function] = lease{id, now.Add(period)}
	return true, nil
}

// renew extends the lease. One that has run out is still renewed as long as nobody else took it, as a blob's is.
func (s *Storage) renew(function, id string, now time.Time, period time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.reached(); err != nil {
		return err
	}
	if s.leases[function].id != id {
		return errConflict
	}
	s.leases[function] = lease{id, now.Add(period)}
	return nil
}

// holds reports whether the lease is id's and has not run out.
func (s *Storage) holds(function, id string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.leases[function]
	return l.id == id && now.Before(l.until)
}

// release gives the lease back. One that somebody else has stays theirs.
func (s *Storage) release(function, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.reached(); err != nil {
		return err
	}
	if s.leases[function].id == id {
		delete(s.leases, function)
	}
	return nil
}

func (s *Storage) path(function string) string { return filepath.Join(s.dir, function, "status") }

// load returns a copy of the timer's status, nil if it never had one.
func (s *Storage) load(function string) (*timerStatus, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.reached(); err != nil {
		return nil, err
	}
	if status, ok := s.known[function]; ok {
		return &status, nil
	}
	if s.dir == "" {
		return nil, nil
	}
	text, err := os.ReadFile(s.path(function))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var status timerStatus
	if err == nil {
		err = json.Unmarshal(text, &status)
	}
	if err != nil {
		return nil,
			fmt.Errorf("status of timer %s in %s (delete the file to start anew): %w", function, s.path(function), err)
	}
	return &status, nil
}

// save replaces the timer's status, in one step so that a crash leaves the old or the new one.
func (s *Storage) save(function string, status timerStatus) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.reached(); err != nil {
		return err
	}
	s.known[function] = status
	if s.dir == "" {
		return nil
	}
	text, err := marshal(status)
	if err != nil {
		return err
	}
	path := s.path(function)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
