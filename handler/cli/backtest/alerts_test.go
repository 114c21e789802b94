package backtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/backtest"
	"cordon/handler/machine"
	"cordon/handler/playbook/playbooktest"
)

// defender is a tenant without a record.
type defender struct {
	found    [][]alert.Alert // in pages
	machines []machine.Machine
	asked    []string // ids of machines
	refuses  error
}

func (d *defender) AlertsUpdated(_ context.Context, from, to time.Time, take func([]alert.Alert) error) error {
	if !from.Before(to) {
		return errors.New("no span")
	}
	for _, page := range d.found {
		if err := take(page); err != nil {
			return err
		}
	}
	return nil
}

func (d *defender) Machines(_ context.Context, ids []string) ([]machine.Machine, error) {
	d.asked = append(d.asked, ids...)
	return d.machines, d.refuses
}

// TestATenantWithoutARecordIsTriedOnItsAlerts has an alert on a machine, a second one there, one of a machine that is
// gone, one with an id that cannot be one, and one without a machine.
func TestATenantWithoutARecordIsTriedOnItsAlerts(t *testing.T) {
	t.Parallel()
	there := input(0)
	again := input(100)
	gone := input(3)
	odd := input(6)
	odd.Alert.MachineID = "a/b"
	none := input(9)
	none.Alert.MachineID = ""
	old := again.Alert
	old.ID = "da99_1"
	old.Created = time.Time{}
	old.Updated = noon
	api := &defender{
		found: [][]alert.Alert{
			{there.Alert, again.Alert, gone.Alert, odd.Alert},
			{},
			{none.Alert, old},
		},
		machines: []machine.Machine{*there.Machine},
	}
	book := playbooktest.Load(t, playbooktest.Rules(
		`{name: unless-isolated, on: alert, when: 'alert.severity == "Medium" && !machine.isolated', do: [{mail: {}}]}`,
		`{name: contain, on: alert, when: true, maxAlertAge: 5m, do: [{isolate: {type: Full}}]}`))
	trial := backtest.New(backtest.Options{Book: book})
	pages := 0
	all := alerts{
		api:        api,
		staleAfter: time.Hour,
	}
	err := all.read(t.Context(), noon.AddDate(0, 0, -30), noon, func(page decisions) {
		pages++
		for _, d := range page {
			trial.Add(d)
		}
	})
	r := trial.Report()
	if err != nil || pages != 2 || r.Runs != 6 || r.UnknownRuns != 2 ||
		r.Unknown[0].What != "not read: machine.isolated" {
		t.Fatalf("%v: %d pages, %+v", err, pages, r)
	}
	contain := r.Rules[1].Now
	if contain.Done != 1 || contain.Held != 3 || r.Reach[0].Machines != 1 || len(r.Then) != 0 {
		t.Errorf("%+v, decided then by %v", contain, r.Then)
	}
	whys := ""
	for _, c := range r.Changes {
		for _, e := range c.Examples {
			whys += e.Now + "\n"
		}
	}
	for _, want := range []string{"no such machine", "cannot be a machine's id", "names no machine"} {
		if !strings.Contains(whys, want) {
			t.Errorf("%q is not among the reasons:\n%s", want, whys)
		}
	}
	if slices.Contains(api.asked, "a/b") || slices.Contains(api.asked, "") {
		t.Errorf("asked for %q", api.asked)
	}
}

func TestATroubleOfTheAPIIsTold(t *testing.T) {
	t.Parallel()
	api := &defender{
		found:   [][]alert.Alert{{input(0).Alert}},
		refuses: errors.New("Defender answers 403"),
	}
	all := alerts{api: api}
	err := all.read(t.Context(), noon.AddDate(0, 0, -1), noon, func(decisions) { t.Error("decided without machines") })
	if !errors.Is(err, api.refuses) {
		t.Error(err)
	}
}

func TestWhatOfThePastIsNotKnownIsSaid(t *testing.T) {
	t.Parallel()
	was, _ := books(t)
	found := result(was, false)
	found.Source = fromAPI
	found.NotKnown = notKnown()
	out := strings.Join(strings.Fields(text(t, found)), " ")
	for _, want := range append(notKnown(), "0 alerts of 2026-02-02 to 2026-03-04") {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}
