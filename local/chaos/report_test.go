package chaos

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// everywhere is how much each site of a small handler sends.
func everywhere() map[Site]int {
	return map[Site]int{
		{Defender, "PollAlerts"}:         5,
		{Defender, "RespondToAlert"}:     4,
		{Graph, "PollAlerts"}:            4,
		{Entra, "PollAlerts"}:            2,
		{Tables, "PollAlerts"}:           40,
		{Tables, "RespondToAlert"}:       100,
		{Transfers, "PollAlerts"}:        2,
		{Management, "Health"}:           8,
		{Claims, "Health"}:               16,
		{Dispositions, "RespondToAlert"}: 5,
		{SMTP, "SendNotice"}:             12,
	}
}

func TestWholeSweepStrikesAtEveryPlaceInEveryWay(t *testing.T) {
	t.Parallel()
	points := Options{}.points(map[Site]int{{Tables, "PollAlerts"}: 3, {SMTP, "SendNotice"}: 2})
	if len(points) != 35 {
		t.Errorf("%d points", len(points))
	}
	seen := map[Point]bool{}
	for _, p := range points {
		if seen[p] || p.check() != nil {
			t.Errorf("%s: twice %v, %v", p, seen[p], p.check())
		}
		seen[p] = true
	}
}

func TestSweepOfOneKindStrikesAtEveryPlaceOnceOrWithTheHostToo(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]int{Stopped: 5, Served: 10} {
		points := Options{Kind: kind}.points(map[Site]int{{Tables, "PollAlerts"}: 3, {SMTP, "SendNotice"}: 2})
		if len(points) != want || slices.ContainsFunc(points, func(p Point) bool { return p.Kind != kind }) {
			t.Errorf("%s: %v", kind, points)
		}
	}
	if _, err := Run(t.Context(), Options{App: t.TempDir(), Kind: "maimed"}); err == nil ||
		!strings.Contains(err.Error(), `"maimed"`) {
		t.Errorf("%v", err)
	}
}

func TestSampleStrikesAtEverySiteAndInEveryWayAtEveryBoundary(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		points := Options{Sample: 100, Seed: seed}.points(everywhere())
		if len(points) < 90 || len(points) > 115 {
			t.Errorf("seed %d: %d points", seed, len(points))
		}
		sites, ways := map[Site]int{}, map[Boundary]map[Point]bool{}
		for _, p := range points {
			sites[p.Site]++
			if ways[p.Boundary] == nil {
				ways[p.Boundary] = map[Point]bool{}
			}
			ways[p.Boundary][Point{Kind: p.Kind, WithHost: p.WithHost}] = true
			if p.check() != nil || p.K > everywhere()[p.Site] {
				t.Errorf("seed %d: %s", seed, p)
			}
		}
		if len(sites) != len(everywhere()) {
			t.Errorf("seed %d: %d of %d sites", seed, len(sites), len(everywhere()))
		}
		for _, b := range Boundaries() {
			if len(ways[b]) != 7 {
				t.Errorf("seed %d: %s is struck in %d ways", seed, b, len(ways[b]))
			}
		}
	}
	if diff := cmp.Diff(Options{Sample: 100, Seed: 7}.points(everywhere()),
		Options{Sample: 100, Seed: 7}.points(everywhere())); diff != "" {
		t.Errorf("the same seed makes another sample:\n%s", diff)
	}
}

// reported is a report of a sweep: an undisturbed run and others.
func reported(results ...result) *Report {
	r := &Report{Seed: 7, Whole: true, boundaries: map[Boundary]map[string]int{}}
	r.add(result{verdict: Verdict{Reached: true}, counts: everywhere()})
	for _, one := range results {
		r.add(one)
	}
	return r
}

// struckEverywhere are runs that kept all promises, one at each boundary.
func struckEverywhere() []result {
	var all []result
	for s := range everywhere() {
		all = append(all, result{point: Point{Site: s, K: 1, Kind: Before}, verdict: Verdict{Reached: true}})
	}
	return all
}

func TestTableSumsUpWhatEachSiteCameTo(t *testing.T) {
	t.Parallel()
	at := func(k int) Point { return Point{Site: Site{SMTP, "SendNotice"}, K: k, Kind: Served} }
	r := reported(
		result{point: at(5), verdict: Verdict{Reached: true, Repeated: 1}},
		result{
			point: at(6),
			verdict: Verdict{
				Reached: true,
				Lost:    1,
				Doubled: 2,
				Missing: 3,
				Again:   4,
				Renamed: 5,
				Untrue:  6,
				Silent:  7,
			},
		},
		result{point: at(7), verdict: Verdict{}},
	)
	var table strings.Builder
	r.Table(&table)
	lines := strings.Split(strings.TrimSpace(table.String()), "\n")
	fields := func(line string) string { return strings.Join(strings.Fields(strings.ReplaceAll(line, "|", " ")), " ") }
	if got := fields(lines[len(lines)-2]); got != "smtp, SendNotice 12 3 1 2 3 4 5 6 7 1 1" {
		t.Errorf("the line of the site is %q", got)
	}
	if got := fields(lines[len(lines)-1]); got != "all 198 4 1 2 3 4 5 6 7 1 1" {
		t.Errorf("the sum is %q", got)
	}
	for _, line := range lines {
		if len(line) != len(lines[0]) || strings.Count(line, "|") != 13 {
			t.Errorf("crooked: %s", line)
		}
	}
}

func TestEveryBrokenPromiseIsListedWithTheCommandThatRepeatsIt(t *testing.T) {
	t.Parallel()
	p := Point{Site: Site{Tables, "RespondToAlert"}, K: 17, Kind: Served, WithHost: true}
	r := reported(append(struckEverywhere(), result{
		point:   p,
		verdict: Verdict{Reached: true, Doubled: 1, Problems: []string{"two actions"}},
	})...)
	want := []string{"tables 17 of RespondToAlert, served, with the host (seed 7): two actions\n" +
		"  repeat: build/local chaos --seed 7 --boundary tables --k 17 --kind served --by RespondToAlert " +
		"--with-host --verbose"}
	if diff := cmp.Diff(want, r.Failures()); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

func TestSweepThatKeptAllPromisesFailsNothing(t *testing.T) {
	t.Parallel()
	if got := reported(struckEverywhere()...).Failures(); got != nil {
		t.Errorf("%q", got)
	}
}

func TestBoundaryAtWhichNothingWasProvedIsAFailure(t *testing.T) {
	t.Parallel()
	mute := everywhere()
	delete(mute, Site{Management, "Health"})
	r := &Report{Whole: true, boundaries: map[Boundary]map[string]int{}}
	r.add(result{verdict: Verdict{Reached: true}, counts: mute})
	spared := result{point: Point{Site: Site{SMTP, "SendNotice"}, K: 99, Kind: Before}} // not reached
	for _, one := range append(struckEverywhere(), spared) {
		if one.point.Boundary != SMTP || one.point.K == 99 {
			r.add(one)
		}
	}
	delete(r.boundaries, Graph) // Graph is asked for alerts only if that is said
	got := strings.Join(r.Failures(), "\n")
	if strings.Count(got, "\n") != 1 || !strings.Contains(got, "sent over the boundary management") ||
		!strings.Contains(got, "strike fell at the boundary smtp") {
		t.Errorf("%s", got)
	}
}

// TestGraphHasToBeStruckWhereAlertsAreReadThere and not where they are not.
func TestGraphHasToBeStruckWhereAlertsAreReadThere(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{"": 0, "defender": 0, "graph": 1, "both": 1} {
		r := reported(struckEverywhere()...)
		r.Source = source
		delete(r.boundaries, Graph)
		got := strings.Join(r.Failures(), "\n")
		if strings.Count(got, "sent over the boundary graph") != want || strings.Count(got, "boundary") != want {
			t.Errorf("%q: %s", source, got)
		}
	}
}

func TestPointThatCanNotBeIsRefusedWithTheWayOut(t *testing.T) {
	t.Parallel()
	for text, p := range map[string]Point{
		`no boundary "disk"`: {Site: Site{Boundary: "disk"}, K: 1, Kind: Before},
		`no kind "maimed"`:   {Site: Site{Boundary: Tables}, K: 1, Kind: "maimed"},
		"k is 0":             {Site: Site{Boundary: Tables}, Kind: Before},
		"kills nobody":       {Site: Site{Boundary: Tables}, K: 1, Kind: Lost, WithHost: true},
		"host already":       {Site: Site{Boundary: Tables}, K: 1, Kind: Stopped, WithHost: true},
	} {
		if err := p.check(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want %q", err, text)
		}
	}
	if err := checkSabotage("nothing"); err == nil || !strings.Contains(err.Error(), "double-post") {
		t.Errorf("%v", err)
	}
	if _, err := Run(t.Context(), Options{App: t.TempDir()}); err == nil ||
		!strings.Contains(err.Error(), "no staged app") {
		t.Errorf("%v", err)
	}
}
