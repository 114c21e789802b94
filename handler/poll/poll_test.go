package poll

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/ledger"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/local/tables"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// tenant is the API and the queue as ingest sees them.
type tenant struct {
	*Poller
	server *tables.Server

	mu      sync.Mutex
	now     time.Time
	skew    time.Duration // of the API's clock
	alerts  []shown
	windows []alert.Window
	stamps  int // pages of ids and times asked for
	listed  int // machine lists asked for
	// loseAtEdge is how many of the last items of a full page are left out.
	loseAtEdge int
	breakAt    int   // the page breaks off after so many alerts; 0: never
	machines   error // of the machine list
	full       error // of the queue
	sent       []alert.Envelope
}

type shown struct {
	alert.Alert
	visible time.Time
}

type fatal interface {
	Helper()
	Fatal(...any)
	Cleanup(func())
}

func newTenant(t fatal) *tenant {
	t.Helper()
	f := &tenant{now: noon}
	f.server = tables.New(tables.Options{Now: f.clock})
	web := httptest.NewServer(f.server)
	t.Cleanup(web.Close)
	store, err := ledger.Open(rows.Options{
		ConnectionString: f.server.ConnectionString(web.URL),
		Prefix:           "t",
		Tenant:           "tenant",
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Poller = New(Options{
		API:        f,
		Sources:    []Source{Defender(f)},
		Queue:      f,
		Runs:       store.Runs,
		Latches:    store.Latches,
		Switches:   store.Switches,
		Ledger:     store,
		Log:        slog.New(slog.DiscardHandler),
		Now:        f.clock,
		Overlap:    15 * time.Minute,
		Lookback:   time.Hour,
		SweepAfter: 10 * time.Minute,
		Retention:  400 * 24 * time.Hour,
	})
	return f
}

func (f *tenant) clock() time.Time { f.mu.Lock(); defer f.mu.Unlock(); return f.now }

func (f *tenant) advance(d time.Duration) { f.mu.Lock(); defer f.mu.Unlock(); f.now = f.now.Add(d) }

// show adds an alert, or changes it if it exists.
func (f *tenant) show(id string, severity alert.Severity, updated, visible time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.alerts = slices.DeleteFunc(f.alerts, func(s shown) bool { return s.ID == id })
	f.alerts = append(f.alerts,
		shown{alert.Alert{ID: id, Severity: severity, MachineID: "m-" + id, Updated: updated, Title: "t"}, visible})
}

func (f *tenant) AlertPage(_ context.Context, w alert.Window, visit func(alert.Alert) error) (alert.Page, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.windows = append(f.windows, w)
	return f.page(w, visit)
}

func (f *tenant) AlertStamps(_ context.Context, w alert.Window, visit func(alert.Stamp) error) (alert.Page, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stamps++
	return f.page(w, func(a alert.Alert) error { return visit(alert.Stamp{ID: a.ID, Updated: a.Updated}) })
}

// page is a page of the tenant's alerts; the caller holds f.mu.
func (f *tenant) page(w alert.Window, visit func(alert.Alert) error) (answer alert.Page, err error) {
	page := alert.Page{Date: f.now.Add(f.skew).Truncate(time.Second)}
	skip, dropped := w.Skip, 0
	defer func() { answer.Count -= dropped }()
	for _, s := range f.alerts {
		if s.visible.After(f.now) || s.Updated.Before(w.From) || (!w.To.IsZero() && !s.Updated.Before(w.To)) {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		if page.Count == w.Top {
			break
		}
		if f.breakAt > 0 && page.Count == f.breakAt {
			return page, errors.New("broken JSON")
		}
		page.Count++
		if page.Count > w.Top-f.loseAtEdge {
			dropped++
			continue
		}
		if err := visit(s.Alert); err != nil {
			return page, err
		}
	}
	return page, nil
}

func (f *tenant) Machines(_ context.Context, ids []string) ([]machine.Machine, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listed++
	if f.machines != nil {
		return nil, f.machines
	}
	var found []machine.Machine
	for _, id := range ids {
		found = append(found, machine.Machine{ID: id})
	}
	return found, nil
}

func (f *tenant) SendAlerts(_ context.Context, messages []alert.Envelope) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full != nil {
		return f.full
	}
	f.sent = append(f.sent, messages...)
	return nil
}

func (f *tenant) poll(t fatal) {
	t.Helper()
	if err := f.Poll(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// ids lists the message ids that were sent, without the tenant.
func (f *tenant) ids() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for _, e := range f.sent {
		ids = append(ids, strings.TrimPrefix(e.ID, "tenant:"))
	}
	return strings.Join(ids, " ")
}

func (f *tenant) watermark(t fatal) time.Time {
	t.Helper()
	w, err := f.Switches.Watermark(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	return w.At
}

func (f *tenant) begin(t fatal, id string, version int) {
	t.Helper()
	if _, err := f.Runs.Update(context.Background(), id, version, func(r *runs.Run) (bool, error) {
		r.State = runs.Started
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestHighComesFirstAndSnapshotsTravelWithTheirHash(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	for i, severity := range []alert.Severity{alert.Low, alert.High, alert.Medium, alert.High} {
		f.show(fmt.Sprintf("da%d", i), severity, noon.Add(-time.Duration(10-i)*time.Minute), noon)
	}
	f.poll(t)
	if got := f.ids(); got != "da1:v1 da3:v1 da2:v1 da0:v1" {
		t.Errorf("sent %s", got)
	}
	for _, e := range f.sent {
		record, err := f.Runs.Alert(context.Background(), e.Message.AlertID)
		if err != nil || alert.SHA256(e.Message.Alert) != record.Seen.SnapshotSHA ||
			alert.SHA256(e.Message.Machine) != record.Seen.MachineSHA {
			t.Errorf("%s: the ledger does not vouch for the snapshots: %v", e.ID, err)
		}
	}
	if f.listed != 1 || len(f.windows) != 1 {
		t.Errorf("%d machine lists and %d alert lists for one window", f.listed, len(f.windows))
	}
}

func TestRunIsSentAgainOnlyWhileItIsObserved(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.show("da1", alert.High, noon.Add(-time.Minute), noon)
	f.poll(t)
	f.advance(time.Minute)
	f.poll(t)
	if got := f.ids(); got != "da1:v1 da1:v1" {
		t.Errorf("sent %s", got)
	}
	f.begin(t, "da1", 1)
	f.advance(time.Minute)
	f.poll(t)
	if len(f.sent) != 2 {
		t.Errorf("sent %s after the run began", f.ids())
	}
	f.show("da1", alert.Low, f.clock(), f.clock())
	f.advance(time.Minute)
	f.poll(t)
	if got := f.ids(); got != "da1:v1 da1:v1 da1:v2" {
		t.Errorf("sent %s after a change", got)
	}
}

func TestQueueTroubleKeepsTheWatermark(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.poll(t)
	before := f.watermark(t)
	f.advance(time.Minute)
	f.show("da1", alert.High, f.clock().Add(-time.Second), f.clock())
	f.full = errors.New("the broker is down")
	if err := f.Poll(context.Background()); err == nil || !f.watermark(t).Equal(before) {
		t.Errorf("Poll = %v, watermark %s, was %s", err, f.watermark(t), before)
	}
	f.full = nil
	f.poll(t)
	if f.ids() != "da1:v1" || !f.watermark(t).After(before) {
		t.Errorf("sent %s, watermark %s", f.ids(), f.watermark(t))
	}
}

func TestAnswerThatBreaksOffSendsWhatCameAndKeepsTheWatermark(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	for i := range 10 {
		f.show(fmt.Sprintf("da%d", i), alert.High, noon.Add(-time.Minute), noon)
	}
	f.breakAt = 4
	if err := f.Poll(context.Background()); err == nil || len(f.sent) != 4 ||
		!f.watermark(t).Equal(noon.Add(-time.Hour)) {
		t.Errorf("Poll = %v, %d sent, watermark %s", err, len(f.sent), f.watermark(t))
	}
	f.breakAt = 0
	f.poll(t)
	distinct := map[string]bool{}
	for _, e := range f.sent {
		distinct[e.ID] = true
	}
	if len(distinct) != 10 {
		t.Errorf("%d of 10 were sent", len(distinct))
	}
}

func TestWatermarkNeverPassesTheClockOfTheAPI(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.skew = -3 * time.Minute
	f.poll(t)
	if got := f.watermark(t); got.After(noon.Add(-3 * time.Minute)) {
		t.Errorf("watermark %s, the API's clock says %s", got, noon.Add(-3*time.Minute))
	}
	f.skew = 0
	f.advance(time.Minute)
	f.poll(t)
	last := f.watermark(t)
	f.skew = -time.Hour
	f.advance(time.Minute)
	f.poll(t)
	if f.watermark(t).Before(last) {
		t.Error("the watermark moved back")
	}
}

func TestFirstPollGoesBackByTheLookback(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.show("old", alert.High, noon.Add(-61*time.Minute), noon.Add(-time.Hour))
	f.show("new", alert.High, noon.Add(-59*time.Minute), noon.Add(-time.Hour))
	f.poll(t)
	if f.ids() != "new:v1" {
		t.Errorf("sent %s", f.ids())
	}
}

func TestAlertThatBecomesVisibleLateIsFoundInTheOverlap(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.show("late", alert.High, noon.Add(-time.Second), noon.Add(14*time.Minute))
	f.poll(t)
	for range 15 {
		f.advance(time.Minute)
		f.poll(t)
	}
	if !strings.Contains(f.ids(), "late:v1") {
		t.Error("the late alert was never sent")
	}
}

func TestOutageOfAMonthIsCaughtUpWindowByWindow(t *testing.T) {
	long.Test(t)
	t.Parallel()
	f := newTenant(t)
	f.poll(t)
	f.advance(30 * 24 * time.Hour)
	for i := range 5000 {
		at := noon.Add(time.Duration(i) * 8 * time.Minute)
		f.alerts = append(f.alerts,
			shown{alert.Alert{ID: fmt.Sprintf("da%d", i), Severity: alert.Low, Updated: at}, at})
	}
	f.poll(t)
	for _, w := range f.windows {
		if w.Skip > 0 {
			t.Fatal("pages were skipped through although windows can be halved")
		}
	}
	if len(f.sent) != 5000 || !f.watermark(t).Equal(f.clock()) {
		t.Errorf("%d of 5000 sent in %d windows, watermark %s", len(f.sent), len(f.windows), f.watermark(t))
	}
}

func TestMoreThanAPageWithinOneSecondIsReadPageByPage(t *testing.T) {
	long.Test(t)
	t.Parallel()
	f := newTenant(t)
	for i := range Defender(nil).page + 5 {
		f.alerts = append(f.alerts,
			shown{alert.Alert{ID: fmt.Sprintf("da%d", i), Updated: noon.Add(-time.Minute)}, noon})
	}
	f.poll(t)
	if len(f.sent) != Defender(nil).page+5 {
		t.Errorf("%d sent", len(f.sent))
	}
}

func TestMachinesThatCanNotBeListedCostOnlyTheirSnapshots(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.machines = errors.New("429")
	f.show("da1", alert.High, noon.Add(-time.Minute), noon)
	f.poll(t)
	if f.ids() != "da1:v1" || f.sent[0].Message.Machine != nil || f.sent[0].Message.Alert == nil {
		t.Errorf("sent %+v", f.sent)
	}
}

func TestUnusableIDsStopNobody(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.show("../x", alert.High, noon.Add(-time.Minute), noon)
	f.show("da1", alert.High, noon.Add(-time.Minute), noon)
	f.poll(t)
	if f.ids() != "da1:v1" {
		t.Errorf("sent %s", f.ids())
	}
}

func TestTwoPollersAtOnceMakeEachVersionOnce(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	for i := range 30 {
		f.show(fmt.Sprintf("da%d", i), alert.High, noon.Add(-time.Minute), noon)
	}
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			if err := f.Poll(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, e := range f.sent {
		if e.Message.Version != 1 {
			t.Errorf("%s was sent", e.ID)
		}
	}
	for i := range 30 {
		record, err := f.Runs.Alert(context.Background(), fmt.Sprintf("da%d", i))
		if err != nil || len(record.Runs) != 1 {
			t.Errorf("alert %d has %d runs, %v", i, len(record.Runs), err)
		}
	}
}

// TestNoFeedLosesAVersion plays random feeds with lateness within the overlap, outages of the queue and pages that
// break off, and asks at the end for a sent message and one run for each version that any poll could see.
func TestNoFeedLosesAVersion(t *testing.T) {
	long.Test(t)
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		f := newTenant(r)
		seen := map[string]string{} // newest severity that was visible at a good poll
		for range rapid.IntRange(3, 14).Draw(r, "steps") {
			switch rapid.IntRange(0, 3).Draw(r, "step") {
			case 0, 1:
				id := fmt.Sprintf("da%d", rapid.IntRange(0, 4).Draw(r, "alert"))
				severity := rapid.SampledFrom([]alert.Severity{alert.High, alert.Medium, alert.Low}).Draw(r, "severity")
				late := time.Duration(rapid.IntRange(0, 10).Draw(r, "late")) * time.Minute
				f.show(id, severity, f.clock(), f.clock().Add(late))
			case 2:
				f.full = rapid.SampledFrom([]error{nil, errors.New("down")}).Draw(r, "queue")
				f.breakAt = rapid.IntRange(0, 3).Draw(r, "break")
				_ = f.Poll(context.Background())
				f.full, f.breakAt = nil, 0
			}
			f.advance(time.Duration(rapid.IntRange(1, 240).Draw(r, "pause")) * time.Second)
		}
		f.advance(11 * time.Minute)
		f.poll(r)
		for _, s := range f.alerts {
			seen[s.ID] = string(s.Severity)
		}
		for id, severity := range seen {
			record, err := f.Runs.Alert(context.Background(), id)
			if err != nil || record.Seen == nil || record.Seen.Severity != severity ||
				len(record.Runs) != record.Seen.Version {
				r.Fatalf("%s: the tenant shows %s, the ledger %+v with %d runs, %v", id, severity, record.Seen,
					len(record.Runs), err)
			}
			if !strings.Contains(f.ids()+" ", fmt.Sprintf("%s:v%d ", id, record.Seen.Version)) {
				r.Fatalf("%s version %d was never sent: %s", id, record.Seen.Version, f.ids())
			}
		}
	})
}
