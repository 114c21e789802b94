package latches

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/outgoing"
)

// Release is one end of a lasting state of a machine that somebody asked for, such as the release of an isolation.
type Release struct {
	Episode int       `json:"episode"`         // that it ended
	At      time.Time `json:"at"`              // when it was asked for, by the API's clock
	ByRun   string    `json:"byRun,omitempty"` // the run whose rule asked for it; empty: a person did
	Why     string    `json:"why,omitempty"`   // the sentence that people were told
}

// Releases are the ends of a latch's earlier episodes that somebody asked for, oldest first. In a row they are a text,
// for a row holds no lists.
type Releases []Release

// How many releases a latch remembers, and how much of what was said of each. An alert is judged by the newest that was
// meant for it, so only many releases for other alerts make one forgotten.
const (
	releasesKept = 30
	releaseWhy   = 300
)

// MarshalText implements encoding.TextMarshaler.
func (r Releases) MarshalText() ([]byte, error) {
	return outgoing.Encode([]Release(r))
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Releases) UnmarshalText(text []byte) error {
	var releases []Release
	if err := json.Unmarshal(text, &releases); err != nil {
		return fmt.Errorf("releases of a latch: %w", err)
	}
	*r = releases
	return nil
}

// AllReleases are those of the earlier episodes and that of the newest, if it ended with one.
func (l Latch) AllReleases() Releases {
	all := slices.Clone(l.Releases)
	if !l.ReleasedAt.IsZero() {
		all = append(all,
			Release{l.Episode, l.ReleasedAt, l.UndoneBy, rows.Cut(l.EndReason, releaseWhy)})
	}
	return all[max(len(all)-releasesKept, 0):]
}
