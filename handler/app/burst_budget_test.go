package app

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"cordon/handler/internal/long"
	"cordon/local/defendersim"
)

// trials are what the budgets are held against. A tenth of the messages is delivered twice where calls are scarce.
func trials() map[string]trial {
	perEndpoint, shared := defendersim.DocumentedQuotas(), defendersim.DocumentedQuotas()
	shared.SharedBucket = true
	return map[string]trial{
		"free":     {burst: standardBurst(), severities: []string{"High"}},
		"quota":    {burst: standardBurst(), severities: []string{"High"}, quotas: perEndpoint, redelivered: 10},
		"outbreak": {burst: outbreak(), severities: []string{"High"}, quotas: perEndpoint, redelivered: 10},
		"order": {
			burst:       standardBurst(),
			severities:  []string{"High", "Medium"},
			quotas:      perEndpoint,
			redelivered: 10,
		},
		"shared": {burst: standardBurst(), severities: []string{"High"}, quotas: shared, redelivered: 10},
	}
}

// TestBurstMeetsItsBudgets plays the burst in fake time against the API's quotas, with the program's own wiring: three
// responders, a poller and a follower, each a process of its own. `make bench` prints the table.
func TestBurstMeetsItsBudgets(t *testing.T) {
	long.Test(t)
	t.Parallel()
	if raced {
		t.Skip("played without the race detector; make test does so after the other tests")
	}
	b := standardBurst()
	if d := len(b.targets("High")); d != 152 {
		t.Fatalf("the burst has %d targets, want 152", d)
	}
	ours, naive := map[string]*outcome{}, map[string]*outcome{}
	for name := range trials() {
		ours[name], naive[name] = &outcome{}, &outcome{}
	}
	t.Run("play", func(t *testing.T) {
		for name, p := range trials() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { *ours[name] = play(t, p) })
				synctest.Test(t, func(t *testing.T) { *naive[name] = playNaive(t, p) })
			})
		}
	})
	if t.Failed() {
		return
	}
	tables := []struct {
		heading string
		rows    []row
	}{
		{"without quotas", freeRows(*ours["free"], *naive["free"])},
		{
			"100 calls a minute and 1,500 an hour at each endpoint, 10 % of the messages delivered twice",
			quotaRows(*ours["quota"], *naive["quota"]),
		},
		{"the same, with a playbook that isolates Medium too", orderRows(*ours["order"])},
		{
			fmt.Sprintf("the same quotas, an outbreak of %d High alerts on %d machines",
				len(outbreak().alerts), len(outbreak().targets("High"))),
			quotaRows(*ours["outbreak"], *naive["outbreak"]),
		},
		{
			"100 calls a minute and 1,500 an hour at all endpoints together, 10 % of the messages delivered twice",
			sharedRows(*ours["shared"], *naive["shared"]),
		},
	}
	var out strings.Builder
	fmt.Fprintf(&out,
		"%d alerts at once on %d machines, %d High on D = %d of them (seed %d); a call takes %s, a ledger access %s;\n",
		len(b.alerts), len(b.machines), b.high, len(b.targets("High")), b.seed, apiTakes, ledgerTakes)
	fmt.Fprintf(&out,
		"%d responders with %d messages at a time, 1 poller, 1 follower; "+
			"naive: %d at a time, get alert, and if it is High get machine, isolate, mail\n",
		responders, atATime, atATime)
	for _, table := range tables {
		layOut(&out, table.heading, table.rows)
		for _, r := range table.rows {
			if r.over() {
				t.Errorf("%s: %s: %s, budget %s (%s)",
					table.heading, strings.TrimSpace(r.what), figure(r.ours), figure(r.budget), r.formula)
			}
		}
	}
	if benching() {
		fmt.Print(out.String() + "\n")
	} else {
		t.Log(out.String())
	}
}

// benching reports whether benchmarks run, so that tables are wanted.
func benching() bool {
	f := flag.Lookup("test.bench")
	return f != nil && f.Value.String() != ""
}

// TestBudgetsAreMissedWithoutWhatKeepsThem switches off what keeps the budgets, for as many alerts as it takes to see
// it.
func TestBudgetsAreMissedWithoutWhatKeepsThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		off    func(*trial)
		alerts []string
		trial  string
		rows   func(ours, naive outcome) []row
		missed string
	}{
		"isolations are not reserved": {
			func(p *trial) { p.noSlots = true }, []string{"High"}, "quota", quotaRows, "calls answered 429",
		},
		"snapshots are dropped": {
			func(p *trial) { p.noSnapshots = true }, []string{"Informational"}, "free", freeRows, "  single reads",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := trials()[c.trial]
			p.alerts = slices.DeleteFunc(p.alerts,
				func(a defendersim.Alert) bool { return !slices.Contains(c.alerts, a.Severity) })
			c.off(&p)
			var o outcome
			synctest.Test(t, func(t *testing.T) { o = play(t, p) })
			var missed []string
			for _, r := range c.rows(o, outcome{}) {
				if r.over() {
					missed = append(missed, r.what)
				}
			}
			t.Logf("missed: %q", missed)
			if !slices.Contains(missed, c.missed) {
				t.Errorf("missed are %q, want %q among them", missed, c.missed)
			}
		})
	}
}
