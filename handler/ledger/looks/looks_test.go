package looks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordon/handler/alert"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// view is an alert as a source shows it, minutes after noon. Graph writes the description in its own words.
func view(source alert.Source, severity alert.Severity, minutes int) Look {
	a := alert.Alert{
		ID:          "da1",
		Severity:    severity,
		MachineID:   "m1",
		Source:      source,
		Description: "as " + source.String() + " has it",
		Updated:     noon.Add(time.Duration(minutes) * time.Minute),
	}
	return of(a)
}

func of(a alert.Alert) Look {
	return Look{
		Alert: a,
		Hash:  alert.DecisionHash(a),
		At:    noon.Add(time.Hour),
	}
}

// look does with a look what ingest does.
func (l *Looks) look(o Look) Meaning {
	m := l.Compare(o)
	if m == News {
		l.Make(o)
	} else {
		l.Note(o)
	}
	return m
}

func TestWhatASecondSourceShows(t *testing.T) {
	t.Parallel()
	meanings := map[string]Meaning{"known": Known, "news": News, "old": Old, "lagging": Lagging}
	// Each look is a source, a severity, minutes after noon, and what it means.
	for name, looks := range map[string][]string{
		"the same, at the same time": {
			"defender High 0 news",
			"graph High 0 known",
			"defender High 0 known",
			"graph High 0 known",
		},
		"the same, updated since": {
			"defender High 0 news",
			"graph High 5 known",
			"defender High 5 known",
		},
		"the first to show a change": {
			"defender Medium 0 news",
			"graph High 5 news",
			"defender High 5 known",
			"graph High 5 known",
		},
		"both ways": {
			"graph Medium 0 news",
			"defender High 5 news",
			"graph High 5 known",
		},
		"lags behind a change": {
			"defender Medium 0 news",
			"defender High 5 news",
			"graph Medium 0 lagging",
			"graph High 5 known",
		},
		"lags behind several": {
			"defender Medium 0 news",
			"defender High 5 news",
			"defender Low 9 news",
			"graph High 5 lagging",
			"graph Low 9 known",
		},
		"goes on alone after a change": {
			"defender High 0 news",
			"graph High 0 known",
			"defender Medium 5 news",
			"graph High 9 news",
		},
		"comes back to what it showed": {
			"graph High 0 news",
			"defender High 0 known",
			"defender Low 5 news",
			"defender High 9 news",
			"graph High 9 known",
		},
		"differs in words of its own": {
			"defender High 0 news",
			"graph High 0 known",
			"graph reworded High 5 news",
			"graph reworded High 5 known",
			"defender High 5 known",
		},
		"first look in other words": {
			"defender High 0 news",
			"graph reworded High 5 known",
			"graph reworded High 6 known",
		},
		"read alone at the same time": {
			"defender High 0 news",
			"graph single High 0 known",
			"defender single High 0 old",
		},
		"read alone, and still behind": {
			"graph Medium 0 news",
			"defender High 5 news",
			"graph single Medium 0 lagging",
			"graph single High 5 known",
		},
		"one source as it always was": {
			"defender Medium 0 news",
			"defender High 5 news",
			"defender Medium 3 old",
			"defender High 7 known",
			"defender Low 8 news",
		},
		"a time that lies ahead": {
			"defender Medium 999 news",
			"graph Medium 0 known",
			"graph High 1 news",
			"defender High 1 known",
			"defender Medium 999 news",
		},
		"the other one's future is no past": {
			"graph Medium 999 news",
			"defender High 1 news",
			"graph High 1 known",
		},
	} {
		var l Looks
		for i, written := range looks {
			words := strings.Fields(written)
			o := lookOf(t, words)
			if got := l.look(o); got != meanings[words[len(words)-1]] {
				t.Errorf("%s: look %d, %q, means %d", name, i, written, got)
			}
		}
	}
}

// lookOf reads a look: "single" was read alone, "reworded" has another title.
func lookOf(t *testing.T, words []string) Look {
	t.Helper()
	minutes, err := strconv.Atoi(words[len(words)-2])
	if err != nil {
		t.Fatal(err)
	}
	source := alert.Defender
	if words[0] == alert.Graph.String() {
		source = alert.Graph
	}
	o := view(source, alert.Severity(words[len(words)-3]), minutes)
	if slices.Contains(words, "reworded") {
		o.Alert.Title = "another title"
		o = of(o.Alert)
	}
	o.Single = slices.Contains(words, "single")
	return o
}

func TestCordonsOwnChangeIsNoNewsFromAnySource(t *testing.T) {
	t.Parallel()
	for _, by := range []alert.Source{alert.Defender, alert.Graph} {
		var l Looks
		for _, s := range []alert.Source{alert.Defender, alert.Graph} {
			l.look(view(s, "High", 0))
		}
		was := view(by, "High", 0).Alert
		is := was
		is.Status, is.Updated = alert.StatusInProgress, noon.Add(time.Minute)
		own := Own{Version: 1, Was: was, Is: is, Updated: is.Updated}
		if !l.Absorb(own) || l.Absorb(own) {
			t.Errorf("%s: a change of its own is not taken for seen, once", by)
		}
		for _, s := range []alert.Source{alert.Defender, alert.Graph, alert.Defender} {
			after := view(s, "High", 1)
			after.Alert.Status = alert.StatusInProgress
			if m := l.look(of(after.Alert)); m != Known {
				t.Errorf("by %s: what %s shows then means %d", by, s, m)
			}
			after.Alert.Updated = noon.Add(2 * time.Minute)
			if m := l.Compare(of(after.Alert)); m != Known {
				t.Errorf("by %s: the same, updated once more, that %s shows means %d", by, s, m)
			}
			after.Alert.Severity = alert.Low
			if m := l.Compare(of(after.Alert)); m != News {
				t.Errorf("by %s: another change that %s shows means %d", by, s, m)
			}
		}
		if l.Absorb(Own{Version: 2, Was: is, Is: was}) {
			t.Error("a change that another version made is taken for seen")
		}
	}
}

// TestCordonsOwnChangeIsNoNewsFromASourceThatShowsItLater is one that shows the alert only after somebody commented too.
func TestCordonsOwnChangeIsNoNewsFromASourceThatShowsItLater(t *testing.T) {
	t.Parallel()
	var l Looks
	l.look(view(alert.Defender, "High", 0))
	l.look(view(alert.Graph, "High", 0))
	was := view(alert.Defender, "High", 0).Alert
	is := was
	is.Status = alert.StatusInProgress
	is.Updated = noon.Add(time.Minute)
	if !l.Absorb(Own{Version: 1, Was: was, Is: is, Updated: is.Updated}) {
		t.Fatal("a change of its own is not taken for seen")
	}
	later := view(alert.Graph, "High", 2)
	later.Alert.Status = alert.StatusInProgress
	later.Alert.Title = "another title"
	if m := l.look(of(later.Alert)); m != Known {
		t.Errorf("what Graph shows later means %d", m)
	}
}

// TestRowFromBeforeThereWereTwoSources is read as what Defender showed.
func TestRowFromBeforeThereWereTwoSources(t *testing.T) {
	t.Parallel()
	first := view(alert.Defender, "High", 0)
	var l Looks
	old := fmt.Sprintf(`{"Version":3,"Hash":%q,"Updated":"2026-03-02T12:00:00Z"}`, first.Hash)
	if err := json.Unmarshal([]byte(old), &l); err != nil {
		t.Fatal(err)
	}
	if !l.ShownBy(alert.Defender) || l.ShownBy(alert.Graph) || !l.upTo().Equal(noon) {
		t.Errorf("%+v", l)
	}
	for _, s := range []struct {
		look Look
		want Meaning
	}{
		{first, Known}, {view(alert.Graph, "High", 0), Known}, {view(alert.Graph, "High", 0), Known},
		{view(alert.Graph, "Low", 1), News}, {view(alert.Defender, "Low", 1), Known},
	} {
		if m := l.look(s.look); m != s.want {
			t.Errorf("%s shows %s: %d, want %d", s.look.Alert.Source, s.look.Alert.Severity, m, s.want)
		}
	}
}

// TestEveryChangeIsOneVersionWhoeverShowsIt plays an alert that changes while two sources show it, each late by its own
// measure and each out of order for a time. Whatever a source shows last is answered, and nothing twice.
func TestEveryChangeIsOneVersionWhoeverShowsIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		severities := []alert.Severity{alert.Low, alert.Medium, alert.High}
		history := []Look{}
		minute := 0
		var l Looks
		at := map[alert.Source]int{alert.Defender: -1, alert.Graph: -1} // what each showed last
		answered := ""
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "changes") || len(history) == 0 {
				state := severities[rapid.IntRange(0, 2).Draw(t, "severity")]
				minute++
				history = append(history, view("", state, minute))
			}
			source := rapid.SampledFrom([]alert.Source{alert.Defender, alert.Graph}).Draw(t, "source")
			shows := rapid.IntRange(max(at[source], 0), len(history)-1).Draw(t, "shows")
			at[source] = shows
			o := view(source, history[shows].Alert.Severity, shows+1)
			newest := max(at[alert.Defender], at[alert.Graph])
			before := l.Version
			m := l.look(o)
			is := string(history[newest].Alert.Severity)
			if m == News && is == answered {
				t.Fatalf("%s is answered again, as version %d", is, l.Version)
			}
			if l.Version > before {
				answered = string(o.Alert.Severity)
			}
			if answered != is {
				t.Fatalf("the newest that was shown is %s, answered is %s", is, answered)
			}
		}
	})
}
