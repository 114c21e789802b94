package defendersim

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

// spend makes n calls and returns how many were answered with 200.
func (tn *tenant) spend(path string, n int) int {
	tn.t.Helper()
	served := 0
	for range n {
		if tn.get(path).Code == http.StatusOK {
			served++
		}
	}
	return served
}

func (r reply) retryAfter(t testing.TB) time.Duration {
	t.Helper()
	seconds, err := strconv.Atoi(r.Header().Get("Retry-After"))
	if err != nil {
		t.Fatalf("Retry-After %q: %v", r.Header().Get("Retry-After"), err)
	}
	return time.Duration(seconds) * time.Second
}

func TestMinuteIsASlidingWindow(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{Quotas: &Quotas{PerMinute: 4, ForgiveRejected: true}})
	tn.spend("/api/alerts", 2)
	tn.clock.pass(40 * time.Second)
	if got := tn.spend("/api/alerts", 4); got != 2 {
		t.Errorf("%d calls fit, want 2", got)
	}
	tn.clock.pass(20*time.Second - tick)
	if got := tn.spend("/api/alerts", 1); got != 0 {
		t.Error("a call fits before the first two left the window")
	}
	tn.clock.pass(tick)
	if got := tn.spend("/api/alerts", 4); got != 2 {
		t.Errorf("%d calls fit after the first two left, want 2", got)
	}
}

func TestRetryAfterIsWhenTheNextCallFitsAndNotASecondMore(t *testing.T) {
	t.Parallel()
	for _, forgive := range []bool{true, false} {
		for _, first := range []time.Duration{0, 300 * time.Millisecond, 59*time.Second + 500*time.Millisecond} {
			tn := open(t, Options{Quotas: &Quotas{PerMinute: 3, PerHour: 100, ForgiveRejected: forgive}})
			tn.spend("/api/alerts", 2)
			tn.clock.pass(first)
			tn.spend("/api/alerts", 1)
			var wait time.Duration
			for range 3 {
				wait = tn.want(tn.get("/api/alerts"), http.StatusTooManyRequests, "429").retryAfter(t)
			}
			if wait < time.Second {
				t.Fatalf("Retry-After is %v, want at least a second", wait)
			}
			other := *tn
			tn.clock.pass(wait - time.Second)
			if windows := other.quotas.windows("", "GET /api/alerts"); windows[0].wait(tn.clock.now()) == 0 {
				t.Errorf("forgiving %t, %v: a call fits a second before Retry-After (%v)", forgive, first, wait)
			}
			tn.clock.pass(time.Second)
			if got := tn.spend("/api/alerts", 1); got != 1 {
				t.Errorf("forgiving %t, %v: no call fits after Retry-After (%v)", forgive, first, wait)
			}
		}
	}
}

func TestCallsThatAreRefusedProlongTheWait(t *testing.T) {
	t.Parallel()
	for forgive, want := range map[bool]int{true: 2, false: 0} {
		tn := open(t, Options{Quotas: &Quotas{PerMinute: 2, ForgiveRejected: forgive}})
		tn.spend("/api/alerts", 2)
		tn.clock.pass(30 * time.Second)
		tn.spend("/api/alerts", 2)
		tn.clock.pass(30 * time.Second)
		if got := tn.spend("/api/alerts", 2); got != want {
			t.Errorf("forgiving %t: %d calls fit, want %d", forgive, got, want)
		}
	}
}

func TestQuotasAreForEachAppAndEndpoint(t *testing.T) {
	t.Parallel()
	claims := func(app string) Claims {
		return Claims{AppID: app, Roles: []string{"Alert.Read.All", "Machine.Read.All"}}
	}
	for shared, want := range map[bool]int{false: 2, true: 0} {
		tn := open(t, Options{
			Quotas: &Quotas{PerMinute: 2, SharedBucket: shared},
			Verify: verifier(map[string]Claims{"app": claims("one"), "other": claims("two")}),
		})
		tn.spend("/api/alerts", 3)
		if got := tn.spend("/api/machineactions", 2); got != want {
			t.Errorf("shared %t: %d calls to another endpoint fit, want %d", shared, got, want)
		}
		tn.token = "other"
		if got := tn.spend("/api/v1.0/alerts", 3); got != 2 {
			t.Errorf("shared %t: %d calls of another app fit, want 2", shared, got)
		}
	}
}

func TestDocumentedQuotasHoldUnlessOthersAreGiven(t *testing.T) {
	t.Parallel()
	c := &clock{t: start()}
	tn := &tenant{Sim: New(Options{Now: c.now}), clock: c, t: t}
	served := 0
	for range 20 {
		served += tn.spend("/api/machineactions", 100)
		c.pass(time.Minute)
	}
	if served != 1500 {
		t.Errorf("%d calls fit an hour, want 1,500", served)
	}
	tn.Sim = New(Options{Now: c.now})
	if got := tn.spend("/api/machineactions", 105); got != 100 {
		t.Errorf("%d calls fit a minute, want 100", got)
	}
	tn.Sim = New(Options{Now: c.now, Quotas: &Quotas{}})
	if got := tn.spend("/api/machineactions", 2000); got != 2000 {
		t.Errorf("%d calls fit without quotas, want all 2,000", got)
	}
}

func TestQuotaErrorsAreThoseOfTheService(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"error_429_per_minute.json": {Quotas: &Quotas{PerMinute: 100}},
		"error_429_per_hour.json":   {Quotas: &Quotas{PerHour: 1500}},
		"error_429_documented.json": {Quotas: &Quotas{PerMinute: 1}, QuotaError: DocumentedQuotaError},
	} {
		tn := open(t, o)
		tn.spend("/api/alerts", o.Quotas.PerMinute+o.Quotas.PerHour)
		sameError(t, name, tn.get("/api/alerts"), http.StatusTooManyRequests)
	}
}

// Reads and acts of one app draw from one bucket, a minute's and an hour's, and are told of the same wait.
func TestSharedBucketIsOneForAllEndpointsOfAnApp(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{Quotas: &Quotas{PerMinute: 4, PerHour: 6, SharedBucket: true, ForgiveRejected: true}})
	tn.AddMachine(Machine{Name: "pc1.corp.contoso.com"})
	id := tn.Machines()[0].ID
	call := []func() reply{
		func() reply { return tn.get("/api/alerts") },
		func() reply { return tn.get("/api/machines/" + id) },
		func() reply { return tn.get("/api/machineactions") },
		func() reply { return tn.isolateNow(id) },
	}
	fit := func() (n int) {
		for _, ask := range call {
			if ask().Code < 300 {
				n++
			}
		}
		return n
	}
	if got := fit(); got != 4 {
		t.Fatalf("%d of 4 calls to 4 endpoints fit a minute, want all", got)
	}
	tn.clock.pass(20 * time.Second)
	for i, ask := range call {
		if r := ask(); r.Code != http.StatusTooManyRequests || r.retryAfter(t) != 40*time.Second {
			t.Errorf("endpoint %d: %d, Retry-After %q, want 429 and 40", i, r.Code, r.Header().Get("Retry-After"))
		}
	}
	tn.clock.pass(40 * time.Second)
	if got := fit(); got != 2 {
		t.Errorf("%d calls fit after a minute, want the 2 that the hour has left", got)
	}
	tn.clock.pass(time.Minute)
	if wait := call[0]().retryAfter(t); wait != 58*time.Minute {
		t.Errorf("Retry-After is %s when the hour is used up, want 58 minutes", wait)
	}
}
