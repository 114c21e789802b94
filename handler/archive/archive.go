// Package archive keeps how runs were decided, and on what, so that they can be shown, and decided again by another
// playbook.
//
// Neighbours: handler/respond decides, handler/decided is what is kept, handler/ledger/decisions is where.
package archive

import (
	"context"
	"encoding/json"

	"cordon/handler/alert"
	"cordon/handler/decided"
	"cordon/handler/ledger/decisions"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/outgoing"
	"cordon/handler/playbook"
)

// Archive keeps decisions. Both fields are required.
type Archive struct {
	Decisions *decisions.Store
	Version   string // of this program
}

// Made is a decision that was just made.
type Made struct {
	Run       runs.Run
	Input     playbook.Input
	Plan      playbook.Plan // before a person let anything go on
	Continued []string      // keys of the steps that a person let go on
	Playbook  string        // digest
}

// Keep keeps a decision in place of an earlier one of the run. Of facts that are too large as much is kept as fits, and
// if that is nothing, that they were: an earlier decision never stands for this one. So is what cannot be written. An
// error is the ledger's.
func (a *Archive) Keep(ctx context.Context, m Made) error {
	d := decided.Of(m.Input, m.Plan)
	d.Run = m.Run.ID()
	d.AlertID = m.Run.AlertID
	d.Version = m.Run.Version
	d.ObservedAt = m.Run.ObservedAt
	d.Playbook = m.Playbook
	d.Cordon = a.Version
	d.Continued = m.Continued
	var body []byte
	_, fits, err := decided.Fit(d, decisions.MaxBody, func(d decided.Decision) (n int, err error) {
		body, n, err = packed(d)
		return n, err
	})
	switch {
	case err != nil: // no later try could write them, and the alert is to be answered
		body, err = rows.Pack(lost(d, "they cannot be written: "+err.Error()))
	case !fits:
		body, err = rows.Pack(lost(d, "they are too large"))
	}
	if err != nil {
		return err
	}
	return a.Decisions.Put(ctx, decisions.Record{
		AlertID:    d.AlertID,
		Version:    d.Version,
		ObservedAt: d.ObservedAt,
		MachineID:  m.Input.Alert.MachineID,
		Body:       body,
	})
}

// mostUnpacked is how large a decision is that is kept, in bytes of JSON.
const mostUnpacked = 1 << 20

// packed is a decision as it is kept. n is its size; of one that packs well, but is too large to be sent, more than
// fits.
func packed(d decided.Decision) (body []byte, n int, err error) {
	whole, err := outgoing.Encode(d)
	if err != nil || len(whole) > mostUnpacked {
		return nil, decisions.MaxBody + 1, err
	}
	body, err = rows.Pack(d)
	return body, len(body), err
}

// Read reads the decision of a run; false if none is kept: the run was never decided, its facts were erased, or they
// are older than CORDON_FACTS_RETENTION.
func (a *Archive) Read(ctx context.Context, run runs.Run) (d decided.Decision, found bool, err error) {
	r, found, err := a.Decisions.Read(ctx, run.AlertID, run.Version, run.ObservedAt)
	if err != nil || !found {
		return d, false, err
	}
	d, _ = unpacked(r)
	if d.Facts.Alert.ID != "" && !isOf(d, run) {
		d = lost(d, "the run was decided again since, and it is not kept on what")
	}
	return d, true, nil
}

// isOf reports whether a decision is the one that stands in the run. It is kept after the run is written, so a process
// that died in between, or another that was late, left an earlier one behind.
func isOf(d decided.Decision, run runs.Run) bool {
	return d.Playbook == run.Book && d.Rule == run.Rule && string(d.Mode) == run.Mode
}

// How much a page holds: so many decisions, and fewer once they have so many bytes.
const (
	MostOnPage = 200
	pageEnough = 4 << 20
)

// Page reads decisions, newest first, at most MostOnPage. next is the place behind the last of them; empty: nothing
// follows. One that cannot be read names its run and says so in Left.
func (a *Archive) Page(
	ctx context.Context,
	q decisions.Query,
) (page []decided.Decision, next string, err error) {
	found, next, err := a.Decisions.Page(ctx, q)
	if err != nil {
		return nil, "", err
	}
	size := 0
	page = make([]decided.Decision, 0, len(found))
	for i, r := range found {
		d, n := unpacked(r)
		page = append(page, d)
		size += n
		if size >= pageEnough && i < len(found)-1 {
			return page, r.Place(), nil
		}
	}
	return page, next, nil
}

// unpacked is a record's decision, and its size.
func unpacked(r decisions.Record) (d decided.Decision, n int) {
	body, err := rows.Unpack(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &d)
	}
	if err != nil {
		named := decided.Decision{
			Run:        alert.RunID(r.AlertID, r.Version),
			AlertID:    r.AlertID,
			Version:    r.Version,
			ObservedAt: r.ObservedAt,
		}
		d = lost(named, "it cannot be read: "+err.Error())
	}
	return d, len(body)
}

// lost is a decision of which only that it was made is known.
func lost(d decided.Decision, why string) decided.Decision {
	return decided.Decision{
		Run:        d.Run,
		AlertID:    d.AlertID,
		Version:    d.Version,
		ObservedAt: d.ObservedAt,
		Playbook:   d.Playbook,
		Cordon:     d.Cordon,
		Left:       []string{"all: " + why},
	}
}
