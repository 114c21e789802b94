package feeds

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/defender"
	"cordon/handler/graph/alerts"
	"cordon/handler/notice"
	"cordon/handler/sources"
	"cordon/local/inprocess"
	"cordon/local/servicebus"
)

// Endpoints as the simulator names them.
const (
	listAlerts  = "GET /api/alerts"
	getAlert    = "GET /api/alerts/{id}"
	listActions = "GET /api/machineactions"
	isolate     = "POST /api/machines/{id}/isolate"
)

// errOut is what a call gets whose part is out of order. The ledger's client would wait real time and try again
// otherwise.
type errOut struct{ part part }

func (e *errOut) Error() string { return "the " + string(e.part) + " is out of order" }

// NonRetriable is how the ledger's client recognises such an error.
func (e *errOut) NonRetriable() {}

// apiPort is the way of one process to the API.
type apiPort struct{ *instance }

// RoundTrip sends a request to the simulator, through what stands in between.
func (p *apiPort) RoundTrip(r *http.Request) (*http.Response, error) {
	endpoint := endpointOf(r)
	if endpoint == isolate {
		p.beforePost(r)
	}
	if endpoint == listAlerts {
		p.listing = "alerts"
	}
	p.interrupted(endpoint, false)
	answer, err := p.pass(r, endpoint)
	p.interrupted(endpoint, true)
	if p.onPage != nil && endpoint == listAlerts {
		p.intruded = true
		p.onPage()
	}
	return answer, err
}

func (p *apiPort) pass(r *http.Request, endpoint string) (*http.Response, error) {
	if endpoint == listAlerts || endpoint == getAlert {
		if answer := p.dying(theAlerts, r, endpoint); answer != nil {
			return answer, nil
		}
	}
	return p.through(theAPI, r, endpoint, p.ask)
}

// through is what a request to a part comes to, which may be out of order.
func (p *instance) through(
	to part, r *http.Request, endpoint string, ask func(*http.Request) *http.Response,
) (*http.Response, error) {
	broken, out := p.isDown(to)
	if !out {
		broken, out = p.glitched(to)
	}
	if !out {
		return p.fault(ask(r), endpoint), nil
	}
	switch broken {
	case refused:
		return nil, &net.OpError{Op: "dial", Err: &errOut{to}}
	case failing:
		return &http.Response{
			StatusCode: http.StatusServiceUnavailable,
			Header:     http.Header{"Retry-After": {"7"}},
			Body:       http.NoBody,
			Request:    r,
		}, nil
	}
	answer := ask(r)
	if broken == lost {
		return nil, &errOut{to}
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)*2/3]), &brokenReader{}))
	return answer, nil
}

type brokenReader struct{}

func (*brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// dying is what a source of alerts answers that is dead; nil: it is not.
func (w *world) dying(source part, r *http.Request, endpoint string) *http.Response {
	b, known := w.dead[source]
	if !known || !w.now.Before(b.until) {
		return nil
	}
	status := map[how]int{gone: http.StatusGone, denied: http.StatusForbidden, failing: http.StatusBadGateway}[b.how]
	body := `{"error":{"code":"Gone","message":"no longer there"}}`
	if b.how == empty {
		if endpoint != listAlerts {
			return nil
		}
		status, body = http.StatusOK, `{"value":[]}`
		for _, id := range w.alerts {
			w.hidden[id] = w.now
		}
	}
	return &http.Response{
		StatusCode: status,
		Header: http.Header{
			"Content-Type": {"application/json"},
			"Date":         {w.apiNow().Format(http.TimeFormat)},
		},
		Body:    io.NopCloser(strings.NewReader(body)),
		Request: r,
	}
}

// graphPort is the way of one process to Graph.
type graphPort struct{ *instance }

// RoundTrip sends a request to the simulator, through what stands in between. Where Graph is the only source, what is
// out of order is so there too.
func (p *graphPort) RoundTrip(r *http.Request) (*http.Response, error) {
	endpoint := graphEndpoint(r)
	to := theGraph
	if p.feed.Source == fromGraph {
		to = theAPI
	}
	if endpoint == listAlerts {
		p.listing = "alerts:graph"
	}
	p.interrupted(endpoint, false)
	answer := p.dying(theGraph, r, endpoint)
	var err error
	if answer == nil {
		answer, err = p.through(to, r, endpoint, p.askGraph)
	}
	p.interrupted(endpoint, true)
	return answer, err
}

// askGraph has Graph's simulator answer.
func (w *world) askGraph(r *http.Request) *http.Response {
	answer, err := inprocess.Serve(w.graph, r)
	if err != nil {
		panic(err) // the clients' bodies are in memory
	}
	return answer
}

// graphEndpoint names a request to Graph as the one to Defender that does the same.
func graphEndpoint(r *http.Request) string {
	if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/alerts_v2") {
		return listAlerts
	}
	return getAlert
}

// ask has the simulator answer.
func (w *world) ask(r *http.Request) *http.Response {
	answer, err := inprocess.Serve(w.sim.Handler(), r)
	if err != nil {
		panic(err) // the clients' bodies are in memory
	}
	return answer
}

func endpointOf(r *http.Request) string {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/"), "/")
	if len(parts) > 1 {
		parts[1] = "{id}"
	}
	return r.Method + " /api/" + strings.Join(parts, "/")
}

// fault lets a page of alerts lose or repeat an item, as happens at the edge of pages that shift while they are read.
func (p *instance) fault(answer *http.Response, endpoint string) *http.Response {
	if p.page == nil || endpoint != listAlerts || !p.now.Before(p.page.until) {
		return answer
	}
	body, err := io.ReadAll(answer.Body)
	var page struct {
		Value []json.RawMessage `json:"value"`
	}
	if err != nil || json.Unmarshal(body, &page) != nil || len(page.Value) == 0 {
		answer.Body = io.NopCloser(bytes.NewReader(body))
		return answer
	}
	i := p.page.left % len(page.Value)
	var item struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(page.Value[i], &item)
	if p.page.part == repeats {
		page.Value = append(page.Value, page.Value[i])
		p.cover("page repeats an item")
	} else {
		page.Value = append(page.Value[:i:i], page.Value[i+1:]...)
		p.hidden[item.ID] = p.now
		p.cover("page loses an item")
	}
	body, _ = json.Marshal(map[string]any{"value": page.Value})
	answer.Body = io.NopCloser(bytes.NewReader(body))
	answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return answer
}

// The two faults of pages.
const (
	repeats part = "repeats"
	loses   part = "loses"
)

// watchedAPI is the client that Cordon uses, with a note of every alert that it was shown.
type watchedAPI struct {
	*defender.Client
	*instance
	reader *sources.Reader // nil: Defender is the only source
}

// AlertPage notes what is handed over.
func (a *watchedAPI) AlertPage(ctx context.Context, w alert.Window, visit func(alert.Alert) error) (alert.Page, error) {
	return a.Client.AlertPage(ctx, w, func(one alert.Alert) error {
		a.shown(one, true)
		return visit(one)
	})
}

// Alert notes what was read.
func (a *watchedAPI) Alert(ctx context.Context, id string) (alert.Alert, error) {
	if a.reader != nil {
		return a.reader.Alert(ctx, id)
	}
	one, err := a.Client.Alert(ctx, id)
	if err == nil {
		a.shown(one, false)
	}
	return one, err
}

// watchedGraph is Graph's client, with a note of every alert that it was shown.
type watchedGraph struct {
	*alerts.Client
	*instance
}

// AlertPage notes what is handed over.
func (g *watchedGraph) AlertPage(
	ctx context.Context, w alert.Window, visit func(alert.Alert) error,
) (alert.Page, error) {
	return g.Client.AlertPage(ctx, w, func(one alert.Alert) error {
		g.shown(one, true)
		return visit(one)
	})
}

// Alert notes what was read.
func (g *watchedGraph) Alert(ctx context.Context, graphID string) ([]alert.Alert, error) {
	all, err := g.Client.Alert(ctx, graphID)
	for _, one := range all {
		g.shown(one, false)
	}
	return all, err
}

// ledgerPort is the way of one process to the tables.
type ledgerPort struct {
	*instance
	guard guard
}

// Do sends a request to the tables, unless they are out of order.
func (p *ledgerPort) Do(r *http.Request) (*http.Response, error) {
	p.guard.Lock()
	defer p.guard.Unlock()
	broken, out := p.isDown(theLedger)
	if !out && !p.isPoller() {
		// A poll's goroutines come in no order, so that a single failure would meet another of them in every run.
		broken, out = p.glitched(theLedger)
	}
	if out && broken != lost && broken != cut {
		return nil, &errOut{theLedger}
	}
	var body bytes.Buffer
	sent := r.Clone(r.Context())
	if r.Body != nil {
		sent.Body = io.NopCloser(io.TeeReader(r.Body, &body))
	}
	answer, err := p.tables.Do(sent)
	if err != nil {
		return nil, err
	}
	said, _ := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(bytes.NewReader(said))
	p.wrote(r, body.Bytes(), answer.StatusCode, said)
	if out {
		return nil, &errOut{theLedger}
	}
	return answer, nil
}

func (p *instance) isPoller() bool { return p == p.world.poller || p == p.world.second }

// queuePort is the way of one process to the broker.
type queuePort struct{ *instance }

// SendAlerts hands messages to the broker.
func (p *queuePort) SendAlerts(_ context.Context, messages []alert.Envelope) error {
	for _, e := range messages {
		if err := p.send(alertQueue, servicebus.Message{ID: e.ID, Body: e.Message.Encode(), At: e.At}); err != nil {
			return err
		}
	}
	return nil
}

// SendNotice hands a notice message to the broker.
func (p *queuePort) SendNotice(_ context.Context, id string, body []byte, at time.Time) error {
	return p.send(noticeQueue, servicebus.Message{ID: id, Body: body, At: at})
}

func (p *queuePort) send(queue string, m servicebus.Message) error {
	broken, out := p.isDown(theQueue)
	if !out {
		broken, out = p.glitched(theQueue)
	}
	if out && broken != lost && broken != cut {
		return &errOut{theQueue}
	}
	if err := p.bus.Send(queue, m); err != nil {
		return err
	}
	p.enqueued(queue, m.Body)
	if out {
		return &errOut{theQueue}
	}
	return nil
}

// Send takes a mail; the mail server never fails here.
func (w *world) Send(_ context.Context, m notice.Mail) error {
	w.mailed(m)
	return nil
}
