package servicebus

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"cordon/local/internal/wire"

	"github.com/Azure/go-amqp"
)

// asked is a connection that requests are given to without a wire.
func asked(t *testing.T) (*conn, *Server) {
	t.Helper()
	s, _ := plain(t, QueueConfig{Name: "q"})
	return newConn(s, nil), s
}

// args are the arguments of a request: keys and values in turn.
func args(pairs ...any) wire.Map {
	m := wire.Map{}
	for i := 0; i < len(pairs); i += 2 {
		m = append(m, wire.Pair{Key: pairs[i], Value: pairs[i+1]})
	}
	return m
}

func demand(args any) *wire.Message { return &wire.Message{Body: wire.ValueBody(args)} }

func TestRequestsThatMakeNoSenseAreAnswered(t *testing.T) {
	t.Parallel()
	c, _ := asked(t)
	none := wire.ArrayOf([]wire.UUID{{1}})
	numbers := func(n int64) wire.Array { return wire.ArrayOf([]int64{n}) }
	message := func(v any) wire.Map { return args("messages", []any{args("message", v)}) }
	for name, q := range map[string]struct {
		operation string
		args      any
		want      int32
	}{
		"not a map":           {"renew-lock", "x", http.StatusBadRequest},
		"renew nothing held":  {"renew-lock", args("lock-tokens", none), http.StatusGone},
		"schedule no list":    {"schedule-message", args("messages", "x"), http.StatusBadRequest},
		"schedule no message": {"schedule-message", args("messages", []any{"x"}), http.StatusBadRequest},
		"schedule nonsense":   {"schedule-message", message([]byte("nonsense")), http.StatusBadRequest},
		"schedule too much":   {"schedule-message", message(make([]byte, maxMessageSize+1)), http.StatusBadRequest},
		"cancel nothing":      {"cancel-scheduled-message", args(), http.StatusBadRequest},
		"cancel what is not": {
			"cancel-scheduled-message", args("sequence-numbers", numbers(7)), http.StatusNotFound,
		},
		"peek nothing": {
			"peek-message", args("from-sequence-number", int64(0), "message-count", int32(0)), http.StatusBadRequest,
		},
		"deferred without a mode": {
			"receive-by-sequence-number", args("sequence-numbers", numbers(1)), http.StatusBadRequest,
		},
		"deferred what is not": {
			"receive-by-sequence-number", args("sequence-numbers", numbers(1), "receiver-settle-mode", uint32(1)),
			http.StatusNotFound,
		},
		"settle without tokens": {
			"update-disposition", args("disposition-status", "completed"), http.StatusBadRequest,
		},
		"settle as nothing known": {
			"update-disposition", args("disposition-status", "eaten", "lock-tokens", none), http.StatusBadRequest,
		},
		"settle nothing held": {
			"update-disposition", args("disposition-status", "completed", "lock-tokens", none), http.StatusGone,
		},
		"sessions": {"get-session-state", nil, http.StatusNotImplemented},
	} {
		r := c.manage("q", "com.microsoft:"+q.operation, demand(q.args))
		if r.status != q.want {
			t.Errorf("%s: %d %s, want %d", name, r.status, r.text, q.want)
		}
		if m, err := decodeMessage(r.encode(managementKeys, "1")); err != nil ||
			m.ApplicationProperties.Text()["statusCode"] != q.want {
			t.Errorf("%s: %+v, error %v", name, m, err)
		}
	}
	if r := c.manage("none", "com.microsoft:peek-message",
		demand(args("from-sequence-number", int64(0), "message-count", int32(1)))); r.status != http.StatusNotFound {
		t.Errorf("a queue that does not exist: %d", r.status)
	}
}

func TestTokensThatMakeNoSenseAreAnswered(t *testing.T) {
	t.Parallel()
	c, _ := asked(t)
	for name, q := range map[string]struct {
		operation, kind, audience string
		token                     any
		want                      int32
	}{
		"good":               {"put-token", tokenJWT, "amqps://host/Q/$management", "x", http.StatusAccepted},
		"another operation":  {"delete-token", tokenJWT, "amqps://host/q", "x", http.StatusNotImplemented},
		"another type":       {"put-token", "saml", "amqps://host/q", "x", http.StatusUnauthorized},
		"no token":           {"put-token", tokenSAS, "amqps://host/q", nil, http.StatusUnauthorized},
		"no entity":          {"put-token", tokenSAS, "amqps://host/", "x", http.StatusBadRequest},
		"no address":         {"put-token", tokenSAS, "amqps://%zz", "x", http.StatusBadRequest},
		"an unknown entity":  {"put-token", tokenJWT, "amqps://host/none", "x", http.StatusNotFound},
		"dead letters of it": {"put-token", tokenJWT, "amqps://host/q/$DeadLetterQueue", "x", http.StatusAccepted},
	} {
		m := &wire.Message{
			Body:                  wire.ValueBody(q.token),
			ApplicationProperties: args("type", q.kind, "name", q.audience),
		}
		if r := c.token(q.operation, m); r.status != q.want {
			t.Errorf("%s: %d %s, want %d", name, r.status, r.text, q.want)
		}
	}
	if !c.granted("q/$Management") || c.granted("q") || !c.granted("q/$deadletterqueue/$management") {
		t.Errorf("granted %v", c.grants)
	}
}

func TestARefusedScheduleSaysWhyInItsStatus(t *testing.T) {
	t.Parallel()
	data := mustMarshal(t, amqp.NewMessage(nil))
	for condition, want := range map[string]int32{
		"":                              http.StatusServiceUnavailable,
		"amqp:unauthorized-access":      http.StatusUnauthorized,
		"amqp:not-found":                http.StatusNotFound,
		"amqp:resource-limit-exceeded":  http.StatusForbidden,
		"com.microsoft:entity-disabled": http.StatusForbidden,
		"amqp:internal-error":           http.StatusInternalServerError,
	} {
		c, s := asked(t)
		if err := s.RefuseSends("q", Refusal{Condition: condition}); err != nil {
			t.Fatal(err)
		}
		request := demand(args("messages", []any{args("message", data)}))
		if r := c.manage("q", "com.microsoft:schedule-message", request); r.status != want {
			t.Errorf("%q: %d, want %d", condition, r.status, want)
		}
	}
}

func TestDeliveryStatesAreReadAsTheServiceReadsThem(t *testing.T) {
	t.Parallel()
	note := wire.Map{
		{Key: "k", Value: "twice"}, {Key: wire.Symbol("k"), Value: wire.Symbol("v")}, {Key: "u", Value: wire.UUID{1}},
		{Key: int64(1), Value: "dropped"},
	}
	for name, c := range map[string]struct {
		said       *wire.State
		want       outcomeKind
		properties int
	}{
		"nothing":  {nil, release, 0},
		"accepted": {&wire.State{Kind: wire.Accepted}, complete, 0},
		"released": {&wire.State{Kind: wire.Released}, release, 0},
		"modified": {&wire.State{Kind: wire.Modified, Annotations: note}, abandon, 2},
		"modified, undeliverable": {
			&wire.State{Kind: wire.Modified, UndeliverableHere: true, Annotations: note}, postpone, 2,
		},
		"rejected": {&wire.State{Kind: wire.Rejected}, deadLetter, 0},
		"rejected with an error": {
			&wire.State{Kind: wire.Rejected, Error: &wire.Error{Description: "d", Info: note}}, deadLetter, 2,
		},
	} {
		got := verdict(c.said)
		if got.kind != c.want || len(got.properties) != c.properties {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestASettlementAfterTheLockIsRefused(t *testing.T) {
	t.Parallel()
	c, s := asked(t)
	put(t, s, Message{ID: "1"})
	token, err := wire.ParseUUID(next(t, s, "q").LockToken)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.settle(unsettled{token: token}, nil); got.Kind != wire.Released {
		t.Errorf("answer %+v", got)
	}
	if got := c.settle(unsettled{token: token}, nil); got.Kind != wire.Rejected ||
		got.Error.Condition != wire.Symbol(lockLost) {
		t.Errorf("answer %+v", got)
	}
}

// TestADeferredMessageStaysUntilSomebodyAsksForIt also counts: to defer is a delivery without success.
func TestADeferredMessageStaysUntilSomebodyAsksForIt(t *testing.T) {
	t.Parallel()
	s, clock := plain(t, QueueConfig{Name: "q", TTL: time.Hour, LockDuration: time.Minute})
	postponed := func(id string) {
		t.Helper()
		put(t, s, Message{ID: id})
		token, err := wire.ParseUUID(next(t, s, "q").LockToken)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.broker.settle(token, outcome{kind: postpone}); err != nil {
			t.Fatal(err)
		}
	}
	postponed("1")
	clock.Advance(time.Hour - time.Second)
	postponed("2")
	taken, err := s.broker.takeDeferred("q", []int64{1}, false)
	if err != nil {
		t.Fatal(err)
	}
	m, err := decodeMessage(taken[0].data)
	if err != nil || m.Header.DeliveryCount != 1 {
		t.Errorf("message %+v, error %v", m, err)
	}
	clock.Advance(2 * time.Minute) // the lock ends, and so does the time of the message
	if got := s.Counts("q"); got != (Counts{Deferred: 2}) {
		t.Errorf("counts %+v", got)
	}
	if _, err := s.broker.takeDeferred("q", []int64{2, 1}, false); !errors.Is(err, ErrNotHeld) {
		t.Errorf("an expired message was asked for: error %v", err)
	}
	if got := s.Records("q"); got[0].Reason != "TTLExpiredException" || got[0].Fate != DeadLettered ||
		got[1].Fate != Deferred {
		t.Errorf("records %+v", got)
	}
	if _, err := s.broker.takeDeferred("q", []int64{2}, false); err != nil {
		t.Errorf("the other one was locked all the same: %v", err)
	}
}

func TestADeliveryOfADeadLetterIsNotCounted(t *testing.T) {
	t.Parallel()
	s, clock := plain(t, QueueConfig{Name: "q", LockDuration: time.Minute})
	put(t, s, Message{ID: "1"})
	if err := s.DeadLetter(t.Context(), "q", next(t, s, "q").LockToken, "Aside", ""); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		d := next(t, s, "q/$DeadLetterQueue")
		if d.DeliveryCount != 1 {
			t.Errorf("delivery count %d", d.DeliveryCount)
		}
		if err := s.Abandon(t.Context(), "q", d.LockToken); err != nil {
			t.Fatal(err)
		}
		_ = next(t, s, "q/$DeadLetterQueue")
		clock.Advance(time.Minute)
	}
}
