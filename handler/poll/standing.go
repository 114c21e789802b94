package poll

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/switches"
	"cordon/handler/notice"
)

// With two sources of alerts each may fail while the other goes on. What each did is kept in the ledger, so that people
// are told once, and once when it is well again.

const (
	// outFor is how long a source cannot be read until people are told: a throttled minute is no news.
	outFor = 5 * time.Minute
	// silentFor is how long a source may not show what the other shows.
	silentFor = time.Hour
)

// Standing is how a source of alerts is, where there are two.
type Standing struct {
	Source string `json:"source"` // defender or graph
	// Since when it cannot be read, or does not show what the other shows; zero: all is well, as far as is known.
	Since time.Time `json:"since,omitzero"`
	Why   string    `json:"why,omitempty"`
	Told  bool      `json:"told,omitempty"` // people are told

	Newest Sight     `json:"newest,omitzero"` // of Defender for Endpoint's alerts that it showed
	Lacks  Sight     `json:"lacks,omitzero"`  // the first that only the other source has shown
	LackAt time.Time `json:"lackAt,omitzero"` // since when, by our clock
}

// out reports whether the source did not work when it was last asked.
func (s Standing) out() bool {
	return !s.Since.IsZero()
}

// Risk says why a source of alerts puts a promise at risk; empty: it does not.
func (s Standing) Risk() string {
	if !s.Told {
		return ""
	}
	return fmt.Sprintf("alerts are not read from %s since %s: %s", s.Source, s.Since.UTC().Format(time.RFC3339), s.Why)
}

// standings are those of all sources, by their names; empty where there is one.
type standings map[alert.Source]Standing

func (all standings) of(name alert.Source) Standing {
	return all[name]
}

func markOf(name string) string { return "source:" + name }

// ReadStandings reads how sources are; those that were never asked beside another are left out.
func ReadStandings(
	ctx context.Context,
	store *switches.Store,
	names []alert.Source,
) ([]Standing, error) {
	var all []Standing
	for _, name := range names {
		s, err := readMark[Standing](ctx, store, markOf(name.String()))
		if err != nil {
			return nil, err
		}
		if s.Source != "" {
			all = append(all, s)
		}
	}
	return all, nil
}

// standings reads how the sources are.
func (p *Poller) standings(ctx context.Context) (standings, error) {
	all := standings{}
	if len(p.Sources) == 1 {
		return all, nil
	}
	for _, s := range p.Sources {
		is, err := readMark[Standing](ctx, p.Switches, markOf(s.Name.String()))
		if err != nil {
			return nil, err
		}
		is.Source = s.Name.String()
		all[s.Name] = is
	}
	return all, nil
}

// wellFirst are the sources, those first that worked when they were last asked: none waits for one that is out of
// order.
func (p *Poller) wellFirst(all standings) []Source {
	return slices.SortedStableFunc(slices.Values(p.Sources), func(a, b Source) int {
		return cmp.Compare(rank(all.of(a.Name)), rank(all.of(b.Name)))
	})
}

func rank(s Standing) int {
	if s.out() {
		return 1
	}
	return 0
}

// judge says whether the poll failed, and keeps how the sources are. What only one source is at fault for is told to
// people and fails nothing.
func (p *Poller) judge(ctx context.Context, reads []reading, before standings) error {
	var errs []error
	for _, r := range reads {
		if r.late {
			p.Log.WarnContext(ctx, "the poll has not reached the present yet; it goes on where it stopped",
				"source", r.Name.String(),
				"watermark", r.mark.At)
		}
		if err := r.failed(); err != nil {
			errs = append(errs, err)
		}
	}
	ours := slices.ContainsFunc(reads, func(r reading) bool {
		return r.ours != nil
	})
	if len(reads) == 1 || ours {
		return errors.Join(errs...)
	}
	if len(errs) < len(reads) {
		for _, err := range errs {
			p.Log.WarnContext(ctx, "a source of alerts cannot be read; the other goes on", "error", err.Error())
		}
		errs = nil
	}
	now := p.Now().UTC()
	for _, r := range reads {
		was := before.of(r.Name)
		errs = append(errs,
			p.keep(ctx, was, was.next(r, shownByOthers(reads, r.Name), now), now))
	}
	return errors.Join(errs...)
}

// shownByOthers is the newest alert that other sources showed.
func shownByOthers(reads []reading, than alert.Source) Sight {
	var newest Sight
	for _, r := range reads {
		if r.Name != than && r.newest.Updated.After(newest.Updated) {
			newest = r.newest
		}
	}
	return newest
}

// next is how a source is after it was read. other is the newest alert that another source showed meanwhile.
func (s Standing) next(r reading, other Sight, now time.Time) Standing {
	if r.newest.Updated.After(s.Newest.Updated) {
		s.Newest = r.newest
	}
	if !s.Newest.Updated.Before(s.Lacks.Updated) {
		s.Lacks = Sight{}
		s.LackAt = time.Time{}
	}
	if s.LackAt.IsZero() && other.Updated.After(s.Newest.Updated) {
		s.Lacks, s.LackAt = other, now
	}
	why, since := "", now
	switch {
	case r.unread != nil:
		why = r.unread.Error()
	case !s.LackAt.IsZero() && now.Sub(s.LackAt) >= silentFor:
		why = fmt.Sprintf("it has not shown alert %s as it was updated at %s, which the other source shows",
			s.Lacks.ID, s.Lacks.Updated.Format(time.RFC3339))
		since = s.LackAt
	}
	switch {
	case why == "":
		s.Since = time.Time{}
		s.Why = ""
		s.Told = false
		return s
	case s.Since.IsZero():
		s.Since = since
	}
	s.Why = cut(why)
	s.Told = s.Told || now.Sub(s.Since) >= outFor
	return s
}

// cut bounds what a note of the ledger says.
func cut(text string) string {
	const longest = 300
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return text
}

// keep writes how a source is, if that has changed, and tells people before it notes that they are told: a crash in
// between tells the same event, which is known by its key.
func (p *Poller) keep(ctx context.Context, was, is Standing, now time.Time) error {
	if was.Why != "" && is.Why != "" && was.Told == is.Told {
		is.Why = was.Why // what it says may differ at every look, such as the id of a request
	}
	if was == is {
		return nil
	}
	kind, since := notice.Kind(""), is.Since
	switch {
	case is.Told && !was.Told:
		kind = notice.SourceOut
	case was.Told && !is.Told:
		kind, since = notice.SourceBack, was.Since
	}
	if kind != "" {
		if err := p.Teller.Tell(ctx, notice.OperatorGroup, p.news(kind, is, since, now)); err != nil {
			return err
		}
	}
	return writeMark(ctx, p.Switches, markOf(is.Source), now, is)
}

// news is what people are told of a source.
func (p *Poller) news(kind notice.Kind, s Standing, since, now time.Time) notice.Event {
	stamp := since.UTC().Format(time.RFC3339)
	detail := fmt.Sprintf("Since %s: %s. The other source goes on, and what this one did not show is read when it is "+
		"back. Look at /api/health and at cordon doctor.", stamp, s.Why)
	if kind == notice.SourceBack {
		detail = "What it did not show since " + stamp + " is read now."
	}
	return notice.Event{
		Kind:   kind,
		At:     now,
		RunID:  s.Source + " " + stamp,
		Detail: detail,
		To:     p.Operator,
	}
}
