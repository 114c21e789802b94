package logging

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Seldom counts what anybody from outside can cause. It is a warning, and at most one a minute: whoever causes it must
// neither fill the log nor have operators mailed. The zero value is ready.
type Seldom struct {
	mu    sync.Mutex
	since int       // what no line has told yet
	told  time.Time // when the last line was written
}

// seldom is the least time between two lines.
const seldom = time.Minute

// Warn counts one more, and writes a line if it is time for one.
func (s *Seldom) Warn(ctx context.Context, log *slog.Logger, message string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since++
	if !s.told.IsZero() && time.Since(s.told) < seldom {
		return
	}
	log.WarnContext(ctx, message,
		"count", s.since,
		"last", err.Error())
	s.since, s.told = 0, time.Now()
}
