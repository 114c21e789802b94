package trial

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/cli/call"
)

func TestWatchRunsAgainWhenAFileChangesAndEndsWithTheContext(t *testing.T) {
	const book = "version: 1\nmode: enforce\nrules:\n" +
		"  - {name: r, on: alert, when: alert.severity == \"High\", do: [mail: {}]}\n"
	const file = "playbook: p.yaml\ncases:\n  - {name: one, alert: {severity: High}, want: {rule: r, steps: [mail: " +
		"do]}}\n"
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	write("p.yaml", book)
	write("a.test.yaml", file)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var out, errs shared
		c := Test(call.Program{Getenv: func(string) string { return "" }})
		c.SetArgs([]string{"--watch", dir})
		c.SetOut(&out)
		c.SetErr(&errs)
		c.SilenceUsage, c.SilenceErrors = true, true
		ended := make(chan error, 1)
		go func() { ended <- c.ExecuteContext(ctx) }()
		turns := func() int { return strings.Count(out.String(), "Ctrl-C ends it") }
		hold := func(when string, want int, says string) {
			t.Helper()
			synctest.Wait()
			if turns() != want || !strings.Contains(out.String()+errs.String(), says) {
				t.Errorf("%s: %d turns, want %d\n%s%s", when, turns(), want, out.String(), errs.String())
			}
		}
		later := func() { time.Sleep(watchEvery) }
		hold("at once", 1, "every plan as wanted")
		for range 5 {
			later()
		}
		hold("nothing has changed", 1, "")
		write("p.yaml", strings.Replace(book, "name: r", "name: q", 1))
		later()
		hold("the playbook changed", 2, "+ rule: q")
		write("p.yaml", "version: 2\n")
		later()
		hold("the playbook is broken", 3, "version")
		later()
		hold("it still is", 3, "")
		write("p.yaml", book)
		later()
		hold("the playbook is mended", 4, "every plan as wanted")
		write("b.test.yaml", file)
		later()
		hold("there is a new file", 5, "2 case(s) in 2 file(s)")
		if err := os.Remove(filepath.Join(dir, "b.test.yaml")); err != nil {
			t.Error(err)
		}
		later()
		hold("it is gone", 6, "")
		cancel()
		if err := <-ended; err != context.Canceled {
			t.Errorf("it ended with %v", err)
		}
	})
}

// shared is written by the command and read by the test.
type shared struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
