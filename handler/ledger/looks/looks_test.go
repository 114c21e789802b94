package looks

import (
	"encoding/json"
	"fmt"
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
	type seen struct {
		Look
		want Meaning
	}
	d := func(s alert.Severity, minutes int, want Meaning) seen {
		return seen{view(alert.Defender, s, minutes), want}
	}
	g := func(s alert.Severity, minutes int, want Meaning) seen {
		return seen{view(alert.Graph, s, minutes), want}
	}
	single := func(s seen) seen { s.Single = true; return s }
	reworded := func(s seen) seen {
		s.Alert.Title = "another title"
		s.Look = of(s.Alert)
		return s
	}
	for name, looks := range map[string][]seen{
		"the same, at the same time":        {d("High", 0, News), g("High", 0, Known), d("High", 0, Known), g("High", 0, Known)},
		"the same, updated since":           {d("High", 0, News), g("High", 5, Known), d("High", 5, Known)},
		"the first to show a change":        {d("Medium", 0, News), g("High", 5, News), d("High", 5, Known), g("High", 5, Known)},
		"both ways":                         {g("Medium", 0, News), d("High", 5, News), g("High", 5, Known)},
		"lags behind a change":              {d("Medium", 0, News), d("High", 5, News), g("Medium", 0, Lagging), g("High", 5, Known)},
		"lags behind several":               {d("Medium", 0, News), d("High", 5, News), d("Low", 9, News), g("High", 5, Lagging), g("Low", 9, Known)},
		"goes on alone after a change":      {d("High", 0, News), g("High", 0, Known), d("Medium", 5, News), g("High", 9, News)},
		"comes back to what it showed":      {g("High", 0, News), d("High", 0, Known), d("Low", 5, News), d("High", 9, News), g("High", 9, Known)},
		"differs in words of its own":       {d("High", 0, News), g("High", 0, Known), reworded(g("High", 5, News)), reworded(g("High", 5, Known)), d("High", 5, Known)},
		"first look in other words":         {d("High", 0, News), reworded(g("High", 5, Known)), reworded(g("High", 6, Known))},
		"read alone at the same time":       {d("High", 0, News), single(g("High", 0, Known)), single(d("High", 0, Old))},
		"one source as it always was":       {d("Medium", 0, News), d("High", 5, News), d("Medium", 3, Old), d("High", 7, Known), d("Low", 8, News)},
		"a time that lies ahead":            {d("Medium", 999, News), g("Medium", 0, Known), g("High", 1, News), d("High", 1, Known), d("Medium", 999, News)},
		"the other one's future is no past": {g("Medium", 999, News), d("High", 1, News), g("High", 1, Known)},
	} {
		var l Looks
		for i, s := range looks {
			if got := l.look(s.Look); got != s.want {
				t.Errorf("%s: look %d means %d, want %d", name, i, got, s.want)
			}
		}
	}
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
			after.Alert.Severity, after.Alert.Updated = alert.Low, noon.Add(2*time.Minute)
			if m := l.Compare(of(after.Alert)); m != News {
				t.Errorf("by %s: another change that %s shows means %d", by, s, m)
			}
		}
		if l.Absorb(Own{Version: 2, Was: is, Is: was}) {
			t.Error("a change that another version made is taken for seen")
		}
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
		state := severities[0]
		history := []Look{}
		minute := 0
		var l Looks
		at := map[alert.Source]int{alert.Defender: -1, alert.Graph: -1} // what each showed last
		answered := ""
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "changes") || len(history) == 0 {
				state = severities[rapid.IntRange(0, 2).Draw(t, "severity")]
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
