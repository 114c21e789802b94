package poll

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/notice"
)

// second is Graph over the same tenant: it shows what is not hidden from it, and skips as many entries as Graph does.
type second struct {
	*tenant
	out    error
	hidden map[string]bool
	asked  []alert.Window
	atMost int // entries of a page, whatever was asked for; 0: as asked
}

func (s *second) AlertPage(_ context.Context, w alert.Window, visit func(alert.Alert) error) (alert.Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, w)
	if s.out != nil {
		return alert.Page{}, s.out
	}
	if w.Skip > 500 {
		return alert.Page{}, errors.New("400: too many skipped")
	}
	asked := w.Top
	if s.atMost > 0 {
		w.Top = min(w.Top, s.atMost)
	}
	page, err := s.page(w, func(a alert.Alert) error {
		if s.hidden[a.ID] {
			return nil
		}
		a.Source = alert.Graph
		a.Description = "in other words"
		return visit(a)
	})
	page.More = s.atMost > 0 && page.Count == w.Top && w.Top < asked
	return page, err
}

func (s *second) AlertStamps(ctx context.Context, w alert.Window, visit func(alert.Stamp) error) (alert.Page, error) {
	return s.AlertPage(ctx, w, func(a alert.Alert) error { return visit(alert.Stamp{ID: a.ID, Updated: a.Updated}) })
}

// told keeps what people are told.
type told struct{ events []notice.Event }

func (t *told) Tell(_ context.Context, group string, e notice.Event) error {
	known := slices.ContainsFunc(t.events, func(other notice.Event) bool { return other.Key() == e.Key() })
	if group == "operator" && !known {
		t.events = append(t.events, e)
	}
	return nil
}

func (t *told) kinds() string {
	var kinds []string
	for _, e := range t.events {
		kinds = append(kinds, string(e.Kind)+" "+strings.Fields(e.RunID)[0])
	}
	return strings.Join(kinds, ", ")
}

// withTwo is a tenant that is read from both sources.
func withTwo(t *testing.T) (*tenant, *second, *told) {
	t.Helper()
	f := newTenant(t)
	s := &second{tenant: f, hidden: map[string]bool{}}
	people := &told{}
	f.Sources = []Source{Defender(f), Graph(s)}
	f.Teller = people
	f.Operator = []string{"ops@example.org"}
	return f, s, people
}

// pass lets minutes go by with a poll in each.
func (f *tenant) pass(t *testing.T, minutes int) {
	t.Helper()
	for range minutes {
		f.advance(time.Minute)
		f.poll(t)
	}
}

// first lists what was sent, but for what a sweep sent again because nobody answers here.
func (f *tenant) first() string {
	ids := slices.DeleteFunc(strings.Fields(f.ids()), func(id string) bool { return strings.Contains(id, ":s") })
	return strings.Join(ids, " ")
}

func TestWhatTwoSourcesShowIsSentOnce(t *testing.T) {
	t.Parallel()
	f, s, people := withTwo(t)
	f.show("da1", alert.Medium, noon.Add(-time.Minute), noon)
	s.hidden["da2"] = true
	f.show("da2", alert.Low, noon.Add(-time.Minute), noon)
	f.poll(t)
	f.begin(t, "da1", 1)
	f.begin(t, "da2", 1)
	f.pass(t, 3)
	f.show("da1", alert.High, f.clock(), f.clock())
	f.pass(t, 1)
	f.begin(t, "da1", 2)
	s.hidden["da2"] = false
	f.pass(t, 10)
	if got := f.first(); got != "da1:v1 da2:v1 da1:v2" {
		t.Errorf("sent %s", got)
	}
	if people.kinds() != "" {
		t.Errorf("people are told %s", people.kinds())
	}
}

func TestASourceThatIsOutOfOrderIsToldOnceAndHoldsNothingUp(t *testing.T) {
	t.Parallel()
	f, s, people := withTwo(t)
	f.pass(t, 1)
	s.out = errors.New("410 gone; request 1")
	f.pass(t, 4)
	if people.kinds() != "" {
		t.Errorf("people are told %s within minutes", people.kinds())
	}
	s.out = errors.New("410 gone; request 2")
	f.show("da1", alert.High, f.clock(), f.clock())
	f.pass(t, 30)
	if got := f.ids(); !strings.HasPrefix(got, "da1:v1") {
		t.Errorf("sent %s", got)
	}
	standings, err := ReadStandings(t.Context(), f.Switches, []alert.Source{alert.Defender, alert.Graph})
	if err != nil || len(standings) != 2 || standings[0].Risk() != "" ||
		!strings.Contains(standings[1].Risk(), "graph since") {
		t.Errorf("standings %+v, %v", standings, err)
	}
	if people.kinds() != "source out graph" || !strings.Contains(people.events[0].Detail, "410 gone") {
		t.Errorf("people are told %s: %+v", people.kinds(), people.events)
	}
	s.out = nil
	f.pass(t, 2)
	if people.kinds() != "source out graph, source back graph" {
		t.Errorf("people are told %s", people.kinds())
	}
	// The well one is read first, the other one after it.
	before := len(f.windows)
	s.out = errors.New("503")
	f.pass(t, 2)
	if first := f.wellFirst(standingsNow(t, f))[0].Name; len(f.windows) == before || first != alert.Defender {
		t.Errorf("%s is read first", first)
	}
}

func standingsNow(t *testing.T, f *tenant) standings {
	t.Helper()
	all, err := f.standings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestThePollFailsIfNoSourceCanBeRead(t *testing.T) {
	t.Parallel()
	f, s, _ := withTwo(t)
	f.poll(t)
	s.out = errors.New("503")
	f.Sources[0].Alerts = &second{tenant: f, out: errors.New("504")}
	f.advance(time.Minute)
	if err := f.Poll(t.Context()); err == nil || !strings.Contains(err.Error(), "503") ||
		!strings.Contains(err.Error(), "504") {
		t.Errorf("no source can be read: %v", err)
	}
}

func TestASourceThatShowsNothingIsToldAfterAnHour(t *testing.T) {
	t.Parallel()
	f, s, people := withTwo(t)
	f.pass(t, 1)
	s.hidden["da1"] = true
	f.show("da1", alert.High, f.clock(), f.clock())
	f.pass(t, 1)
	f.begin(t, "da1", 1)
	f.pass(t, 58)
	if people.kinds() != "" {
		t.Errorf("people are told %s within the hour", people.kinds())
	}
	f.pass(t, 10)
	if people.kinds() != "source out graph" || !strings.Contains(people.events[0].Detail, "da1") {
		t.Errorf("people are told %s: %+v", people.kinds(), people.events)
	}
	f.show("da2", alert.Low, f.clock(), f.clock())
	f.pass(t, 2)
	if people.kinds() != "source out graph, source back graph" {
		t.Errorf("people are told %s", people.kinds())
	}
}

// TestChangingTheSourceMissesNothing goes from Defender by both to Graph, each dead when it is left.
func TestChangingTheSourceMissesNothing(t *testing.T) {
	t.Parallel()
	f, s, _ := withTwo(t)
	both := f.Sources
	f.Sources = both[:1]
	f.pass(t, 1)
	f.show("da1", alert.High, f.clock(), f.clock())
	f.pass(t, 1)
	f.begin(t, "da1", 1)
	// For three hours nobody polls. Then only Graph is there, which was never asked.
	for range 3 {
		f.advance(time.Hour)
		f.show("da"+string(rune('2'+len(f.alerts)-1)), alert.High, f.clock(), f.clock())
	}
	f.Sources = both[1:]
	f.pass(t, 1)
	for _, id := range []string{"da2", "da3", "da4"} {
		f.begin(t, id, 1)
	}
	f.Sources = both
	f.pass(t, 3)
	if got := f.first(); got != "da1:v1 da2:v1 da3:v1 da4:v1" {
		t.Errorf("sent %s", got)
	}
	if w := s.asked[0]; w.From.After(noon.Add(3 * time.Minute)) {
		t.Errorf("Graph is first read from %s on", w.From)
	}
}

// TestASourceThatIsAddedToAnOldDeploymentLooksBackForAWeek holds that what its records may be gone of is not asked for.
func TestASourceThatIsAddedToAnOldDeploymentLooksBackForAWeek(t *testing.T) {
	t.Parallel()
	f, s, _ := withTwo(t)
	both := f.Sources
	f.Sources = both[:1]
	f.poll(t)
	f.advance(500 * 24 * time.Hour)
	now := f.clock()
	f.show("late", alert.High, now.Add(-6*24*time.Hour), now)
	f.show("old", alert.High, now.Add(-300*24*time.Hour), now)
	f.poll(t)
	f.Sources = both
	f.advance(time.Minute)
	f.poll(t)
	for _, w := range s.asked {
		if back := now.Sub(w.From); back > 15*24*time.Hour {
			t.Errorf("Graph is asked for what is %v old", back)
		}
	}
	if oldest := slices.MinFunc(s.asked, func(a, b alert.Window) int { return a.From.Compare(b.From) }); now.Sub(
		oldest.From) < 7*24*time.Hour {
		t.Errorf("Graph is looked through from %s on", oldest.From)
	}
}

func TestWhatASecondSourceShowsIsReadHoweverItPages(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		alerts, atMost int
		moment         bool // they change at the same time
	}{
		"more than a page":             {2300, 0, false},
		"pages smaller than asked for": {450, 100, false},
		"more than a page in a moment": {1400, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, s, _ := withTwo(t)
			f.Sources = f.Sources[1:]
			s.atMost = tt.atMost
			for i := range tt.alerts {
				updated := noon.Add(-time.Minute)
				if !tt.moment {
					updated = updated.Add(-time.Duration(i) * time.Second / 2)
				}
				f.show(strings.Repeat("a", i/26+1)+string(rune('a'+i%26)), alert.Low, updated, noon)
			}
			f.poll(t)
			ids := map[string]bool{}
			for _, e := range f.sent {
				ids[e.Message.AlertID] = true
			}
			if len(ids) != tt.alerts {
				t.Errorf("%d of %d alerts are sent", len(ids), tt.alerts)
			}
		})
	}
}

func TestMoreThanCanBeReadOfAMomentIsSaid(t *testing.T) {
	t.Parallel()
	f, _, _ := withTwo(t)
	f.Sources = f.Sources[1:]
	for i := range 1600 {
		f.show(strings.Repeat("a", i/26+1)+string(rune('a'+i%26)), alert.Low, noon.Add(-time.Minute), noon)
	}
	if err := f.Poll(t.Context()); err == nil || !strings.Contains(err.Error(), "do not end after") {
		t.Errorf("1,600 alerts of a moment: %v", err)
	}
}
