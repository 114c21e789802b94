package trigger

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Tick is one occurrence of a timer. All of it is a hint; the host says nothing that work may depend on, and what
// cannot be read is zero.
type Tick struct {
	PastDue      bool      // the host started after an occurrence that it missed; several missed ones are one
	Due          time.Time // when the timer was to fire, UTC; zero if the host did not say
	InvocationID string    // of the host; "" if it did not say
}

// timerBinding is the name of the trigger in the function.json of timers.
const timerBinding = "timer"

func (h *Handler) pollAlerts(w http.ResponseWriter, r *http.Request) {
	h.invokeTimer(w, r, "PollAlerts", func(ctx context.Context, s Services, t Tick) error {
		return s.PollAlerts(ctx, t)
	})
}

// invokeTimer answers a timer's invocation.
func (h *Handler) invokeTimer(
	w http.ResponseWriter,
	r *http.Request,
	function string,
	call func(ctx context.Context, s Services, t Tick) error,
) {
	var t Tick
	h.invoke(w, r, function, taker{timerBinding, func(v jsontext.Value) { t = tick(v) }}, func(metadata) (work, error) {
		t.InvocationID = invocationID(r.Header)
		return func(ctx context.Context, s Services) error { return call(ctx, s, t) }, nil
	})
}

// tick reads a timer's value ("Timer trigger for Azure Functions", TimerInfo). A timer that the host does not monitor
// has no ScheduleStatus. Next is the occurrence that fires now, not the following one.
func tick(v jsontext.Value) Tick {
	var info struct {
		IsPastDue      jsontext.Value
		ScheduleStatus struct{ Next jsontext.Value }
	}
	err := json.Unmarshal(v, &info, tolerant())
	if err != nil {
		return Tick{}
	}
	pastDue := scalar(info.IsPastDue)
	return Tick{
		PastDue: pastDue == "true" || pastDue == "True",
		Due:     instant(scalar(info.ScheduleStatus.Next)),
	}
}
