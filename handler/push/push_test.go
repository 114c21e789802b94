package push

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const (
	secret = "0123456789abcdef0123456789abcdef"
	id1    = "da638994417204415533_-1184209733"
	id2    = "da638994417204415534_-1184209733"
)

// line is a queue that takes so many batches and then fails.
type line struct {
	takes int
	sent  []alert.Envelope
}

func (l *line) SendAlerts(_ context.Context, messages []alert.Envelope) error {
	if l.takes == 0 {
		return errors.New("the queue is away")
	}
	l.takes--
	l.sent = append(l.sent, messages...)
	return nil
}

func jsonHeader(more ...string) http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	return h
}

func TestEveryWayOfWritingAnAlertGivesItsID(t *testing.T) {
	t.Parallel()
	event := `{"specversion":"1.0","id":"1","source":"/x","type":"alert","data":{"alertId":"` + id1 + `"}}`
	for name, c := range map[string]struct {
		header http.Header
		body   string
		want   []string
	}{
		"one": {
			jsonHeader(), `{"alertId":"` + id1 + `","machineId":"4c1f7a90be2d35689f00d1e2a7b3c4558d6e9f12"}`,
			[]string{id1},
		},
		"many, one of them twice": {
			jsonHeader(), `[{"alertId":"` + id1 + `"},{"alertId":"` + id2 + `"},{"alertId":"` + id1 + `"}]`,
			[]string{id1, id2},
		},
		"as the connector hands on": {
			jsonHeader("Content-Type", "application/json; charset=utf-8"),
			`{"AlertId":"` + id1 + `","MachineId":"4c1f7a90be2d35689f00d1e2a7b3c4558d6e9f12"}`, []string{id1},
		},
		"any case": {jsonHeader(), `{"ALERTID":"` + id1 + `","machineid":null}`, []string{id1}},
		"what else it says": {
			jsonHeader(), `{"alertId":"` + id1 + `","severity":"Informational","tenant":"another","reason":"x"}`,
			[]string{id1},
		},
		"an event": {jsonHeader("Content-Type", "application/cloudevents+json"), event, []string{id1}},
		"a batch of events": {
			jsonHeader("Content-Type", "application/cloudevents-batch+json"),
			"[" + event + "," + strings.ReplaceAll(event, id1, id2) + "]", []string{id1, id2},
		},
		"an event in headers": {
			jsonHeader("ce-specversion", "1.0", "ce-id", "1", "ce-source", "/x", "ce-type", "alert"),
			`{"alertId":"` + id1 + `"}`, []string{id1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := &line{takes: 1}
			receipt, err := New(Options{
				Queue:  q,
				Tenant: "tenant",
				Now:    func() time.Time { return noon },
			}).Receive(t.Context(), c.header, []byte(c.body))
			if err != nil || !cmp.Equal(Receipt{Accepted: c.want}, receipt) || len(q.sent) != len(c.want) {
				t.Fatalf("%+v, %v", receipt, err)
			}
			for i, e := range q.sent {
				want := alert.Message{Tenant: "tenant", AlertID: c.want[i], Reason: "pushed", ObservedAt: noon}
				if diff := cmp.Diff(want, e.Message); diff != "" {
					t.Error(diff)
				}
				if e.ID != fmt.Sprintf("tenant:push:%s:%d", c.want[i], noon.Unix()/60) || !e.At.IsZero() {
					t.Errorf("message id %q at %s", e.ID, e.At)
				}
			}
		})
	}
}

// hostile are requests that are refused, with their documented answers.
func hostile() map[string]struct {
	header http.Header
	body   string
	status int
	code   string
} {
	type request = struct {
		header http.Header
		body   string
		status int
		code   string
	}
	item := `{"alertId":"` + id1 + `"}`
	at := func(header string, when time.Time, by, body string) http.Header {
		stamp := strconv.FormatInt(when.Unix(), 10)
		return jsonHeader(HeaderTimestamp, stamp, HeaderSignature,
			"sha256="+hex.EncodeToString(Sign(by, stamp, []byte(body)))+header)
	}
	trusted := func(more ...string) http.Header {
		return jsonHeader(append([]string{HeaderSecret, secret}, more...)...)
	}
	return map[string]request{
		"no proof":                   {jsonHeader(), item, 401, "unauthorized"},
		"wrong secret":               {jsonHeader(HeaderSecret, "x"+secret[1:]), item, 401, "unauthorized"},
		"replayed after six minutes": {at("", noon.Add(-6*time.Minute), secret, item), item, 401, "unauthorized"},
		"signed for later":           {at("", noon.Add(6*time.Minute), secret, item), item, 401, "unauthorized"},
		"re-signed with another": {
			at("", noon, "another-secret-another-secret-anot", item), item, 401, "unauthorized",
		},
		"signed for another body": {at("", noon, secret, `{"alertId":"x"}`), item, 401, "unauthorized"},
		"signature with a tail":   {at("zz", noon, secret, item), item, 401, "unauthorized"},
		"signature, not signed time": {
			jsonHeader(HeaderTimestamp, "1e9", HeaderSignature,
				"sha256="+hex.EncodeToString(Sign(secret, "1e9", []byte(item)))), item, 401, "unauthorized",
		},
		"bad signature, right secret": {
			jsonHeader(HeaderSecret, secret, HeaderTimestamp, "1", HeaderSignature, "sha256=00"), item, 401,
			"unauthorized",
		},
		"wrong type": {trusted("Content-Type", "text/plain"), item, 415, "unsupported_type"},
		"no type":    {http.Header{HeaderSecret: {secret}}, item, 415, "unsupported_type"},
		"other letters": {
			trusted("Content-Type", "application/json; charset=utf-16"), item, 415, "unsupported_type",
		},
		"compressed": {trusted("Content-Encoding", "gzip"), item, 415, "unsupported_type"},
		"nothing":    {trusted(), ``, 400, "bad_json"},
		"cut":        {trusted(), item[:len(item)-1], 400, "bad_json"},
		"two values": {trusted(), item + item, 400, "bad_json"},
		"deep": {
			trusted(), `{"a":` + strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000) + `}`, 400, "bad_json",
		},
		"a name twice": {
			trusted(), `{"alertId":"` + id1 + `","AlertID":"` + id2 + `"}`, 400, "bad_json",
		},
		"no UTF-8":                  {trusted(), "{\"alertId\":\"\xff\"}", 400, "bad_json"},
		"empty list":                {trusted(), `[]`, 400, "no_alerts"},
		"a text":                    {trusted(), `"` + id1 + `"`, 400, "bad_item"},
		"a number for an id":        {trusted(), `{"alertId":12}`, 400, "bad_item"},
		"a machine that is no text": {trusted(), `{"alertId":"` + id1 + `","machineId":{}}`, 400, "bad_item"},
		"a path for an id":          {trusted(), `{"alertId":"../machines/x"}`, 400, "bad_id"},
		"an id too long":            {trusted(), `{"alertId":"` + strings.Repeat("a", 200) + `"}`, 400, "bad_id"},
		"a forged finding":          {trusted(), `{"alertId":"Hunt:beacons:0011"}`, 400, "bad_id"},
		"none that can be used":     {trusted(), `[{"alertId":""},{"alertId":12},7]`, 400, "bad_id"},
		"events without an alert": {
			trusted("Content-Type", "application/cloudevents-batch+json"),
			`[7,{"specversion":"1.0","id":"1","source":"/x","type":"a","data":[]}]`, 400, "bad_event",
		},
		"too many": {
			trusted(), `[` + strings.Repeat(item+",", MaxItems) + item + `]`, 413, "too_many",
		},
		"event without data": {
			trusted("Content-Type", "application/cloudevents+json"),
			`{"specversion":"1.0","id":"1","source":"/x","type":"a","data_base64":"e30="}`, 400, "bad_event",
		},
		"event of another version": {
			trusted("Content-Type", "application/cloudevents+json"),
			`{"specversion":"0.3","id":"1","source":"/x","type":"a","data":{}}`, 400, "bad_event",
		},
		"batch that is no list": {
			trusted("Content-Type", "application/cloudevents-batch+json"), `{}`, 400, "bad_event",
		},
		"event in headers without one": {
			trusted("ce-specversion", "1.0", "ce-id", "1", "ce-type", "a"), item, 400, "bad_event",
		},
	}
}

func TestHostileRequestsHaveTheirAnswerAndNothingIsEnqueued(t *testing.T) {
	t.Parallel()
	for name, c := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := &line{takes: 99}
			receipt, err := New(Options{
				Queue:  q,
				Tenant: "tenant",
				Secret: secret,
				Now:    func() time.Time { return noon },
			}).Receive(t.Context(), c.header, []byte(c.body))
			var refused *Refusal
			if !errors.As(err, &refused) || refused.Status != c.status || refused.Code != c.code ||
				len(receipt.Accepted) != 0 || len(q.sent) != 0 {
				t.Fatalf("%+v, %d sent, %v", receipt, len(q.sent), err)
			}
			if strings.Contains(refused.Error(), secret) || refused.Detail == "" {
				t.Errorf("it says %q", refused.Error())
			}
			if refused.Status == 401 && (strings.Contains(refused.Detail, "signature") || refused.Cause == nil) {
				t.Errorf("it tells outsiders %q", refused.Detail)
			}
		})
	}
}

func TestThoseWhoKnowTheSecretAreTrusted(t *testing.T) {
	t.Parallel()
	body := `{"alertId":"` + id1 + `"}`
	stamp := strconv.FormatInt(noon.Add(-4*time.Minute).Unix(), 10)
	for name, header := range map[string]http.Header{
		"by the secret": jsonHeader(HeaderSecret, secret),
		"by signature": jsonHeader(HeaderTimestamp, stamp, HeaderSignature,
			"sha256="+hex.EncodeToString(Sign(secret, stamp, []byte(body)))),
	} {
		r := New(Options{
			Queue:  &line{takes: 2},
			Tenant: "tenant",
			Secret: secret,
			Now:    func() time.Time { return noon },
		})
		for range 2 { // within its window a request may come again
			if receipt, err := r.Receive(t.Context(), header, []byte(body)); err != nil || len(receipt.Accepted) != 1 {
				t.Errorf("%s: %v, %v", name, receipt, err)
			}
		}
	}
}

// TestASecretThatIsNotKnownHereTrustsNobody: it was set, so its absence is no permission.
func TestASecretThatIsNotKnownHereTrustsNobody(t *testing.T) {
	t.Parallel()
	queue := &line{takes: 1}
	r := New(Options{Queue: queue, Tenant: "t", Unproven: true, Now: func() time.Time { return noon }})
	for _, header := range []http.Header{jsonHeader(), jsonHeader(HeaderSecret, secret), jsonHeader(HeaderSecret, "")} {
		_, err := r.Receive(t.Context(), header, []byte(`{"alertId":"`+id1+`"}`))
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Status != http.StatusServiceUnavailable || refusal.RetryAfter == 0 ||
			!strings.Contains(err.Error(), "CORDON_WEBHOOK_SECRET") || strings.Contains(refusal.Detail, "CORDON") {
			t.Errorf("%v: %v", header, err)
		}
	}
	if len(queue.sent) > 0 {
		t.Errorf("enqueued: %v", queue.sent)
	}
}

func TestWhatTheQueueDidNotTakeIsNotAccepted(t *testing.T) {
	t.Parallel()
	var items []string
	for i := range 450 {
		items = append(items, fmt.Sprintf(`{"alertId":"da%d"}`, i))
	}
	body := []byte("[" + strings.Join(items, ",") + "]")
	for takes := range 5 {
		q := &line{takes: takes}
		receipt, err := New(Options{
			Queue:  q,
			Tenant: "tenant",
			Now:    func() time.Time { return noon },
		}).Receive(t.Context(), jsonHeader(), body)
		var refused *Refusal
		if !errors.As(err, &refused) || refused.Status != 503 || refused.RetryAfter <= 0 || len(receipt.Accepted) != 0 {
			t.Errorf("after %d batches: %v", takes, err)
		}
	}
	q := &line{takes: 5}
	if receipt, err := New(Options{
		Queue:  q,
		Tenant: "tenant",
		Now:    func() time.Time { return noon },
	}).Receive(t.Context(), jsonHeader(), body); err != nil || len(receipt.Accepted) != 450 || len(q.sent) != 450 {
		t.Errorf("%d of %d, %v", len(q.sent), len(receipt.Accepted), err)
	}
}

func FuzzReceive(f *testing.F) {
	for _, c := range hostile() {
		if len(c.body) < 4096 {
			f.Add(c.header.Get("Content-Type"), c.header.Get("Ce-Specversion"), []byte(c.body))
		}
	}
	f.Add("application/json", "", []byte(`[{"alertId":"`+id1+`"},{"alertId":"`+id2+`"}]`))
	f.Fuzz(func(t *testing.T, kind, version string, body []byte) {
		q := &line{takes: 99}
		receipt, err := New(Options{
			Queue:  q,
			Tenant: "tenant",
			Now:    func() time.Time { return noon },
		}).Receive(t.Context(), http.Header{
			"Content-Type":   {kind},
			"Ce-Specversion": {version},
		}, body)
		if (err != nil) != (len(q.sent) == 0) || len(receipt.Accepted) != len(q.sent) ||
			len(receipt.Accepted) > MaxItems {
			t.Errorf("%+v, %d sent, %v", receipt, len(q.sent), err)
		}
		for _, id := range receipt.Accepted {
			if CheckID(id) != nil {
				t.Errorf("accepted %q", id)
			}
		}
	})
}

// TestWhatNamesNoAlertIsSkippedAndTold has an incident mix the alerts of products.
func TestWhatNamesNoAlertIsSkippedAndTold(t *testing.T) {
	t.Parallel()
	good, other := `{"alertId":"`+id1+`"}`, `{"alertId":"`+id2+`"}`
	event := func(data string) string {
		return `{"specversion":"1.0","id":"1","source":"/x","type":"alert","data":` + data + `}`
	}
	for name, c := range map[string]struct {
		kind, body string
		want       Receipt
	}{
		"no id among others": {
			typeJSON, `[` + good + `,{"alertId":null},{"productName":"Office"},` + other + `]`,
			Receipt{Accepted: []string{id1, id2},
				Skipped: []string{"alert 2 has no text alertId", "alert 3 has no text alertId"}},
		},
		"an id that is none": {
			typeJSON, `[{"alertId":""},{"alertId":"../x"},` + good + `]`, Receipt{
				Accepted: []string{id1},
				Skipped: []string{
					"alert 1: alertId is empty, an id is required",
					`alert 2: alertId "../x" has the character '/'; letters, digits and - _ . : are allowed`,
				},
			},
		},
		"a forged finding": {
			typeJSON, `[{"alertId":"hunt:x"},` + good + `]`,
			Receipt{
				Accepted: []string{id1},
				Skipped: []string{`alert 1: alertId "hunt:x" is the id of a finding: only a hunt of Cordon itself ` +
					`makes those`},
			},
		},
		"a machine id": {
			typeJSON, `[{"alertId":"da1","machineId":"a b"},` + good + `]`,
			Receipt{
				Accepted: []string{id1},
				Skipped: []string{`alert 1: machineId "a b" has the character ' '; letters, digits and - _ . : are ` +
					`allowed`},
			},
		},
		"no object": {
			typeJSON, `[7,null,[],` + good + `]`,
			Receipt{
				Accepted: []string{id1},
				Skipped: []string{
					`alert 1 is no object such as {"alertId":"…"}`, `alert 2 is no object such as {"alertId":"…"}`,
					`alert 3 is no object such as {"alertId":"…"}`,
				},
			},
		},
		"within an event": {
			typeEvent, event(`[{},` + good + `]`),
			Receipt{Accepted: []string{id1}, Skipped: []string{"alert 1 has no text alertId"}},
		},
		"events of a batch": {
			typeBatch,
			`[7,` + event(good) + `,` + strings.Replace(event(other), `"data"`, `"data_base64"`, 1) + `,` +
				event(`{}`) + `]`, Receipt{
				Accepted: []string{id1},
				Skipped: []string{
					"event 1 is no object", "event 3 has no data; data_base64 is not read",
					"alert 2 has no text alertId",
				},
			},
		},
		"many": {
			typeJSON, `[` + strings.Repeat(`{},`, 100) + good + `]`,
			Receipt{Accepted: []string{id1}, Skipped: many("alert %d has no text alertId", 20), MoreSkipped: 80},
		},
		"byte order mark": {typeJSON, "\ufeff" + good, Receipt{Accepted: []string{id1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := &line{takes: 1}
			receipt, err := New(Options{
				Queue:  q,
				Tenant: "tenant",
				Now:    func() time.Time { return noon },
			}).Receive(t.Context(), http.Header{"Content-Type": {c.kind}}, []byte(c.body))
			if diff := cmp.Diff(c.want, receipt); err != nil || diff != "" || len(q.sent) != len(c.want.Accepted) {
				t.Errorf("%d sent, %v (-want +got):\n%s", len(q.sent), err, diff)
			}
		})
	}
}

func many(format string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf(format, i+1))
	}
	return all
}

// TestABodyThatIsSignedWithItsByteOrderMarkIsTrusted signs what is sent, mark and all.
func TestABodyThatIsSignedWithItsByteOrderMarkIsTrusted(t *testing.T) {
	t.Parallel()
	body, stamp := "\ufeff"+`{"alertId":"`+id1+`"}`, strconv.FormatInt(noon.Unix(), 10)
	header := jsonHeader(HeaderTimestamp, stamp, HeaderSignature,
		"sha256="+hex.EncodeToString(Sign(secret, stamp, []byte(body))))
	if receipt, err := New(Options{
		Queue:  &line{takes: 1},
		Tenant: "tenant",
		Secret: secret,
		Now:    func() time.Time { return noon },
	}).Receive(t.Context(), header, []byte(body)); err != nil || len(receipt.Accepted) != 1 {
		t.Errorf("%+v, %v", receipt, err)
	}
}

// stuck is a queue that takes nothing until it is let go.
type stuck struct{ entered, leave chan struct{} }

func (s *stuck) SendAlerts(context.Context, []alert.Envelope) error {
	s.entered <- struct{}{}
	<-s.leave
	return nil
}

// TestOnlyProvenRequestsTakeAPlace fills every place with proven requests, of which one more is sent away, while those
// without a proof hear that they have none.
func TestOnlyProvenRequestsTakeAPlace(t *testing.T) {
	t.Parallel()
	q := &stuck{make(chan struct{}), make(chan struct{})}
	r := New(Options{Queue: q, Tenant: "tenant", Secret: secret, Now: func() time.Time { return noon }})
	receive := func(header http.Header) int {
		_, err := r.Receive(t.Context(), header, []byte(`{"alertId":"`+id1+`"}`))
		var refused *Refusal
		if !errors.As(err, &refused) {
			return http.StatusAccepted
		}
		return refused.Status
	}
	answers := make(chan int)
	for range AtOnce {
		go func() { answers <- receive(jsonHeader(HeaderSecret, secret)) }()
		<-q.entered
	}
	if got := receive(jsonHeader()); got != http.StatusUnauthorized {
		t.Errorf("without a proof: %d", got)
	}
	if got := receive(jsonHeader(HeaderSecret, secret)); got != http.StatusTooManyRequests {
		t.Errorf("one more: %d", got)
	}
	close(q.leave)
	for range AtOnce {
		if got := <-answers; got != http.StatusAccepted {
			t.Error(got)
		}
	}
}
