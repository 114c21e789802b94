package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"cordon/local/defendersim"
	"cordon/local/funchost"
	"cordon/local/judge"
	"cordon/local/scenario"
	"cordon/local/servicebus"
	"cordon/local/world"
)

// oldVersion is the commit that stands for the version before this one: what a customer runs while this one is rolled
// out beside it. It moves on with every release.
const oldVersion = "3b2fbcd74451dcfc6ebe9fa279c5402cfd690156"

// oldApp stages the app of oldVersion, built from the repository's history. Where there is no history, as in a source
// archive, the test is skipped, but not in CI.
func oldApp(t *testing.T) string {
	t.Helper()
	source, root := t.TempDir(), t.TempDir()
	archive, err := exec.Command("git", "-C", "..", "archive", "--format=tar", oldVersion, "go.mod", "go.sum",
		"handler", "functions", "host.json", "playbook.yaml").Output()
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("the history has no commit %s: %v; fetch all of it", oldVersion, err)
	} else if err != nil {
		t.Skipf("the history has no commit %s (%v), so the version before this one cannot be built; "+
			"a full clone has it", oldVersion, err)
	}
	unpack := exec.Command("tar", "-x", "-C", source)
	unpack.Stdin = bytes.NewReader(archive)
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("unpack %s: %v\n%s", oldVersion, err, out)
	}
	build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(root, "cordon"), "./handler")
	build.Dir = source
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", oldVersion, err, out)
	}
	functions, err := filepath.Glob(filepath.Join(source, "functions", "*", "function.json"))
	if err != nil || len(functions) == 0 {
		t.Fatalf("%s has no functions: %v", oldVersion, err)
	}
	for _, file := range functions {
		copyFile(t, file, filepath.Join(root, filepath.Base(filepath.Dir(file)), "function.json"))
	}
	for _, name := range []string{"host.json", "playbook.yaml"} {
		copyFile(t, filepath.Join(source, name), filepath.Join(root, name))
	}
	return root
}

// TestStoryOldAndNewVersionShareTheWorkAndKeepEveryPromise runs both versions side by side on one queue and one ledger,
// as a deployment does, with every tenth message delivered again.
func TestStoryOldAndNewVersionShareTheWorkAndKeepEveryPromise(t *testing.T) {
	t.Parallel()
	old := oldApp(t)
	s := newStage(t,
		world.Options{
			Playbook: uncapped(t),
			Defender: defendersim.Options{Quotas: &defendersim.Quotas{}, ListLag: 300 * time.Millisecond},
		}, nil)
	p := s.populate(crowd(12))
	again := &forgetful{Broker: &world.Broker{Bus: s.Bus}, undone: map[string]bool{}}
	settings := s.oldSettings(old)
	sites := map[string]*site{
		"the new version": s.open(func(o *funchost.Options) { o.Broker = again }),
		"the old version": s.open(func(o *funchost.Options) { o.Broker, o.AppRoot, o.Settings = again, old, settings }),
	}
	p.appear(p.scenario.Alerts)
	s.raise(p)
	s.eventually("both versions to have begun everything", func() bool {
		return !slices.ContainsFunc(p.Runs(), func(r judge.Run) bool { return r.State == "observed" })
	})
	s.eventually("each of them to have polled twice", func() bool {
		return sites["the new version"].did("PollAlerts")[0] > 1 && sites["the old version"].did("PollAlerts")[0] > 1
	})
	// The roll-out ends: what the old version could not do and put off is left to the new one.
	sites["the old version"].Close()
	s.kept(p)
	all := 0
	for _, x := range sites {
		all += x.did("RespondToAlert")[0]
	}
	for name, x := range sites {
		if n := x.did("RespondToAlert")[0]; 10*n < all {
			t.Errorf("%s answered %d of %d messages", name, n, all)
		}
		if n := x.did("PollAlerts")[0]; n < 2 {
			t.Errorf("%s polled %d times", name, n)
		}
	}
}

// oldSettings are the settings of the old version: a playbook of its own, and nothing that it does not know.
func (s *story) oldSettings(old string) map[string]string {
	s.t.Helper()
	settings := maps.Clone(s.Settings)
	settings["CORDON_PLAYBOOK"] = filepath.Join(s.t.TempDir(), "playbook.yaml")
	if err := os.WriteFile(settings["CORDON_PLAYBOOK"], []byte(uncappedOf(s.t, old)), 0o600); err != nil {
		s.t.Fatal(err)
	}
	delete(settings, "CORDON_GRAPH_URL")
	delete(settings, "CORDON_HUNT_SCHEDULE")
	delete(settings, "CORDON_HUNTS")
	return settings
}

// TestStoryAnUpgradeThatIsTakenBackKeepsEveryPromise deploys the old version, this one, the old one and this one again,
// one after the other on the same rows and messages. Each is stopped while what it asked for is under way.
func TestStoryAnUpgradeThatIsTakenBackKeepsEveryPromise(t *testing.T) {
	t.Parallel()
	old := oldApp(t)
	s := newStage(t,
		world.Options{
			Playbook: uncapped(t),
			Defender: defendersim.Options{Quotas: &defendersim.Quotas{}, ListLag: 300 * time.Millisecond},
		}, map[string]string{"CORDON_SWEEP_AFTER": "20s"})
	p := s.populate(crowd(8))
	settings := s.oldSettings(old)
	const deployments = 4
	for i := range deployments {
		version := s.open(func(o *funchost.Options) {
			if i%2 == 0 {
				o.AppRoot, o.Settings = old, settings
			}
		})
		all := p.scenario.Alerts
		part := all[i*len(all)/deployments : (i+1)*len(all)/deployments]
		p.appear(part)
		s.eventually("the newest alerts to be begun", func() bool {
			return !slices.ContainsFunc(part, func(a scenario.Alert) bool { return !p.knows(a.ID) })
		})
		if i+1 < deployments {
			version.Close()
		}
	}
	s.raise(p)
	s.kept(p)
}

// TestStoryMessageOfALaterVersionIsPutBack sends what only a later version can read, while that version is not there
// yet.
func TestStoryMessageOfALaterVersionIsPutBack(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, map[string]string{"CORDON_POLL_SCHEDULE": "0 0 0 1 1 *"})
	later := []byte(`{"format":99,"alertId":{"of":"another kind"},"tenant":7}`)
	for _, queue := range []string{world.AlertQueue, world.NoticeQueue} {
		if err := s.Bus.Send(queue, servicebus.Message{ID: "later", Body: later}); err != nil {
			t.Fatal(err)
		}
		s.eventually("the message on "+queue+" to be put back", func() bool {
			records := s.Bus.Records(queue)
			return records[0].Fate == servicebus.Completed &&
				slices.ContainsFunc(records[1:], func(r servicebus.Record) bool {
					return r.Fate == servicebus.Scheduled && bytes.Equal(r.Body, later) &&
						r.ScheduledFor.Sub(r.AcceptedAt) > 50*time.Second
				})
		})
	}
	s.noneSetAside()
	if most, id := s.mostDeliveries(world.AlertQueue); most != 1 {
		t.Errorf("message %s was delivered %d times", id, most)
	}
	if n := s.isolations(); n != 0 {
		t.Errorf("%d isolations came of it", n)
	}
}
