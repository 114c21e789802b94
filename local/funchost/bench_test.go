package funchost

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bench is a host in fake time whose handlers answer in memory. It is used in a bubble, whose time begins at midnight.
type bench struct {
	h    *Host
	fn   *function
	end  context.CancelFunc
	logs logBook

	mu   sync.Mutex
	runs []run
	busy time.Duration // what an invocation takes
}

// run is one invocation of the timer as a handler got it.
type run struct {
	instance int
	at       time.Time
	next     time.Time // zero without a status
	last     time.Time
	pastDue  bool
}

func newBench(t *testing.T, schedule string, change ...func(*timerTrigger)) *bench {
	t.Helper()
	s, err := parseSchedule(schedule)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{fn: &function{
		name:    "PollAlerts",
		binding: "timer",
		timer:   &timerTrigger{schedule: s, useMonitor: true},
	}}
	for _, f := range change {
		f(b.fn.timer)
	}
	b.h = &Host{o: Options{Seed: 1, Logf: b.logs.add}.withDefaults()}
	b.h.ctx, b.end = context.WithCancel(t.Context())
	return b
}

// join begins an instance that has a ready handler and tends the timer.
func (b *bench) join(index int) (*instance, *life) {
	in := &instance{h: b.h, group: b.fn.name, index: index, fns: []*function{b.fn}}
	l := in.begin()
	p := &process{
		base:   "http://handler",
		client: &http.Client{Transport: handlerOf{b, index}},
		done:   make(chan struct{}),
	}
	in.set(ready, p)
	go func() {
		defer close(l.over)
		defer close(l.silent)
		in.tend(l, b.fn)
	}()
	return in, l
}

// close ends every instance and waits until they are gone.
func (b *bench) close() {
	b.end()
	synctest.Wait()
}

// of are the runs of one instance.
func (b *bench) of(index int) (runs []run) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.runs {
		if r.instance == index {
			runs = append(runs, r)
		}
	}
	return runs
}

type handlerOf struct {
	*bench
	index int
}

func (b handlerOf) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent struct {
		Data struct {
			Timer struct {
				IsPastDue      bool
				ScheduleStatus struct{ Last, Next time.Time }
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
		return nil, err
	}
	httptrace.ContextClientTrace(r.Context()).WroteRequest(httptrace.WroteRequestInfo{}) // as a connection says it
	timer := sent.Data.Timer
	b.mu.Lock()
	b.runs = append(b.runs,
		run{b.index, time.Now(), timer.ScheduleStatus.Next, timer.ScheduleStatus.Last, timer.IsPastDue})
	b.mu.Unlock()
	time.Sleep(b.busy)
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader("{}"))}, nil
}
