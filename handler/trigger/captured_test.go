package trigger

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// captured is a request that a real host sent, its body in one chunk again.
func captured(t *testing.T, name string) *http.Request {
	t.Helper()
	head, err := os.ReadFile(filepath.Join("testdata", "captured", name+".request.txt"))
	if err != nil {
		t.Fatal(err)
	}
	wire := strings.ReplaceAll(strings.TrimSpace(string(head)), "\n", "\r\n") + "\r\n\r\n"
	body, err := os.ReadFile(filepath.Join("testdata", "captured", name+".json"))
	if err == nil {
		wire += fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheRequestsOfARealHostAreTaken(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	s := &spy{report: Health{OK: true, Body: map[string]bool{"ok": true}}}
	h, _ := start(s.services)
	for _, name := range []string{"timer", "timer-past-due", "timer-sub-minute", "servicebus-binary"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, captured(t, name))
		wantSuccess(t, w)
	}
	wantTicks := map[string][]Tick{
		"FollowActions": {
			{Due: at("2026-11-28T04:56:30Z"), InvocationID: "8280a12e-6a7c-476f-b4ce-aeb4f1b88ff6"},
			{Due: at("2026-11-28T04:55:30Z"), PastDue: true, InvocationID: "fc273202-fcc6-4aa1-926b-4018878686cb"},
		},
		"PollAlerts": {{InvocationID: "feaa4abb-d6a3-4265-b1f7-537637bbf611"}},
	}
	if d := cmp.Diff(wantTicks, s.ticks); d != "" {
		t.Errorf("ticks (-want +got):\n%s", d)
	}
	wantDeliveries := map[string][]Delivery{"RespondToAlert": {{
		Body: []byte(`{"format":1,"tenant":"3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4",` +
			`"alertId":"da638994417204415533_-1184200099","reason":"retry","attempt":2}`),
		MessageID: "3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4:da638994417204415533_-1184200099:v0:r2", DeliveryCount: 1,
		EnqueuedAt: at("2026-11-28T04:56:34Z"), InvocationID: "22bf80f8-24de-47cd-9b60-5067d5f53156",
	}}}
	if d := cmp.Diff(wantDeliveries, s.deliveries); d != "" {
		t.Errorf("deliveries (-want +got):\n%s", d)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, captured(t, "http-forwarded"))
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
		t.Errorf("health: %d %s", w.Code, w.Body)
	}
}
