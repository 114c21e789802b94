package desk_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/local/tables"
)

// TestABadNightIsReadInTime has rails hold much: what each of it came to is read at the same time, in order.
func TestABadNightIsReadInTime(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	for i := range 9 {
		w.Advance(time.Second)
		w.ProtectedAlert(p, fmt.Sprintf("da%d", i), alert.High)
	}
	d, _ := w.Desk()
	before, err := d.List(t.Context())
	if err != nil || len(before) < 4 {
		t.Fatalf("%d held, %v", len(before), err)
	}
	together := make(chan struct{})
	var asked, alone atomic.Int64
	w.Tables.SetFault(func(r *http.Request) *tables.Fault {
		if !strings.Contains(r.URL.Path, "alerts") {
			return nil
		}
		if asked.Add(1) == 4 {
			close(together)
		}
		select {
		case <-together:
		case <-time.After(3 * time.Second):
			alone.Add(1)
		}
		return nil
	})
	listed, err := d.List(t.Context())
	if err != nil || len(listed) != len(before) || alone.Load() > 0 {
		t.Fatalf("%d held, %d were asked about alone, %v", len(listed), alone.Load(), err)
	}
	for i, h := range listed {
		if h.AlertID != before[i].AlertID || i > 0 && h.At.After(listed[i-1].At) {
			t.Errorf("%d is %s of %s", i, h.AlertID, h.At)
		}
	}
}
