package funchost

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// timerStore keeps the status of each timer, as the host does in a blob per timer: in memory, and in dir unless it is "".
type timerStore struct {
	dir string

	mu    sync.Mutex
	known map[string]timerStatus
}

func newTimerStore(dir string) (*timerStore, error) {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("Options.StatusDir: %w", err)
		}
	}
	return &timerStore{dir: dir, known: make(map[string]timerStatus)}, nil
}

func (s *timerStore) path(function string) string { return filepath.Join(s.dir, function, "status") }

// load returns a copy of the timer's status, nil if it never had one.
func (s *timerStore) load(function string) (*timerStatus, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
		return nil, fmt.Errorf("status of timer %s in %s (delete the file to start anew): %w", function, s.path(function), err)
	}
	return &status, nil
}

// save replaces the timer's status, in one step so that a crash leaves the old or the new one.
func (s *timerStore) save(function string, status timerStatus) error {
	s.mu.Lock()
	defer s.mu.Unlock()
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
