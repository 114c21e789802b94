package cli

import (
	"errors"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/cli/call"
	"cordon/handler/ledger/runs"
	"cordon/handler/tally"
)

// TestTheLastDayAndItsMachinesAreShown asks for the overview and for machines of a ledger with one run that is over and
// one that is not.
func TestTheLastDayAndItsMachinesAreShown(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	ctx := t.Context()
	now := time.Now().UTC()
	for id, machine := range map[string]string{"da1": "WS-0147.contoso.com", "da2": "hr-vm-22"} {
		a := alert.Alert{
			ID:              id,
			Severity:        alert.High,
			MachineID:       "m" + id,
			ComputerDNSName: machine,
			Updated:         now,
		}
		_, err := y.store.Runs.Observe(ctx, runs.Observation{Alert: a, Hash: alert.DecisionHash(a), At: now})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := y.store.Runs.Update(ctx, "da1", 1, func(r *runs.Run) (bool, error) {
		r.State, r.Outcome, r.MachineName = runs.Closed, "isolated", "WS-0147.contoso.com"
		r.ClosedAt, r.IsolatedAt = now.Add(time.Minute), now.Add(time.Minute)
		return true, nil
	})
	count := &tally.Tally{
		Lists:    y.store.Lists,
		Tallies:  y.store.Tallies,
		Switches: y.store.Switches,
		Now:      func() time.Time { return now },
	}
	if err := errors.Join(err, count.Keep(ctx)); err != nil {
		t.Fatal(err)
	}
	for line, wants := range map[string][]string{
		"overview":              {"2 since ", "isolated 1", "half of 1 runs within 1m,", "under way:", "da2:v1"},
		"overview --json":       {`"p50": 60`, `"run": "da2:v1"`},
		"machines ws-01":        {"WS-0147.contoso.com", "mda1"},
		"machines MDA":          {"WS-0147.contoso.com", "mda1", "mda2"},
		"machines ws-01 --json": {`"name": "WS-0147.contoso.com"`},
		"machines nobody":       {"the record has no such machine"},
	} {
		code, shown, stderr := direct(t, y.env, strings.Fields(line)...)
		for _, want := range wants {
			if code != call.ExitDone || !strings.Contains(shown, want) {
				t.Errorf("%s, without %q: %d\n%s%s", line, want, code, shown, stderr)
			}
		}
	}
}
