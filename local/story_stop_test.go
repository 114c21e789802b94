package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordon/local/funchost"
	"cordon/local/world"
)

// held keeps the first request of a kind, or its answer, from one process until it is released or nobody waits for it
// any more.
type held struct {
	kind    func(r *http.Request, body []byte) bool
	answer  bool // the request is passed on, and its answer is kept
	met     chan struct{}
	release chan struct{}
	once    sync.Once
	seen    atomic.Int32 // requests of the kind
}

func newHeld(kind func(*http.Request, []byte) bool, answer bool) *held {
	return &held{kind: kind, answer: answer, met: make(chan struct{}), release: make(chan struct{})}
}

func (h *held) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		first := false
		if h.kind(r, body) {
			h.seen.Add(1)
			h.once.Do(func() { first = true })
		}
		if !first {
			next.ServeHTTP(w, r)
			return
		}
		got := httptest.NewRecorder()
		if h.answer {
			next.ServeHTTP(got, r.WithContext(context.WithoutCancel(r.Context())))
		}
		close(h.met)
		select {
		case <-h.release:
		case <-r.Context().Done():
			return
		}
		if !h.answer {
			next.ServeHTTP(got, r)
		}
		maps.Copy(w.Header(), got.Header())
		w.WriteHeader(got.Code)
		_, _ = w.Write(got.Body.Bytes())
	})
}

func isolation(r *http.Request, _ []byte) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/isolate")
}

func intent(_ *http.Request, body []byte) bool {
	return bytes.Contains(body, []byte("/cordonlatches(")) && bytes.Contains(body, []byte(`"State":"intended"`))
}

// stopping is a stage with one machine to isolate, and the host of the responder that is to be stopped, with something
// between it and what it asks; another host has the other functions.
func stopping(t *testing.T, change func(s *story, o *funchost.Options)) (*story, *play, *site) {
	t.Helper()
	s := newStage(t, world.Options{Lock: 6 * time.Second}, map[string]string{
		"CORDON_LATCH_HOLD":    "9s",
		"CORDON_RECHECK_AFTER": "9s",
		"CORDON_MESSAGE_LOCK":  "6s",
		"CORDON_RETRY_AFTER":   "200ms",
	})
	one := crowd(1)
	one.Machines, one.Alerts = one.Machines[:1], one.Alerts[:1]
	p := s.populate(one)
	root, err := app()
	if err != nil {
		t.Fatal(err)
	}
	responder := s.open(func(o *funchost.Options) {
		o.AppRoot = staged(t, root, "RespondToAlert")
		change(s, o)
	})
	s.open(func(o *funchost.Options) { o.AppRoot = staged(t, root, "PollAlerts", "FollowActions", "SendNotice") })
	p.appear(p.scenario.Alerts)
	return s, p, responder
}

// answers are the invocations of the responder for messages, in order.
func (s *site) answers() []funchost.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.events), func(e funchost.Event) bool { return e.DeliveryCount == 0 })
}

// TestStoryStopInTheMiddleOfAnIsolationGivesItsSuccessBack has the responder stopped, or drained and then stopped,
// while it waits for the answer to its request. The request succeeds, the message comes again all the same.
func TestStoryStopInTheMiddleOfAnIsolationGivesItsSuccessBack(t *testing.T) {
	t.Parallel()
	for name, drained := range map[string]bool{"stop": false, "drain": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := newHeld(isolation, false)
			s, p, responder := stopping(t, func(s *story, o *funchost.Options) {
				s.apart(o, s.Tables, asked.before(s.Defender.Handler()))
			})
			<-asked.met
			over := make(chan error, 1)
			stop := func() { over <- responder.Stop("RespondToAlert", 0) }
			if drained {
				if err := responder.Drain("RespondToAlert", 0); err != nil {
					t.Fatal(err)
				}
			} else {
				go stop()
				s.eventually("the stop to begin", func() bool { return s.logged("RespondToAlert/0 stops") == 1 })
			}
			close(asked.release)
			s.eventually("the first answer", func() bool { return len(responder.answers()) > 0 })
			if drained {
				go stop()
			}
			if err := <-over; err != nil {
				t.Fatal(err)
			}
			if n := responder.Orphans(); n != 0 {
				t.Errorf("%d handlers were left running", n)
			}
			s.kept(p)
			answers := responder.answers()
			if first := answers[0]; !first.GivenBack || first.Err != nil || first.DeliveryCount != 1 {
				t.Errorf("the first answer: %+v", first)
			}
			if !slices.ContainsFunc(answers[1:], func(e funchost.Event) bool {
				return e.MessageID == answers[0].MessageID && e.DeliveryCount == 2 && e.Err == nil && !e.GivenBack
			}) {
				t.Errorf("the message did not come again: %+v", answers)
			}
			if n := asked.seen.Load(); n != 1 {
				t.Errorf("%d isolations were asked for", n)
			}
		})
	}
}

// brisk is a clock whose stops are over before the handler gives a request up, where the host waits for ten seconds.
type brisk struct{}

func (brisk) Now() time.Time { return time.Now() }

func (brisk) AfterFunc(d time.Duration, f func()) func() bool {
	if d == 10*time.Second {
		d = 300 * time.Millisecond
	}
	return time.AfterFunc(d, f).Stop
}

// TestStoryHandlerLeftBehindBesideItsSuccessorIsolatesOnce has a host go while its handler is in the middle of an
// isolation: the handler lives on, the next one finds the same message and the same ledger.
func TestStoryHandlerLeftBehindBesideItsSuccessorIsolatesOnce(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]*held{
		"the intent is written, and its answer is late":   newHeld(intent, true),
		"the request is on its way":                       newHeld(isolation, false),
		"the request is accepted, and its answer is late": newHeld(isolation, true),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p, responder := stopping(t, func(s *story, o *funchost.Options) {
				o.Clock = brisk{}
				s.apart(o, x.before(s.Tables), x.before(s.Defender.Handler()))
			})
			<-x.met
			if err := responder.Stop("RespondToAlert", 0); err != nil {
				t.Fatal(err)
			}
			if n := responder.Orphans(); n != 1 {
				t.Errorf("%d handlers were left running", n)
			}
			s.kept(p)
			if n := responder.Orphans(); n != 1 {
				t.Errorf("%d handlers that were left behind live when everything is answered", n)
			}
			if answers := responder.answers(); answers[0].Err == nil ||
				!slices.ContainsFunc(answers[1:], func(e funchost.Event) bool {
					return e.MessageID == answers[0].MessageID && e.DeliveryCount == 2 && e.Err == nil
				}) {
				t.Errorf("the message was answered so: %+v", answers)
			}
		})
	}
}
