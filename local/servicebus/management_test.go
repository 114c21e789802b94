package servicebus

import (
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

func TestRequestsThatMakeNoSenseAreAnswered(t *testing.T) {
	t.Parallel()
	c, _ := asked(t)
	none := []amqp.UUID{{1}}
	for name, q := range map[string]struct {
		operation string
		args      any
		want      int32
	}{
		"not a map":               {"renew-lock", "x", http.StatusBadRequest},
		"renew nothing held":      {"renew-lock", map[string]any{"lock-tokens": none}, http.StatusGone},
		"schedule no list":        {"schedule-message", map[string]any{"messages": "x"}, http.StatusBadRequest},
		"schedule no message":     {"schedule-message", map[string]any{"messages": []any{"x"}}, http.StatusBadRequest},
		"schedule nonsense":       {"schedule-message", map[string]any{"messages": []any{map[string]any{"message": []byte("nonsense")}}}, http.StatusBadRequest},
		"schedule too much":       {"schedule-message", map[string]any{"messages": []any{map[string]any{"message": make([]byte, maxMessageSize+1)}}}, http.StatusBadRequest},
		"cancel nothing":          {"cancel-scheduled-message", map[string]any{}, http.StatusBadRequest},
		"cancel what is not":      {"cancel-scheduled-message", map[string]any{"sequence-numbers": []int64{7}}, http.StatusNotFound},
		"peek nothing":            {"peek-message", map[string]any{"from-sequence-number": int64(0), "message-count": int32(0)}, http.StatusBadRequest},
		"deferred without a mode": {"receive-by-sequence-number", map[string]any{"sequence-numbers": []int64{1}}, http.StatusBadRequest},
		"deferred what is not":    {"receive-by-sequence-number", map[string]any{"sequence-numbers": []int64{1}, "receiver-settle-mode": uint32(1)}, http.StatusNotFound},
		"settle without tokens":   {"update-disposition", map[string]any{"disposition-status": "completed"}, http.StatusBadRequest},
		"settle as nothing known": {"update-disposition", map[string]any{"disposition-status": "eaten", "lock-tokens": none}, http.StatusBadRequest},
		"settle nothing held":     {"update-disposition", map[string]any{"disposition-status": "completed", "lock-tokens": none}, http.StatusGone},
		"sessions":                {"get-session-state", nil, http.StatusNotImplemented},
	} {
		r := c.manage("q", "com.microsoft:"+q.operation, &amqp.Message{Value: q.args})
		if r.status != q.want {
			t.Errorf("%s: %d %s, want %d", name, r.status, r.text, q.want)
		}
		if _, err := r.encode("1"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r := c.manage("none", "com.microsoft:peek-message", &amqp.Message{Value: map[string]any{"from-sequence-number": int64(0), "message-count": int32(1)}}); r.status != http.StatusNotFound {
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
		"an unknown entity":  {"put-token", tokenSAS, "amqps://host/none", "x", http.StatusNotFound},
		"dead letters of it": {"put-token", tokenSAS, "amqps://host/q/$DeadLetterQueue", "x", http.StatusAccepted},
	} {
		m := &amqp.Message{Value: q.token, ApplicationProperties: map[string]any{"type": q.kind, "name": q.audience}}
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
	for condition, want := range map[string]int32{"": http.StatusServiceUnavailable, "amqp:unauthorized-access": http.StatusUnauthorized, "amqp:not-found": http.StatusNotFound,
		"amqp:resource-limit-exceeded": http.StatusForbidden, "com.microsoft:entity-disabled": http.StatusForbidden, "amqp:internal-error": http.StatusInternalServerError} {
		c, s := asked(t)
		if err := s.RefuseSends("q", Refusal{Condition: condition}); err != nil {
			t.Fatal(err)
		}
		args := map[string]any{"messages": []any{map[string]any{"message": data}}}
		if r := c.manage("q", "com.microsoft:schedule-message", &amqp.Message{Value: args}); r.status != want {
			t.Errorf("%q: %d, want %d", condition, r.status, want)
		}
	}
}

func TestDeliveryStatesAreReadAsTheServiceReadsThem(t *testing.T) {
	t.Parallel()
	note := wire.Map{{Key: wire.Symbol("k"), Value: wire.Symbol("v")}, {Key: "u", Value: wire.UUID{1}}, {Key: int64(1), Value: "dropped"}}
	for name, c := range map[string]struct {
		said       *wire.State
		want       outcomeKind
		properties int
	}{
		"nothing":                 {nil, release, 0},
		"accepted":                {&wire.State{Kind: wire.Accepted}, complete, 0},
		"released":                {&wire.State{Kind: wire.Released}, release, 0},
		"modified":                {&wire.State{Kind: wire.Modified, Annotations: note}, abandon, 2},
		"modified, undeliverable": {&wire.State{Kind: wire.Modified, UndeliverableHere: true, Annotations: note}, postpone, 2},
		"rejected":                {&wire.State{Kind: wire.Rejected}, deadLetter, 0},
		"rejected with an error":  {&wire.State{Kind: wire.Rejected, Error: &wire.Error{Description: "d", Info: note}}, deadLetter, 2},
	} {
		got := verdict(c.said)
		if got.kind != c.want || len(got.properties) != c.properties {
			t.Errorf("%s: %+v", name, got)
		}
		if err := checkProperties(got.properties); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASettlementThatCannotBeKeptIsRefused(t *testing.T) {
	t.Parallel()
	c, s := asked(t)
	put(t, s, Message{ID: "1"})
	token, err := parseToken(next(t, s, "q").LockToken)
	if err != nil {
		t.Fatal(err)
	}
	odd := &wire.State{Kind: wire.Modified, Annotations: wire.Map{{Key: "k", Value: wire.Opaque{1}}, {Key: "l", Value: wire.Map{}}}}
	if got := c.settle(unsettled{token: token}, odd); got.Kind != wire.Rejected || got.Error == nil {
		t.Errorf("answer %+v", got)
	}
	if got := c.settle(unsettled{token: token}, nil); got.Kind != wire.Released {
		t.Errorf("answer %+v", got)
	}
	if got := c.settle(unsettled{token: token}, nil); got.Kind != wire.Rejected || got.Error.Condition != wire.Symbol(lockLost) {
		t.Errorf("answer %+v", got)
	}
}

func TestADeferredMessageExpiresToo(t *testing.T) {
	t.Parallel()
	s, clock := plain(t, QueueConfig{Name: "q", TTL: time.Hour, LockDuration: time.Minute})
	put(t, s, Message{ID: "1"})
	token, err := parseToken(next(t, s, "q").LockToken)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.broker.settle(token, outcome{kind: postpone}); err != nil {
		t.Fatal(err)
	}
	if got := s.Counts("q"); got != (Counts{Deferred: 1}) {
		t.Errorf("counts %+v", got)
	}
	clock.Advance(time.Hour - time.Second)
	if _, err := s.broker.takeDeferred("q", []int64{1}, false); err != nil {
		t.Fatal(err)
	}
	clock.Advance(2 * time.Minute) // past its time, but only once the lock has ended
	if got := s.Records("q")[0]; got.Reason != "TTLExpiredException" || got.Fate != DeadLettered {
		t.Errorf("record %+v", got)
	}
}
