package watch

import (
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/looks"
	"cordon/handler/ledger/switches"
)

// TestAnOutageIsOneOfWhatCanAnswerForTheAlert sets when each source was last polled, and FollowActions succeeded.
func TestAnOutageIsOneOfWhatCanAnswerForTheAlert(t *testing.T) {
	t.Parallel()
	const well, out = time.Minute, time.Hour
	both := []alert.Source{alert.Defender, alert.Graph}
	for name, tt := range map[string]struct {
		polled   map[alert.Source]time.Duration // how long ago
		followed time.Duration
		shownBy  []alert.Source
		want     bool
	}{
		"nobody polls":                  {nil, well, both, false},
		"Defender is well":              {map[alert.Source]time.Duration{"": well}, well, both[:1], false},
		"Defender is out":               {map[alert.Source]time.Duration{"": out}, well, both[:1], true},
		"Defender alone, not followed":  {map[alert.Source]time.Duration{"": well}, out, both[:1], false},
		"one of two is out":             {map[alert.Source]time.Duration{"": out, "graph": well}, well, both, false},
		"both are out":                  {map[alert.Source]time.Duration{"": out, "graph": out}, well, both, true},
		"the one that shows it is out":  {map[alert.Source]time.Duration{"": out, "graph": well}, well, both[:1], true},
		"an alert that was never seen":  {map[alert.Source]time.Duration{"": out, "graph": well}, well, nil, false},
		"Graph is well, the API is not": {map[alert.Source]time.Duration{"graph": well}, out, both[1:], true},
		"never followed, nor polled":    {map[alert.Source]time.Duration{"": out, "graph": well}, 0, both[1:], true},
		"never followed":                {map[alert.Source]time.Duration{"graph": well}, 0, both[1:], false},
	} {
		h := newHouse(t)
		for source, ago := range tt.polled {
			mark, err := h.Switches.Watermark(t.Context(), string(source))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.Switches.Advance(t.Context(), mark, noon.Add(-ago)); err != nil {
				t.Fatal(err)
			}
		}
		if tt.followed > 0 {
			at := noon.Add(-tt.followed)
			if err := h.Switches.SetMark(t.Context(), switches.MarkFollow, at, ""); err != nil {
				t.Fatal(err)
			}
		}
		var seen looks.Looks
		for _, source := range tt.shownBy {
			a := alert.Alert{ID: "da1", Source: source, Updated: noon}
			seen.Make(looks.Look{Alert: a, Hash: alert.DecisionHash(a), At: noon})
		}
		if got := Outage(t.Context(), h.Switches, seen, noon); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
