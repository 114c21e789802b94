package feeds

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/ledger/rows"
	"cordon/handler/poll"
	"cordon/local/tables"
)

// A backlog that was read at once would take memory in proportion to it. What a poll takes may grow by no more than
// this between a backlog and one of five times as many alerts, and be no larger than this part of the backlog itself.
const (
	mostGrowth = 1.5
	mostPart   = 0.25
)

// How many alerts a month has: many pages, and the most that are promised where somebody asked for a number of feeds.
const (
	usualBacklog = 20_000
	largeBacklog = 100_000
)

// TestBacklogOfAnOutageTakesTheMemoryOfAWindow lets a poll catch up with a month of alerts, and looks at what is alive
// on the heap whenever something leaves the process. What the stand-ins remember does not count, so they forget.
func TestBacklogOfAnOutageTakesTheMemoryOfAWindow(t *testing.T) {
	backlog := usualBacklog
	if os.Getenv("CORDON_FEEDS") != "" && !testing.Short() {
		backlog = largeBacklog
	}
	few := catchUp(t, backlog/5)
	many := catchUp(t, backlog)
	whole := heldAtOnce(backlog)
	t.Logf("peak heap of a poll: %d KiB for %d alerts, %d KiB for %d; all of those at once: %d KiB", few>>10, backlog/5,
		many>>10, backlog, whole>>10)
	if growth := float64(many) / float64(few); growth > mostGrowth {
		t.Errorf("five times the backlog takes %.2f times the memory", growth)
	}
	if part := float64(many) / float64(whole); part > mostPart {
		t.Errorf("the poll takes %.2f of the memory of the whole backlog", part)
	}
}

// month is the tenant after an outage of a month: an endless supply of alerts, made when they are asked for.
type month struct {
	alerts   int
	from     time.Time
	tables   *tables.Server
	batch    *httptest.ResponseRecorder // how the tables answer a batch that was done
	messages int

	mu   sync.Mutex
	peak uint64
	base uint64
	asks int
}

const length = 30 * day

func catchUp(t *testing.T, alerts int) uint64 {
	t.Helper()
	m := &month{alerts: alerts, from: epoch.Add(-length)}
	m.tables = tables.New(tables.Options{Now: m.clock})
	store, err := ledger.Open(rows.Options{
		ConnectionString: m.tables.ConnectionString("127.0.0.1:1"),
		Prefix:           "t",
		Tenant:           tenant,
		Transport:        m,
		Now:              m.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	api := client(answers(m.answer))
	p := poll.New(poll.Options{
		API:        api,
		Sources:    []poll.Source{poll.Defender(api)},
		Queue:      m,
		Runs:       store.Runs,
		Latches:    store.Latches,
		Switches:   store.Switches,
		Ledger:     store,
		Log:        slog.New(slog.DiscardHandler),
		Now:        m.clock,
		Overlap:    overlap,
		Lookback:   length,
		SweepAfter: sweepAfter,
		Retention:  400 * day,
	})
	if err := store.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.base = alive()
	if err := p.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m.messages != alerts {
		t.Fatalf("%d messages for %d alerts", m.messages, alerts)
	}
	return m.peak
}

func (m *month) clock() time.Time { return epoch }

// alive is what is reachable on the heap.
func alive() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// look notes the heap.
func (m *month) look() {
	if now := alive(); now > m.base {
		m.peak = max(m.peak, now-m.base)
	}
}

var windowOf = regexp.MustCompile(`lastUpdateTime ge (\S+)(?: and lastUpdateTime lt (\S+))?`)

// answer is the API: alerts at even distances over the month.
func (m *month) answer(r *http.Request) (*http.Response, error) {
	answer := &http.Response{
		StatusCode: http.StatusOK,
		Request:    r,
		Header:     http.Header{"Date": {epoch.Format(http.TimeFormat)}},
	}
	if r.URL.Path != "/api/alerts" {
		answer.Body = io.NopCloser(strings.NewReader(`{"value":[]}`))
		return answer, nil
	}
	query := r.URL.Query()
	found := windowOf.FindStringSubmatch(query.Get("$filter"))
	first, last := m.index(found[1], 0), m.index(found[2], m.alerts)
	top, _ := strconv.Atoi(query.Get("$top"))
	skip, _ := strconv.Atoi(query.Get("$skip"))
	first = min(first+skip, last)
	m.look()
	answer.Body = io.NopCloser(&written{next: first, end: min(first+top, last), one: m.one})
	return answer, nil
}

// index is the first alert at a time or later.
func (m *month) index(text string, none int) int {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return none
	}
	step := length / time.Duration(m.alerts)
	return max(0, min(m.alerts, int((at.Sub(m.from)+step-1)/step)))
}

// at is the time of an alert.
func (m *month) at(i int) string {
	return m.from.Add(length / time.Duration(m.alerts) * time.Duration(i)).Format(time.RFC3339Nano)
}

func (m *month) one(i int) []byte {
	at := m.at(i)
	return fmt.Appendf(nil,
		`{"id":"da%d","severity":"Low","status":"New","title":"t","description":"%s","machineId":"%040x",`+
			`"alertCreationTime":"%s","lastUpdateTime":"%s","evidence":[{"entityType":"File","fileName":"a.exe"}]}`,
		i, strings.Repeat("d", 500), i%50, at, at)
}

// written is a page that is written while it is read.
type written struct {
	next, end int
	one       func(int) []byte
	begun     bool
	left      []byte
}

// Read writes the next alerts.
func (p *written) Read(to []byte) (int, error) {
	for len(p.left) == 0 {
		switch {
		case !p.begun:
			p.begun, p.left = true, []byte(`{"value":[`)
			if p.next < p.end {
				p.left = append(p.left, p.one(p.next)...)
			}
		case p.next+1 < p.end:
			p.next++
			p.left = append([]byte{','}, p.one(p.next)...)
		case p.end >= 0:
			p.end, p.left = -1, []byte(`]}`)
		default:
			return 0, io.EOF
		}
	}
	n := copy(to, p.left)
	p.left = p.left[n:]
	return n, nil
}

// seenOf is the row that a sweep reads of an alert.
var seenOf = regexp.MustCompile(`PartitionKey='tenant(?:%7C|\|)da(\d+)',RowKey='seen'`)

// Do is the tables, which forget what is written about alerts, so that what they hold does not count: to a poll each
// alert looks new, and to a sweep each looks like one that was seen.
func (m *month) Do(r *http.Request) (*http.Response, error) {
	forgotten := false
	for _, table := range []string{"/talerts", "/trunindex", "/topen"} {
		forgotten = forgotten || strings.Contains(r.URL.Path, table)
	}
	batch := strings.HasSuffix(r.URL.Path, "$batch")
	m.mu.Lock()
	defer m.mu.Unlock()
	answer := httptest.NewRecorder()
	switch {
	case batch && m.batch != nil:
		answer = sameAnswer(m.batch)
	case !forgotten || batch:
		var body []byte
		if r.Body != nil {
			body, _ = io.ReadAll(r.Body)
		}
		inner := r.Clone(context.Background())
		inner.Body, inner.RequestURI, inner.ContentLength = io.NopCloser(bytes.NewReader(body)), r.URL.RequestURI(), int64(len(body))
		m.tables.ServeHTTP(answer, inner)
		if batch {
			m.batch = sameAnswer(answer)
		}
	case r.Method != http.MethodGet:
		answer.Header().Set("ETag", `W/"datetime'x'"`)
		answer.WriteHeader(http.StatusNoContent)
	case seenOf.MatchString(r.URL.EscapedPath()):
		i, _ := strconv.Atoi(seenOf.FindStringSubmatch(r.URL.EscapedPath())[1])
		answer.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(answer, `{"odata.etag":"W/\"x\"","PartitionKey":"p","RowKey":"seen","Version":1,"Updated":%q}`,
			m.at(i))
	default:
		answer.Header().Set("Content-Type", "application/json")
		_, _ = answer.WriteString(`{"value":[]}`)
	}
	response := answer.Result()
	response.Request = r
	return response, nil
}

// SendAlerts counts.
func (m *month) SendAlerts(_ context.Context, messages []alert.Envelope) error {
	if m.asks++; m.asks%10 == 0 {
		m.look()
	}
	m.messages += len(messages)
	return nil
}

// heldAtOnce is what the backlog takes when it is read whole.
func heldAtOnce(alerts int) uint64 {
	m := &month{alerts: alerts, from: epoch.Add(-length)}
	before := alive()
	var all []alert.Alert
	_, _ = client(answers(m.answer)).AlertPage(context.Background(), alert.Window{From: m.from, To: epoch, Top: 10000},
		func(a alert.Alert) error {
			all = append(all, a)
			return nil
		})
	held := (alive() - before) * uint64(alerts) / uint64(max(len(all), 1))
	runtime.KeepAlive(all)
	return held
}

// sameAnswer is an answer of its own with the same content.
func sameAnswer(a *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	same := httptest.NewRecorder()
	maps.Copy(same.Header(), a.Header().Clone())
	same.WriteHeader(a.Code)
	_, _ = same.Write(a.Body.Bytes())
	return same
}
