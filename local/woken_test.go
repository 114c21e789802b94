package main

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordon/local/funchost"
	"cordon/local/world"
)

// staged is an app root with the binary of another one and some of its functions.
func staged(t *testing.T, from string, functions ...string) string {
	t.Helper()
	root := t.TempDir()
	files := []string{"cordon", "host.json", "playbook.yaml"}
	for _, name := range functions {
		files = append(files, filepath.Join(name, "function.json"))
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range files {
		if err := os.Symlink(filepath.Join(from, name), filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// apart gives the processes of a site listeners of their own for the tables and the Defender API, so that what they ask
// can be told from what others ask.
func (s *story) apart(o *funchost.Options, tables, defender http.Handler) {
	s.t.Helper()
	o.Settings = maps.Clone(o.Settings)
	at, err := s.Serve(tables, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	o.Settings["AzureWebJobsStorage"] = s.Tables.ConnectionString(at)
	if o.Settings["CORDON_DEFENDER_URL"], err = s.Serve(defender, nil); err != nil {
		s.t.Fatal(err)
	}
}

// sleeper is a responder that is frozen once, between its intent and its request: when the tables have written the
// intent, or when they have shown it that the intent is its own.
type sleeper struct {
	site     *site
	readBack bool
	first    *atomic.Bool  // of all responders: one of them was frozen
	asleep   chan *sleeper // gets the one that was frozen
	woken    chan struct{}
	intended atomic.Bool  // it has written an intent
	requests atomic.Int32 // isolations that it asked for
}

// beforeTables is between the responder and the tables.
func (s *sleeper) beforeTables(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		wrote := bytes.Contains(body, []byte("/cordonlatches(")) && bytes.Contains(body, []byte(`"State":"intended"`))
		read := r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/cordonlatches(") && s.intended.Load()
		if wrote {
			s.intended.Store(true)
		}
		if ((wrote && !s.readBack) || (read && s.readBack)) && s.first.CompareAndSwap(false, true) {
			s.sleep(r)
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// sleep freezes the responder and keeps back what it waits for until it is woken.
func (s *sleeper) sleep(r *http.Request) {
	if s.site.Freeze("RespondToAlert", 0) != nil {
		return // and the story waits in vain
	}
	s.asleep <- s
	select {
	case <-s.woken:
	case <-r.Context().Done():
	}
}

// beforeDefender counts what the responder asks of the Defender API.
func (s *sleeper) beforeDefender(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/isolate") {
			s.requests.Add(1)
		}
		next.ServeHTTP(w, r)
	})
}

// TestStoryProcessThatSleptBetweenIntentAndRequestSendsNothing freezes a responder at the worst of moments for longer
// than all its locks last, while others go on, and wakes it when everything is over.
func TestStoryProcessThatSleptBetweenIntentAndRequestSendsNothing(t *testing.T) {
	t.Parallel()
	for moment, readBack := range map[string]bool{"intent written": false, "intent read back": true} {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, world.Options{Lock: 3 * time.Second}, map[string]string{
				"CORDON_LATCH_HOLD":    "3s",
				"CORDON_RECHECK_AFTER": "4s",
				"CORDON_MESSAGE_LOCK":  "3s",
				"CORDON_RETRY_AFTER":   "500ms",
			})
			one := crowd(1)
			one.Machines, one.Alerts = one.Machines[:1], one.Alerts[:3]
			p := s.populate(one)
			root, err := app()
			if err != nil {
				t.Fatal(err)
			}
			s.open(func(o *funchost.Options) {
				o.AppRoot = staged(t, root, "PollAlerts", "FollowActions", "SendNotice")
			})
			var first atomic.Bool
			asleep, woken := make(chan *sleeper, 1), make(chan struct{})
			for range 3 {
				x := &sleeper{readBack: readBack, first: &first, asleep: asleep, woken: woken}
				x.site = s.open(func(o *funchost.Options) {
					o.AppRoot = staged(t, root, "RespondToAlert")
					s.apart(o, x.beforeTables(s.Tables), x.beforeDefender(s.Defender.Handler()))
				})
			}
			p.appear(p.scenario.Alerts)
			slept := <-asleep
			s.eventually("an isolation by those who are awake", func() bool {
				return s.isolations() == 1 && s.Defender.Isolated(p.scenario.Machines[0].ID)
			})
			if err := slept.site.Thaw("RespondToAlert", 0); err != nil {
				t.Fatal(err)
			}
			close(woken)
			s.eventually("the end of what it slept in", slept.site.idle)
			s.kept(p)
			if n := slept.requests.Load(); n > 0 {
				t.Errorf("the process that slept asked for %d isolations", n)
			}
		})
	}
}
