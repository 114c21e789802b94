package chaos

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Report is what a sweep came to.
type Report struct {
	Seed     uint64
	Sabotage string
	Source   string // where alerts were read; empty: from Defender
	Whole    bool   // of a sweep over all boundaries, instead of one point
	Begun    time.Time
	Took     time.Duration

	mu         sync.Mutex
	boundaries map[Boundary]map[string]int // what was sent undisturbed, by function
	results    []result
	leftOut    int
}

// leaveOut counts runs that were not made for want of time.
func (r *Report) leaveOut(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leftOut += n
}

// LeftOut is how many runs were not made because Options.Within had passed.
func (r *Report) LeftOut() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.leftOut
}

func (r *Report) add(one result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, one)
	r.Took = time.Since(r.Begun)
	if one.point.Kind != "" {
		return
	}
	for s, n := range one.counts {
		if r.boundaries[s.Boundary] == nil {
			r.boundaries[s.Boundary] = map[string]int{}
		}
		r.boundaries[s.Boundary][s.By] = max(r.boundaries[s.Boundary][s.By], n)
	}
}

// counts is how much each site sent undisturbed, at most.
func (r *Report) counts() map[Site]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[Site]int{}
	for b, by := range r.boundaries {
		for function, n := range by {
			all[Site{b, function}] = n
		}
	}
	return all
}

// row is one line of the table.
type row struct {
	name       string
	k, runs    int
	notReached int
	sum        Verdict
}

func (w *row) add(r result) {
	w.runs++
	v := r.verdict
	if !v.Reached {
		w.notReached++
	}
	w.sum.Lost += v.Lost
	w.sum.Doubled += v.Doubled
	w.sum.Missing += v.Missing
	w.sum.Again += v.Again
	w.sum.Repeated += v.Repeated
	w.sum.Renamed += v.Renamed
	w.sum.Untrue += v.Untrue
	w.sum.Silent += v.Silent
}

// rows makes the table: a line for each site, one for the runs without a strike, and the sum.
func (r *Report) rows() []row {
	counts := r.counts()
	all := []row{{name: "(undisturbed)"}}
	sum := row{name: "all"}
	at := map[Site]int{}
	for _, s := range sites(counts) {
		at[s] = len(all)
		all = append(all, row{name: string(s.Boundary) + ", " + s.By, k: counts[s]})
		sum.k += counts[s]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.results {
		i := 0
		if one.point.Kind != "" {
			known := false
			if i, known = at[one.point.Site]; !known {
				i = len(all)
				at[one.point.Site] = i
				all = append(all, row{name: strings.TrimSuffix(string(one.point.Boundary)+", "+one.point.By, ", ")})
			}
		}
		all[i].add(one)
		sum.add(one)
	}
	all = slices.DeleteFunc(all, func(w row) bool { return w.k+w.runs == 0 })
	return append(all, sum)
}

// Table writes the table in Markdown.
func (r *Report) Table(w io.Writer) {
	head := []string{
		"boundary, function", "k", "runs", "lost", "doubled actions", "missing actions",
		"mails again, same Message-ID", "mails again, other Message-ID",
		"untrue reports", "silent failures", "allowed repeats", "not reached",
	}
	lines := [][]string{head}
	for _, one := range r.rows() {
		v := one.sum
		line := []string{one.name}
		for _, n := range []int{
			one.k, one.runs, v.Lost, v.Doubled, v.Missing, v.Again, v.Renamed, v.Untrue, v.Silent, v.Repeated,
			one.notReached,
		} {
			line = append(line, fmt.Sprint(n))
		}
		lines = append(lines, line)
	}
	writeTable(w, lines)
}

// writeTable aligns names to the left and figures to the right.
func writeTable(w io.Writer, lines [][]string) {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for n, line := range lines {
		cells := make([]string, 0, len(line))
		for i, cell := range line {
			if i == 0 {
				cells = append(cells, fmt.Sprintf("%-*s", widths[i], cell))
			} else {
				cells = append(cells, fmt.Sprintf("%*s", widths[i], cell))
			}
		}
		fmt.Fprintln(w, "| "+strings.Join(cells, " | ")+" |")
		if n == 0 {
			rule := "|" + strings.Repeat("-", widths[0]+2)
			for _, width := range widths[1:] {
				rule += "|" + strings.Repeat("-", width+1) + ":"
			}
			fmt.Fprintln(w, rule+"|")
		}
	}
}

// Failures lists everything that must not be, in words, each with the command that repeats it; nil means that every
// promise held.
func (r *Report) Failures() []string {
	var all []string
	r.mu.Lock()
	for _, one := range r.results {
		if one.verdict.Broken() {
			all = append(all,
				fmt.Sprintf("%s (seed %d): %s\n  repeat: %s", one.point, r.Seed,
					strings.Join(one.verdict.Problems, "; "), r.command(one.point)))
		}
	}
	r.mu.Unlock()
	if r.Whole {
		all = append(all, r.unproved()...)
	}
	slices.Sort(all)
	return all
}

// unproved lists the boundaries at which the sweep proved nothing.
func (r *Report) unproved() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	graph := Options{Source: r.Source}.graph()
	for _, b := range Boundaries() {
		switch {
		case b == Graph && !graph:
		case len(r.boundaries[b]) == 0:
			all = append(all, fmt.Sprintf("nothing was ever sent over the boundary %s, so nothing was proved there", b))
		case r.Sabotage == "" &&
			!slices.ContainsFunc(r.results, func(one result) bool {
				return one.point.Boundary == b && one.verdict.Reached
			}):
			all = append(all, fmt.Sprintf("no strike fell at the boundary %s, so nothing was proved there", b))
		}
	}
	return all
}

func (r *Report) command(p Point) string {
	text := fmt.Sprintf("build/local chaos --seed %d %s", r.Seed, p.flags())
	if r.Sabotage != "" {
		text += " --sabotage " + r.Sabotage
	}
	if r.Source != "" {
		text += " --source " + r.Source
	}
	return text + " --verbose"
}

// Logs are the logs of the runs that have one, oldest first.
func (r *Report) Logs() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var logs []string
	for _, one := range r.results {
		if one.log != "" {
			logs = append(logs, one.log)
		}
	}
	return logs
}
