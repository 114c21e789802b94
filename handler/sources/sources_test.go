package sources

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/looks"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const onOther = "da1:0123456789012345678901234567890123456789"

// trouble is an error of an API.
type trouble struct{ is machine.Trouble }

func (t trouble) Error() string             { return t.is.String() }
func (t trouble) Trouble() machine.Trouble  { return t.is }
func (t trouble) RetryAfter() time.Duration { return 0 }

// api is one of the sources: what it shows, and how it fails.
type api struct {
	shows   []alert.Alert
	fails   machine.Trouble // NoTrouble: it does not
	changes int
	asked   []string
}

func (a *api) answer(id string) ([]alert.Alert, error) {
	a.asked = append(a.asked, id)
	switch {
	case a.fails != machine.NoTrouble:
		return nil, fmt.Errorf("read: %w", trouble{a.fails})
	case len(a.shows) == 0:
		return nil, trouble{machine.NotFound}
	}
	return a.shows, nil
}

// defenderAPI is Defender, which shows an alert once.
type defenderAPI struct{ *api }

func (d defenderAPI) Alert(_ context.Context, id string) (alert.Alert, error) {
	all, err := d.answer(id)
	if err != nil {
		return alert.Alert{}, err
	}
	return all[0], nil
}

func (d defenderAPI) AlertComments(_ context.Context, id string) ([]string, error) {
	_, err := d.answer(id)
	return []string{"by defender"}, err
}

func (d defenderAPI) UpdateAlert(ctx context.Context, id string, _ alert.Change) (alert.Alert, error) {
	d.changes++
	return d.Alert(ctx, id)
}

type graphAPI struct{ *api }

func (g graphAPI) Alert(_ context.Context, id string) ([]alert.Alert, error) { return g.answer(id) }

func (g graphAPI) AlertComments(_ context.Context, id string) ([]string, error) {
	_, err := g.answer(id)
	return []string{"by graph"}, err
}

func (g graphAPI) UpdateAlert(_ context.Context, id string, _ alert.Change) ([]alert.Alert, error) {
	g.changes++
	return g.answer(id)
}

func shown(source alert.Source, id string, severity alert.Severity, updated time.Time) alert.Alert {
	return alert.Alert{ID: id, Severity: severity, Updated: updated, Source: source}
}

// house is a reader over two sources, and what was seen of the alert.
func house(defender, graph *api, seen runs.Seen) *Reader {
	r := &Reader{
		Seen: func(context.Context, string) (runs.Seen, bool, error) { return seen, seen.Version > 0, nil },
		Now:  func() time.Time { return noon.Add(time.Hour) },
	}
	if defender != nil {
		r.Defender = defenderAPI{defender}
	}
	if graph != nil {
		r.Graph = graphAPI{graph}
	}
	return r
}

// seenBy is an alert of which sources showed one version after the other.
func seenBy(versions ...alert.Alert) runs.Seen {
	var seen runs.Seen
	for _, a := range versions {
		seen.Make(looks.Look{Alert: a, Hash: alert.DecisionHash(a), At: noon})
	}
	return seen
}

func TestWhicheverSourceWorksAnswers(t *testing.T) {
	t.Parallel()
	both := func(source alert.Source) []alert.Alert {
		return []alert.Alert{shown(source, "da1", "High", noon), shown(source, onOther, "High", noon)}
	}
	for name, tt := range map[string]struct {
		id              string
		defender, graph *api
		seen            runs.Seen
		from            string // which source answers; empty: none
		trouble         machine.Trouble
	}{
		"both work":           {"da1", &api{shows: both("")}, &api{shows: both("graph")}, runs.Seen{}, "defender", 0},
		"Defender denies":     {"da1", &api{fails: machine.Denied}, &api{shows: both("graph")}, runs.Seen{}, "graph", 0},
		"Defender is gone":    {"da1", &api{fails: machine.Refused}, &api{shows: both("graph")}, runs.Seen{}, "graph", 0},
		"of another product":  {"da1", &api{}, &api{shows: both("graph")}, runs.Seen{}, "graph", 0},
		"another machine":     {onOther, &api{shows: both("")}, &api{shows: both("graph")}, runs.Seen{}, "graph", 0},
		"only Graph is used":  {"da1", nil, &api{shows: both("graph")}, runs.Seen{}, "graph", 0},
		"nobody knows it":     {"da1", &api{}, &api{}, runs.Seen{}, "", machine.NotFound},
		"one is out of order": {"da1", &api{fails: machine.Transient}, &api{}, runs.Seen{}, "", machine.Transient},
		"one denies":          {"da1", &api{}, &api{fails: machine.Denied}, runs.Seen{}, "", machine.Denied},
		"a machine that the alert no longer names": {
			onOther, &api{shows: both("")}, &api{shows: both("graph")[:1]}, runs.Seen{}, "", machine.NotFound,
		},
		"a machine that only Graph shows, without Graph": {
			onOther, &api{shows: both("")}, nil, runs.Seen{}, "", machine.NotFound,
		},
		"Defender lags behind what Graph showed": {
			"da1", &api{shows: []alert.Alert{shown("", "da1", "Low", noon.Add(-time.Minute))}},
			&api{shows: both("graph")}, seenBy(both("graph")[0]), "graph", 0,
		},
		"Graph shows what it showed, Defender is out of order": {
			"da1", &api{fails: machine.Denied},
			&api{shows: []alert.Alert{shown("graph", "da1", "Low", noon.Add(-time.Minute))}},
			seenBy(shown("graph", "da1", "Low", noon.Add(-time.Minute)), both("")[0]), "", machine.Transient,
		},
		"Graph lags, Defender is out of order": {
			"da1", &api{fails: machine.Transient},
			&api{shows: []alert.Alert{shown("graph", "da1", "Low", noon.Add(-time.Minute))}},
			seenBy(both("")[0]), "", machine.Transient,
		},
	} {
		a, err := house(tt.defender, tt.graph, tt.seen).Alert(t.Context(), tt.id)
		trouble, _ := machine.TroubleOf(err)
		switch {
		case trouble != tt.trouble:
			t.Errorf("%s: %v, want %v", name, err, tt.trouble)
		case err == nil && (a.Source.String() != tt.from || a.ID != tt.id):
			t.Errorf("%s: %s answers about %s", name, a.Source, a.ID)
		}
	}
}

func TestGraphIsAskedByItsOwnID(t *testing.T) {
	t.Parallel()
	graph := &api{shows: []alert.Alert{shown("graph", "da1", "High", noon)}}
	seen := seenBy(graph.shows[0])
	seen.GraphID = "graph-7"
	r := house(nil, graph, seen)
	if _, err := r.Alert(t.Context(), "da1"); err != nil {
		t.Error(err)
	}
	if comments, err := r.AlertComments(t.Context(), "da1"); err != nil || comments[0] != "by graph" {
		t.Error(comments, err)
	}
	r.Defender = defenderAPI{&api{shows: graph.shows}}
	if comments, err := r.AlertComments(t.Context(), "da1"); err != nil || len(comments) != 2 {
		t.Error("of two sources:", comments, err)
	}
	r.Defender = defenderAPI{&api{fails: machine.Denied}}
	if comments, err := r.AlertComments(t.Context(), "da1"); err != nil || len(comments) != 1 {
		t.Error("of two sources, one of them out of order:", comments, err)
	}
	r.Graph = graphAPI{&api{}}
	if _, err := r.AlertComments(t.Context(), "da1"); err == nil {
		t.Error("no source answers and there is no error")
	}
	if got := strings.Join(graph.asked, " "); got != "graph-7 graph-7 graph-7 graph-7" {
		t.Errorf("Graph was asked for %s", got)
	}
}

// TestAChangeIsNeverAskedForTwice holds that only a source that certainly changed nothing is followed by another one.
func TestAChangeIsNeverAskedForTwice(t *testing.T) {
	t.Parallel()
	for fails, want := range map[machine.Trouble]int{
		machine.NoTrouble:   0,
		machine.NotFound:    1,
		machine.Denied:      1,
		machine.Refused:     1,
		machine.Transient:   1,
		machine.UnknownFate: 0,
	} {
		defender := &api{fails: fails, shows: []alert.Alert{shown("", "da1", "High", noon)}}
		graph := &api{shows: []alert.Alert{shown("graph", "da1", "High", noon)}}
		_, err := house(defender, graph, runs.Seen{}).UpdateAlert(t.Context(), "da1", alert.Change{Comment: "c"})
		if graph.changes != want || (err == nil) != (fails != machine.UnknownFate) {
			t.Errorf("%v: Graph is asked %d times, %v", fails, graph.changes, err)
		}
	}
}

func TestWithoutTheLedgerNoSourceIsAsked(t *testing.T) {
	t.Parallel()
	defender := &api{shows: []alert.Alert{shown("", "da1", "High", noon)}}
	r := house(defender, nil, runs.Seen{})
	out := errors.New("out of order")
	r.Seen = func(context.Context, string) (runs.Seen, bool, error) { return runs.Seen{}, false, out }
	if _, err := r.Alert(t.Context(), "da1"); !errors.Is(err, out) || len(defender.asked) > 0 {
		t.Errorf("%v; asked for %v", err, defender.asked)
	}
}
