package feeds

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/local/defendersim"
	"cordon/local/servicebus"
)

// problem is a promise that was broken. Its text has no times in it, so that the same feed breaks it with the same
// words.
type problem struct{ promise, text string }

// version is a version of an alert as the ledger recorded it.
type version struct {
	number   int
	hash     string
	updated  time.Time // lastUpdateTime
	recorded time.Time // by our clock
	polled   bool      // by a poll, which must also enqueue it before the watermark passes
	by       string    // the watermark of the source that showed it
}

// sight is an alert as the API showed it to Cordon.
type sight struct {
	id, hash string
	updated  time.Time
}

// oracle knows what the API showed, what was recorded of it and what was sent, from the wire and the stand-ins alone.
type oracle struct {
	problems  []problem
	machineAt map[string]int

	listed map[string]time.Time // since when lists show the alert as it is now, by the API's clock
	hidden map[string]time.Time // when a page last lost the alert, by our clock
	hashes map[string]string    // decision hash by id and lastUpdateTime
	facts  map[string]alert.Alert
	floor  time.Time // where the first poll began; older alerts are none of Cordon's
	unwell time.Time // when something was last out of order for the polls
	good   []time.Time
	reads  map[*instance][]sight // of the poll that is under way
	// lastUpdateTime at which the poll that is under way begins to read each source; what is older its sweeps found
	starts map[string]time.Time // by watermark
	owed   []sight              // read by polls that said they are complete

	versions map[string][]version
	enqueues map[string]bool // run ids whose message the broker took
	begun    map[string]int  // versions by alert when the invocation began
	answered map[string]int  // highest version whose message was answered
	intruded bool            // something happened in the middle of the poll
	mails    []mail
}

func newOracle() oracle {
	return oracle{
		machineAt: map[string]int{},
		listed:    map[string]time.Time{},
		hidden:    map[string]time.Time{},
		hashes:    map[string]string{},
		facts:     map[string]alert.Alert{},
		reads:     map[*instance][]sight{},
		versions:  map[string][]version{},
		enqueues:  map[string]bool{},
		answered:  map[string]int{},
	}
}

// broken notes a broken promise.
func (w *world) broken(promise, format string, args ...any) {
	p := problem{promise, fmt.Sprintf(format, args...)}
	w.problems = append(w.problems, p)
	w.note("BROKEN %s: %s", p.promise, p.text)
}

func (w *world) failed() bool { return len(w.problems) > 0 }

// appeared says that lists show an alert as it is now from a time on.
func (w *world) appeared(id string, at time.Time) {
	visible := latest(at, w.stateOf(id).VisibleAt.Add(w.feed.ListLag))
	if w.feed.Source == fromGraph {
		visible = latest(at, w.stateOf(id).VisibleAt).Add(w.feed.GraphLag)
	}
	w.listed[id] = visible
}

// told is what all sources say of an alert in the same words; nothing else changes in a feed.
func told(a alert.Alert) string { return a.ID + " " + alert.SharedHash(a) }

// hash is what the API tells of an alert now.
func (w *world) hash(is defendersim.Alert) string {
	id, key := is.ID, is.ID+is.Updated.String()
	if known, ok := w.hashes[key]; ok {
		return known
	}
	a, err := w.clean.Alert(context.Background(), id)
	if err != nil {
		return ""
	}
	w.hashes[key] = told(a)
	return w.hashes[key]
}

// shown notes an alert that a process read.
func (p *instance) shown(a alert.Alert, inList bool) {
	hash := told(a)
	p.facts[hash] = a
	past := a.Updated.Before(p.newest[a.ID])
	p.newest[a.ID] = latest(p.newest[a.ID], a.Updated)
	if past && p.feed.Source == fromBoth {
		return // what came later was known by the other source
	}
	if inList && p.isPoller() {
		p.reads[p] = append(p.reads[p], sight{a.ID, hash, a.Updated})
	}
}

// pollBefore is what a poll found.
type pollBefore struct {
	by   *instance
	from time.Time // lastUpdateTime from which it must see everything that lists show
	at   time.Time // by the API's clock
}

func (w *world) beforePoll(p *instance) pollBefore {
	from := w.now.Add(-w.feed.Lookback)
	w.starts = map[string]time.Time{}
	for _, row := range w.tables.Rows("twatermarks") {
		if text, ok := row.Properties["At"].(string); ok {
			if mark, err := time.Parse(time.RFC3339Nano, text); err == nil {
				w.starts[row.RowKey] = latest(mark.Add(-overlap), w.floor)
			}
		}
	}
	from = latest(from, w.floor)
	if begin, known := w.starts[w.firstMark()]; known {
		from = begin
	}
	if w.depth == 0 {
		w.intruded = false
	}
	w.reads[p] = nil
	return pollBefore{p, from, w.apiNow()}
}

// firstMark is the row of the watermark up to which everything was read: of the only source, or of Defender.
func (w *world) firstMark() string {
	if w.feed.Source == fromGraph {
		return "alerts:graph"
	}
	return "alerts"
}

// sourceDead reports whether the source that firstMark is of shows no alerts.
func (w *world) sourceDead() bool {
	b, known := w.dead[theAlerts]
	if w.feed.Source == fromGraph {
		b, known = w.dead[theGraph]
	}
	return known && w.now.Before(b.until)
}

// afterPoll holds a poll that says it is complete against what the lists show: what lies behind the watermark at once,
// what is older as soon as a sweep was due.
func (w *world) afterPoll(b pollBefore, err error) {
	if err != nil {
		w.note("poll: %v", err)
		w.unwell, w.good = w.now, nil
		return
	}
	w.owed = append(w.owed, w.reads[b.by]...)
	if w.depth > 0 || w.intruded {
		return
	}
	_, out := w.isDown(theAPI)
	failed := w.feed.Source == fromBoth && w.unwell.Equal(w.now)
	if out || failed || w.sourceDead() {
		w.good = nil // the other source was read
		return
	}
	w.good = append(w.good, w.now)
	for _, a := range w.sim.Alerts() {
		id, since := a.ID, w.listed[a.ID]
		if since.After(b.at) || !w.hidden[id].Before(w.now) {
			continue
		}
		since = latest(since.Add(-w.feed.Skew), w.hidden[id])
		due := !a.Updated.Before(b.from) || !a.Updated.Before(w.floor) &&
			(b.at.Sub(a.Updated) < day-time.Hour && w.polledSince(since, time.Hour) ||
				w.listed[id].Sub(a.Updated) < reach && w.polledSince(since, day))
		if due && w.recorded(id) != w.hash(a) {
			w.broken("I1", "%s is listed and a complete poll did not record it", id)
			w.note("%s is dated %v, listed since %v, watermark and overlap reach to %v, first poll to %v", id,
				a.Updated, since, b.from, w.floor)
		}
	}
}

// polledSince reports whether complete polls ran at a time since then and again so much later that a sweep was due.
func (w *world) polledSince(since time.Time, due time.Duration) bool {
	for _, at := range w.good {
		if !at.Before(since) {
			return w.now.Sub(at) >= due
		}
	}
	return false
}

// recorded is the hash of an alert's newest version in the ledger; "" if there is none.
func (w *world) recorded(id string) string {
	if all := w.versions[id]; len(all) > 0 {
		return all[len(all)-1].hash
	}
	return ""
}

// row is what a write puts into a table, as far as it matters here.
type row struct {
	RowKey, AlertID, Shared string
	Version                 int
	Updated, GraphUpdated   time.Time
	Behind                  bool
	At                      time.Time
}

// made is when the alert was updated to the newest version: as the source showed it that is not behind.
func (r row) made() time.Time {
	if r.Behind || r.Updated.IsZero() {
		return r.GraphUpdated
	}
	return r.Updated
}

// rowsOf reads the rows of a write, alone or in a batch.
func rowsOf(body []byte) []row {
	var found []row
	for line := range bytes.Lines(body) {
		var r row
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] == '{' && json.Unmarshal(line, &r) == nil {
			found = append(found, r)
		}
	}
	return found
}

// wrote notes what a process changed in the tables.
func (p *instance) wrote(r *http.Request, body []byte, status int, answer []byte) {
	switch {
	case r.Method == http.MethodGet || status >= 300:
	case strings.HasSuffix(r.URL.Path, "$batch"):
		if bytes.Contains(answer, []byte("HTTP/1.1 4")) {
			return
		}
		for _, r := range rowsOf(body) {
			if r.RowKey == "seen" {
				p.observed(r.AlertID, version{
					number:   r.Version,
					hash:     r.AlertID + " " + r.Shared,
					updated:  r.made(),
					recorded: p.now,
					polled:   p.isPoller() && !r.made().Before(p.starts[p.listing]),
					by:       p.listing,
				})
			}
		}
	case strings.Contains(r.URL.Path, "twatermarks"):
		if p.floor.IsZero() {
			p.floor = p.now.Add(-p.feed.Lookback)
		}
		for _, r := range rowsOf(body) {
			p.advanced(r.RowKey, r.At)
		}
	}
}

func (w *world) observed(id string, v version) {
	all := w.versions[id]
	w.note("%s version %d is recorded", id, v.number)
	if v.number != len(all)+1 {
		w.broken("I1", "%s: version %d is recorded after version %d", id, v.number, len(all))
	}
	if len(all) > 0 && all[len(all)-1].hash == v.hash {
		w.broken("I1", "%s: version %d is what version %d was", id, v.number, v.number-1)
	}
	if _, known := w.facts[v.hash]; !known {
		w.broken("I1", "%s: version %d was never shown", id, v.number)
	}
	w.versions[id] = append(all, v)
}

// advanced holds a new watermark against what was sent: behind it there is nothing that the broker did not take, but
// for what the API's pages have lost since it was recorded. No poll can know of that; its run stands in the index of
// open runs, and that it is answered in the end is judged like everything.
func (w *world) advanced(mark string, at time.Time) {
	for _, id := range w.alerts {
		all := w.versions[id]
		if len(all) == 0 {
			continue
		}
		newest := all[len(all)-1]
		lost := !w.hidden[id].Before(newest.recorded)
		if newest.polled && !lost && newest.updated.Before(at) && newest.by == mark && !w.enqueues[alert.RunID(id, newest.number)] {
			w.broken("I6", "the watermark passed %s version %d, which was not enqueued", id, newest.number)
		}
	}
	if at.After(w.apiNow()) {
		w.broken("I6", "the watermark is ahead of the API's clock")
	}
}

// enqueued notes a message that the broker took.
func (w *world) enqueued(queue string, body []byte) {
	if m, err := alert.DecodeMessage(body); err == nil && queue == alertQueue {
		w.enqueues[alert.RunID(m.AlertID, m.Version)] = true
	}
}

// begins notes what was recorded when a message came to a responder.
func (w *world) begins(by *instance, d *servicebus.Delivery) {
	m, err := alert.DecodeMessage(d.Body)
	if err != nil {
		w.broken("I1", "a message of our own cannot be read: %v", err)
		return
	}
	if all := w.versions[m.AlertID]; m.Version > 0 && m.Version < w.answered[m.AlertID] {
		w.cover("version 2 answered before version 1")
		if w.facts[all[m.Version-1].hash].Severity == alert.High &&
			w.facts[all[m.Version].hash].Status == alert.StatusResolved {
			w.cover("resolved answered before High")
		}
	}
	w.answered[m.AlertID] = max(w.answered[m.AlertID], m.Version)
	by.note("%s answers %s (attempt %d, delivery %d)", by.name, alert.RunID(m.AlertID, m.Version), m.Attempt,
		d.DeliveryCount)
	w.begun = map[string]int{}
	for id, all := range w.versions {
		w.begun[id] = len(all)
	}
}

// needs reports whether an alert as it was read asks for an isolation at a time: High, not resolved, on a machine that
// is not protected, not stale, not from before the ledger's beginning.
func (w *world) needs(a alert.Alert, at time.Time) bool {
	i, known := w.machineAt[a.MachineID]
	return a.Severity == alert.High && a.Status != alert.StatusResolved && known && i < 2 &&
		at.Sub(a.Created) <= staleAfter && !w.fromBefore(a)
}

// askedInTime reports whether an isolation of the alert's machine was under way after the alert was recorded and before
// it became stale. If that fails, its age does not keep it from being asked for again.
func (w *world) askedInTime(a alert.Alert, recorded time.Time) bool {
	return slices.ContainsFunc(w.sim.Actions(), func(x defendersim.Action) bool {
		begun, ended := x.Created.Add(-w.feed.Skew), x.Updated.Add(-w.feed.Skew)
		late := begun.After(a.Created.Add(staleAfter + w.apart()))
		over := x.Status.Final() && ended.Before(recorded.Add(-w.apart()))
		return x.Type == defendersim.Isolate && x.MachineID == a.MachineID && !late && !over
	})
}

// beforePost holds a request for an isolation against the ledger: there is a reason, and an intent is written.
func (p *instance) beforePost(r *http.Request) {
	id := strings.Split(r.URL.Path, "/")[3]
	if _, out := p.isDown(theLedger); out && p.depth == 1 {
		p.broken("I6", "machine %d: a request without the ledger", p.machineAt[id])
	}
	intended := false
	for _, row := range p.tables.Rows("tlatches") {
		if row.Properties["MachineID"] == id && row.RowKey == "isolation" {
			intended = row.Properties["State"] == "intended"
		}
	}
	if !intended {
		p.broken("I6", "machine %d: a request without an intent", p.machineAt[id])
	}
	for alertID, all := range p.versions {
		for _, count := range []int{p.begun[alertID], len(all)} {
			if count == 0 {
				continue
			}
			a := p.facts[all[count-1].hash]
			if a.MachineID == id && (p.needs(a, p.now) || p.needs(a, a.Created) && p.askedInTime(a, all[0].recorded)) {
				return
			}
		}
	}
	p.broken("I2", "machine %d: a request that no alert asks for any more", p.machineAt[id])
}
