package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// staged is the app with the real binary, and the text of the playbook that is shipped with its mode switched; built
// once.
var staged = sync.OnceValues(func() (Options, error) {
	root, err := os.MkdirTemp("", "cordon-app-")
	if err != nil {
		return Options{}, err
	}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(root, "cordon"),
		"cordon/handler").CombinedOutput(); err != nil {
		return Options{App: root}, fmt.Errorf("go build: %w\n%s", err, out)
	}
	if err := os.CopyFS(root, os.DirFS("../../functions")); err != nil {
		return Options{App: root}, err
	}
	host, err := os.ReadFile("../../host.json")
	if err != nil {
		return Options{App: root}, err
	}
	if err := os.WriteFile(filepath.Join(root, "host.json"), host, 0o644); err != nil {
		return Options{App: root}, err
	}
	playbook, err := os.ReadFile("../../playbook.yaml")
	text := strings.Replace(string(playbook), "\nmode: observe", "\nmode: enforce", 1)
	return Options{App: root, Playbook: text, Seed: 1}, err
})

// app is what is swept; the first caller builds it.
func app(t *testing.T) Options {
	t.Helper()
	o, err := staged()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// The sample: how many runs, and when no more begin, because other tests want this machine too.
const (
	sampled = 24
	enough  = 3 * time.Minute
)

// TestKilledAtASampleOfAllPlacesNothingIsLostOrDoneTwice is a small `make chaos`: every boundary, every kind of strike,
// a few places of each.
func TestKilledAtASampleOfAllPlacesNothingIsLostOrDoneTwice(t *testing.T) {
	o := app(t)
	o.Sample, o.Within = sampled, enough
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	report.Table(&table)
	t.Logf("seed %d, %s, %d runs left out\n%s", report.Seed, report.Took, report.LeftOut(), table.String())
	for _, failure := range report.Failures() {
		t.Error(failure)
	}
	if !t.Failed() {
		return
	}
	for _, log := range report.Logs()[:min(2, len(report.Logs()))] {
		t.Log(log)
	}
}

// TestSabotageTurnsTheTableRed breaks each promise on purpose and asks for the figure that is to notice.
func TestSabotageTurnsTheTableRed(t *testing.T) {
	figures := map[string]func(Verdict) int{
		"double-post": func(v Verdict) int { return v.Doubled },
		// The mark of an action that the ledger never asked for says that the ledger is behind: what is older is held,
		// which the sweep misses, and no machine is isolated twice.
		"erase-latch":    func(v Verdict) int { return v.Missing + v.Lost },
		"fail-isolation": func(v Verdict) int { return v.Missing },
		"early-success":  func(v Verdict) int { return v.Untrue },
		"erase-run":      func(v Verdict) int { return v.Lost },
		"lose-mail":      func(v Verdict) int { return v.Lost },
		"repeat-mail":    func(v Verdict) int { return v.Again },
		"rename-mail":    func(v Verdict) int { return v.Renamed },
	}
	for _, s := range sabotages() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			o := app(t)
			o.Sabotage, o.Only = s.name, &Point{}
			report, err := Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			rows := report.rows()
			if figures[s.name](rows[len(rows)-1].sum) == 0 || len(report.Failures()) == 0 {
				t.Errorf("%s was not noticed: %+v", s.what, rows[len(rows)-1].sum)
			}
		})
	}
}
