package app

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/local/defendersim"
)

// burst is a workload: alerts that appear at once, in an order without meaning. The same seed makes the same.
type burst struct {
	seed     uint64
	high     int // alerts, the first of them before they were shuffled
	machines []defendersim.Machine
	alerts   []defendersim.Alert
}

// standardBurst is what the budgets are held against: 1,000 alerts on 200 machines, 300 of them High on 152 machines.
func standardBurst() burst { return newBurst(1, 1000, 200, 300) }

// outbreak is a burst of High alerts alone, on three times as many machines as a minute's quota.
func outbreak() burst { return newBurst(1, 500, 450, 500) }

func newBurst(seed uint64, alerts, machines, high int) burst {
	random := rand.New(rand.NewPCG(seed, 2))
	b := burst{seed: seed, high: high}
	for i := range machines {
		b.machines = append(
			b.machines,
			defendersim.Machine{
				ID:   fmt.Sprintf("%040x", 0x5eed0000+i),
				Name: fmt.Sprintf("pc%03d.corp.contoso.com", i),
				OS:   "Windows11",
			},
		)
	}
	for i := range alerts {
		severity := string(alert.High)
		if i >= high {
			severity = []string{"Medium", "Medium", "Low", "Informational"}[i%4]
		}
		m := random.IntN(machines)
		b.alerts = append(
			b.alerts,
			defendersim.Alert{
				ID:         fmt.Sprintf("da%018d_%d", 638994417204415533+i, i-500),
				Severity:   severity,
				Title:      "Suspicious process injection",
				Category:   "Execution",
				MachineID:  b.machines[m].ID,
				IncidentID: int64(1000 + m),
			},
		)
	}
	random.Shuffle(len(b.alerts), func(i, j int) { b.alerts[i], b.alerts[j] = b.alerts[j], b.alerts[i] })
	return b
}

// targets are the machines that have an alert of one of the severities.
func (b burst) targets(severities ...string) map[string]bool {
	found := map[string]bool{}
	for _, a := range b.alerts {
		for _, s := range severities {
			if a.Severity == s {
				found[a.MachineID] = true
			}
		}
	}
	return found
}

// isolations counts the requests to isolate by what became of them: accepted, refused for the quota, other.
func (o outcome) isolations() (accepted, refused, other int) {
	for _, c := range o.calls {
		switch {
		case c.Endpoint != isolateEndpoint:
		case c.Status < 300:
			accepted++
		case c.Status == 429:
			refused++
		default:
			other++
		}
	}
	return accepted, refused, other
}

const isolateEndpoint = "POST /api/machines/{id}/isolate"

// count counts the calls to endpoints.
func (o outcome) count(endpoints ...string) int {
	n := 0
	for _, c := range o.calls {
		if slices.Contains(endpoints, c.Endpoint) {
			n++
		}
	}
	return n
}

// overQuota counts the calls that were answered 429.
func (o outcome) overQuota() int {
	n := 0
	for _, c := range o.calls {
		if c.Status == 429 {
			n++
		}
	}
	return n
}

// perMachine is how many actions each machine of a set has, at least and at most.
func (o outcome) perMachine(machines map[string]bool) (least, most int) {
	counts := map[string]int{}
	for _, a := range o.actions {
		counts[a.MachineID]++
	}
	least = len(o.actions)
	for m := range machines {
		least = min(least, counts[m])
	}
	for _, n := range counts {
		most = max(most, n)
	}
	return least, most
}

// contained is when each machine of a set was first isolated, from the burst on, in order of time.
func (o outcome) contained(machines map[string]bool) []time.Duration {
	first := map[string]time.Time{}
	for _, a := range o.actions {
		if t, known := first[a.MachineID]; machines[a.MachineID] && (!known || a.Created.Before(t)) {
			first[a.MachineID] = a.Created
		}
	}
	var times []time.Duration
	for _, t := range first {
		times = append(times, t.Sub(o.began))
	}
	slices.Sort(times)
	return times
}

// unanswered counts the alerts without a recorded answer that fits.
func (o outcome) unanswered() int {
	n := 0
	for _, a := range o.alerts {
		want := "no rule"
		if slices.Contains(o.severities, a.Severity) {
			want = "isolated"
		}
		if o.runs[a.ID] != want {
			n++
		}
	}
	return n
}

// quotaFloor is the least time in which a quota lets so many calls through, the first ones at once: high ones, which
// may use all of it, and then low ones, for which a fifth is left.
func quotaFloor(high, low int, q defendersim.Quotas) time.Duration {
	times := make([]time.Duration, high+low)
	for i := range times {
		for limit, window := range map[int]time.Duration{q.PerMinute: time.Minute, q.PerHour: time.Hour} {
			if i >= high {
				limit = limit * 4 / 5
			}
			if i >= limit {
				times[i] = max(times[i], times[i-limit]+window)
			}
		}
		if i > 0 {
			times[i] = max(times[i], times[i-1])
		}
	}
	return times[len(times)-1]
}
