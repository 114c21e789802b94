package hunt

import (
	"fmt"
	"slices"
	"time"
)

// gaps warns about a hunt that looks back for less than the time between two turns: what happens in between is never
// found.
func (r *reader) gaps(h *Hunt) {
	e, ok := r.find("timespan")
	gap := h.schedule.LongestGap()
	if ok && len(r.problems) == 0 && h.Timespan < gap {
		noted := len(r.problems)
		hint := fmt.Sprintf("write // timespan: with at least %s, and more by what events may be late", span(gap))
		if gap > MaxLookBack {
			hint = fmt.Sprintf("run it more often: a turn looks back at most %s, for Defender holds no more",
				span(MaxLookBack))
		}
		r.wrong(e.line,
			fmt.Sprintf("a turn looks back %s, and %s can pass between two turns: what happens in between is not found",
				span(h.Timespan), span(gap)),
			hint)
		h.warnings = slices.Clone(r.problems[noted:])
		r.problems = r.problems[:noted]
	}
}

// span writes a time as headers have it.
func span(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}} {
		if d%unit.of == 0 {
			return fmt.Sprint(int64(d/unit.of)) + unit.name
		}
	}
	return fmt.Sprint(int64(d.Round(time.Minute)/time.Minute)) + "m"
}

// Warnings are what is probably not meant, by file and line. The hunts are run all the same.
func (c *Catalogue) Warnings() []Problem {
	all := &Error{}
	for _, h := range c.hunts {
		all.Problems = append(all.Problems, h.warnings...)
	}
	all.sort()
	return all.Problems
}
