//go:build unix

package funchost

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// stopPatience is how long a busy machine may take to stop the threads of a process.
const stopPatience = 10 * time.Second

// stopProcess returns once no thread of the process runs any more, where the operating system shows that: the signal is
// taken by one thread, which stops the others, and on a busy machine they go on for a while.
func stopProcess(p *os.Process) error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for begun := time.Now(); !stopped(p.Pid); time.Sleep(time.Millisecond) {
		if time.Since(begun) > stopPatience {
			return fmt.Errorf("process %d runs on %s after it was stopped", p.Pid, stopPatience)
		}
	}
	return nil
}

// stopped reports whether every thread is stopped, or gone; true where there is no /proc to tell.
func stopped(pid int) bool {
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return true
	}
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // the thread ended meanwhile
		}
		// The name before the state may hold anything, closing brackets too.
		if rest := bytes.TrimSpace(stat[bytes.LastIndexByte(stat, ')')+1:]); len(rest) > 0 &&
			!bytes.ContainsRune([]byte("TtZX"), rune(rest[0])) {
			return false
		}
	}
	return true
}

func continueProcess(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
