// Package sources reads and changes single alerts, whichever source they come from: each call goes to the sources in
// turn, first to one that shows the alert as it was seen, until one answers. So one answer is given to an alert
// although a source is out of order, or does not know it. Neighbours: handler/poll finds alerts by the same sources,
// handler/ledger/looks knows what each of them showed.
package sources

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/looks"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
)

// Defender is the API of Defender for Endpoint.
type Defender interface {
	Alert(ctx context.Context, id string) (alert.Alert, error)
	AlertComments(ctx context.Context, id string) ([]string, error)
	UpdateAlert(ctx context.Context, id string, change alert.Change) (alert.Alert, error)
}

// Graph is Microsoft Graph, which knows an alert by its own id and shows it once for each of its machines.
type Graph interface {
	Alert(ctx context.Context, graphID string) ([]alert.Alert, error)
	AlertComments(ctx context.Context, graphID string) ([]string, error)
	UpdateAlert(ctx context.Context, graphID string, change alert.Change) ([]alert.Alert, error)
}

// Reader reads and changes alerts by their ids in the ledger. Seen and Now are required, and one of the sources.
type Reader struct {
	Defender Defender // nil: not used
	Graph    Graph    // nil: not used
	// Seen is what was last seen of an alert; false if it never was.
	Seen func(ctx context.Context, id string) (runs.Seen, bool, error)
	Now  func() time.Time
}

// source is one of the sources, about one alert.
type source struct {
	name     alert.Source
	read     func(ctx context.Context) (alert.Alert, error)
	comments func(ctx context.Context) ([]string, error)
	update   func(ctx context.Context, change alert.Change) (alert.Alert, error)
}

// Alert reads an alert with its evidence. An answer from before what was seen is none: it is machine.Transient. The
// error's Trouble is machine.NotFound only if no source knows the alert. A repeat is safe.
func (r *Reader) Alert(ctx context.Context, id string) (alert.Alert, error) {
	return ask(ctx, r, id, func(s source, seen *runs.Seen) (alert.Alert, error) {
		a, err := s.read(ctx)
		if err == nil && r.past(seen, a) {
			err = &past{
				source:  s.name,
				id:      id,
				updated: a.Updated,
			}
		}
		return a, err
	}, always)
}

// AlertComments reads what was written on an alert, from every source that answers: one may show later than the other
// what was written by it. A comment that both show is there twice. A repeat is safe.
func (r *Reader) AlertComments(ctx context.Context, id string) ([]string, error) {
	seen, _, err := r.Seen(ctx, id)
	if err != nil {
		return nil, err
	}
	var all []string
	var failed error
	answered := false
	for _, s := range r.inTurn(id, &seen) {
		comments, err := s.comments(ctx)
		if err != nil {
			failed = graver(failed, err)
			continue
		}
		answered = true
		all = append(all, comments...)
	}
	if answered {
		return all, nil
	}
	return nil, failed
}

// UpdateAlert changes an alert by one source. Another one is asked only if the first certainly changed nothing; after
// any other error the caller reads AlertComments before a repeat.
func (r *Reader) UpdateAlert(
	ctx context.Context,
	id string,
	change alert.Change,
) (alert.Alert, error) {
	update := func(s source, _ *runs.Seen) (alert.Alert, error) {
		return s.update(ctx, change)
	}
	return ask(ctx, r, id, update, unchanged)
}

// unchanged reports whether an error says that certainly nothing was changed.
func unchanged(err error) bool {
	trouble, _ := machine.TroubleOf(err)
	return trouble != machine.UnknownFate
}

func always(error) bool { return true }

// ask asks the sources in turn until one answers. next says whether another may be asked after an error.
func ask[T any](
	ctx context.Context,
	r *Reader,
	id string,
	of func(s source, seen *runs.Seen) (T, error),
	next func(error) bool,
) (T, error) {
	var none T
	seen, _, err := r.Seen(ctx, id)
	if err != nil {
		return none, err
	}
	var failed error
	for _, s := range r.inTurn(id, &seen) {
		answer, err := of(s, &seen)
		if err == nil {
			return answer, nil
		}
		if !next(err) {
			return none, err
		}
		failed = graver(failed, err)
	}
	return none, failed
}

// graver is the one of two errors that says what became of the request; a is nil before the first.
func graver(a, b error) error {
	if a == nil || weight(b) > weight(a) {
		return b
	}
	return a
}

// weight orders what sources answer: trouble that may pass outweighs a refusal, and that outweighs that an alert is not
// there.
func weight(err error) int {
	switch trouble, _ := machine.TroubleOf(err); trouble {
	case machine.NotFound:
		return 0
	case machine.Refused:
		return 1
	case machine.Denied:
		return 2
	}
	return 3
}

// inTurn are the sources that may know an alert, those first that showed it as it was seen. What one alert says of
// another of its machines only Graph shows.
func (r *Reader) inTurn(id string, seen *runs.Seen) []source {
	var all []source
	if r.Defender != nil && alert.APIID(id) == id {
		all = append(all, r.byDefender(id))
	}
	if r.Graph != nil {
		all = append(all, r.byGraph(id, seen.GraphID))
	}
	if len(all) == 0 {
		all = append(all, r.byNone(id))
	}
	slices.SortStableFunc(all, func(a, b source) int {
		return behind(seen, a.name) - behind(seen, b.name)
	})
	return all
}

func behind(seen *runs.Seen, name alert.Source) int {
	if seen.Version == 0 || seen.ShownBy(name) {
		return 0
	}
	return 1
}

func (r *Reader) byDefender(id string) source {
	return source{
		name: alert.Defender,
		read: func(ctx context.Context) (alert.Alert, error) {
			return r.Defender.Alert(ctx, id)
		},
		comments: func(ctx context.Context) ([]string, error) {
			return r.Defender.AlertComments(ctx, id)
		},
		update: func(ctx context.Context, change alert.Change) (alert.Alert, error) {
			return r.Defender.UpdateAlert(ctx, id, change)
		},
	}
}

// byGraph asks by Graph's own id; where that is not known, it is taken to be the alert's.
func (r *Reader) byGraph(id, graphID string) source {
	if graphID == "" {
		graphID = alert.APIID(id)
	}
	return source{
		name: alert.Graph,
		read: func(ctx context.Context) (alert.Alert, error) {
			all, err := r.Graph.Alert(ctx, graphID)
			return view(id, all, err)
		},
		comments: func(ctx context.Context) ([]string, error) {
			return r.Graph.AlertComments(ctx, graphID)
		},
		update: func(ctx context.Context, change alert.Change) (alert.Alert, error) {
			all, err := r.Graph.UpdateAlert(ctx, graphID, change)
			return view(id, all, err)
		},
	}
}

// byNone answers for an alert that none of the sources in use can know.
func (r *Reader) byNone(id string) source {
	gone := &unknown{id}
	return source{
		read: func(context.Context) (alert.Alert, error) {
			return alert.Alert{}, gone
		},
		comments: func(context.Context) ([]string, error) {
			return nil, gone
		},
		update: func(context.Context, alert.Change) (alert.Alert, error) {
			return alert.Alert{}, gone
		},
	}
}

// view picks what an alert says of the machine that an id is about.
func view(id string, all []alert.Alert, err error) (alert.Alert, error) {
	if err != nil {
		return alert.Alert{}, err
	}
	for _, a := range all {
		if a.ID == id {
			return a, nil
		}
	}
	return alert.Alert{}, &unknown{id}
}

// past reports whether an answer is from before what was seen.
func (r *Reader) past(seen *runs.Seen, a alert.Alert) bool {
	look := looks.Look{
		Alert:  a,
		Hash:   alert.DecisionHash(a),
		At:     r.Now().UTC(),
		Single: true,
	}
	return seen.Compare(look) == looks.Lagging
}

// past is an answer from before what was seen of an alert: it is no answer, and comes right by itself.
type past struct {
	source  alert.Source
	id      string
	updated time.Time
}

func (e *past) Error() string {
	return fmt.Sprintf("%s shows alert %s as it was updated at %s, which is before what was seen of it; "+
		"it is asked again later", e.source, e.id, e.updated.Format(time.RFC3339))
}

// Trouble is machine.Transient.
func (e *past) Trouble() machine.Trouble { return machine.Transient }

// RetryAfter is 0: nobody knows how far the source lags.
func (e *past) RetryAfter() time.Duration { return 0 }

// unknown is an alert that a source does not show as the ledger has it.
type unknown struct{ id string }

func (e *unknown) Error() string {
	return fmt.Sprintf("no source of alerts that is in use (CORDON_ALERT_SOURCE) shows %s", e.id)
}

// Trouble is machine.NotFound.
func (e *unknown) Trouble() machine.Trouble { return machine.NotFound }

// RetryAfter is 0.
func (e *unknown) RetryAfter() time.Duration { return 0 }
