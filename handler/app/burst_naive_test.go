package app

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/local/defendersim"
)

// playNaive answers the burst as a flow does that handles each alert alone, as many at a time as one instance of ours:
// get the alert; if it is High get its machine, isolate it, mail. A call that is answered 429 is made again when the
// answer says so. An alert that is delivered again is answered again.
func playNaive(t *testing.T, p trial) outcome {
	f := &flow{t: t, sim: defendersim.New(defendersim.Options{Quotas: &p.quotas})}
	f.client = &http.Client{Transport: &inMemory{to: f.sim.Handler(), takes: apiTakes}}
	for _, m := range p.machines {
		f.sim.AddMachine(m)
	}
	for _, a := range p.alerts {
		f.sim.AddAlert(a, time.Time{})
	}
	o := outcome{trial: p, began: time.Now()}
	queue := make(chan defendersim.Alert)
	var all sync.WaitGroup
	for range atATime {
		all.Go(func() {
			for a := range queue {
				f.answer(a.ID)
			}
		})
	}
	th := &theater{trial: p}
	for _, a := range p.alerts {
		for range 1 + map[bool]int{true: 1}[th.again(a.ID)] {
			queue <- a
		}
	}
	close(queue)
	all.Wait()
	o.ended, o.calls, o.actions, o.mails = time.Now(), f.sim.Calls(), f.sim.Actions(), f.mails
	return o
}

type flow struct {
	t      *testing.T
	sim    *defendersim.Sim
	client *http.Client
	mu     sync.Mutex
	mails  int
}

func (f *flow) answer(id string) {
	var a struct{ Severity, MachineID string }
	f.call("GET", "alerts/"+id, "", &a)
	if a.Severity != "High" {
		return
	}
	f.call("GET", "machines/"+a.MachineID, "", nil)
	f.call("POST", "machines/"+a.MachineID+"/isolate", `{"Comment":"Alert `+id+`","IsolationType":"Full"}`, nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mails++
}

func (f *flow) call(method, path, body string, into any) {
	for {
		r, err := http.NewRequestWithContext(f.t.Context(), method, "http://api.example/api/"+path,
			strings.NewReader(body))
		if err != nil {
			f.t.Error(err)
			return
		}
		answer, err := f.client.Do(r)
		if err != nil {
			f.t.Error(err)
			return
		}
		if answer.StatusCode != http.StatusTooManyRequests {
			if into != nil {
				err = json.NewDecoder(answer.Body).Decode(into)
			}
			answer.Body.Close()
			if err != nil {
				f.t.Error(err)
			}
			return
		}
		answer.Body.Close()
		seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
		if err != nil {
			f.t.Error(err)
			return
		}
		time.Sleep(time.Duration(seconds) * time.Second)
	}
}
