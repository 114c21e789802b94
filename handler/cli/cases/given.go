package cases

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/cli/cases/standing"
	"cordon/handler/machine"
	"cordon/handler/playbook"
)

// given is what is decided about. What it leaves out is filled in so that nothing stands in the way of acting: the
// ceiling is enforce, the alert a minute old.
type given struct {
	Now        string            `yaml:"now" help:"the time of the decision; left out: 2026-01-05T12:00:00Z, a Monday"`
	Mode       string            `yaml:"mode" help:"the ceiling; left out: enforce"`
	StaleAfter string            `yaml:"staleAfter" help:"the age at which alerts are stale; left out: 24h"`
	Paused     *string           `yaml:"paused" help:"who paused acting, and why; empty: it is not paused"`
	Alert      map[string]any    `yaml:"alert" help:"the alert as the API answers it"`
	Hunt       *hunted           `yaml:"hunt" help:"the hunt whose finding the alert is; left out: it is an alert"`
	Machine    map[string]any    `yaml:"machine" help:"the machine as the API answers it; left out: it was not read"`
	Actions    []map[string]any  `yaml:"actions" help:"the machine's actions as the API lists them; left out: none"`
	IsolatedBy string            `yaml:"isolatedBy" help:"who isolated the machine, whatever its actions say"`
	OnMachine  *int              `yaml:"alertsOnMachine" help:"how many other alerts the machine has; left out: 0"`
	InIncident *int              `yaml:"alertsInIncident" help:"how many other alerts the incident has; left out: 0"`
	OwnTags    []string          `yaml:"ownTags" help:"tags of the machine that this run put on: only rails see them"`
	Asked      []string          `yaml:"asked" help:"what was asked for the alert before: its age does not count"`
	Beginning  string            `yaml:"beginning" help:"since when the ledger knows alerts; left out: it knows all"`
	Since      string            `yaml:"since" help:"since when it may have been so; left out: the alert's creation"`
	Unread     map[string]string `yaml:"unread" help:"facts that could not be read, each with the reason"`
	Want       *wanted           `yaml:"want" help:"the plan that is expected"`

	ofRun bool // it was so: words are not held against those that are known
}

// hunted is the hunt of a finding.
type hunted struct {
	Name     string            `yaml:"name" help:"the hunt's name"`
	Severity string            `yaml:"severity" help:"of the hunt's findings"`
	Row      map[string]string `yaml:"row" help:"the columns of the row that was found"`
}

// nobody is who isolated a machine that is not isolated.
const nobody = "nobody"

// isolators are who may have isolated a machine, in a case.
func isolators() []string {
	owners := []machine.Owner{machine.ByCordon, machine.ByPerson, machine.ByAutomatic, machine.ByUnknown}
	names := []string{nobody}
	for _, o := range owners {
		names = append(names, string(o))
	}
	return names
}

// The facts that a case may call unread.
const (
	unreadMachine    = "machine"
	unreadIsolated   = "isolated"
	unreadOpen       = "openActions"
	unreadOnMachine  = "alertsOnMachine"
	unreadInIncident = "alertsInIncident"
)

func unreadable() []string {
	return []string{unreadMachine, unreadIsolated, unreadOpen, unreadOnMachine, unreadInIncident}
}

// latchKinds are what may have been asked for before.
func latchKinds() []string {
	var kinds []string
	for _, spec := range machine.Catalogue() {
		if spec.Lasting || spec.ScopeKey == "" {
			kinds = append(kinds, spec.Latch)
			continue
		}
		for _, scope := range spec.Scopes {
			kinds = append(kinds, spec.LatchOf(scope))
		}
	}
	return kinds
}

// check refuses what a case cannot have.
func (g given) check() error {
	for fact := range g.Unread {
		if !slices.Contains(unreadable(), fact) {
			return fmt.Errorf("unread: %q is no fact that may be unread; one of: %s", fact,
				strings.Join(unreadable(), ", "))
		}
	}
	if g.IsolatedBy != "" && !slices.Contains(isolators(), g.IsolatedBy) {
		return fmt.Errorf("isolatedBy: %q isolates no machine; one of: %s", g.IsolatedBy,
			strings.Join(isolators(), ", "))
	}
	if err := g.checkFields(); err != nil || g.ofRun {
		return err
	}
	for _, kind := range g.Asked {
		if !slices.Contains(latchKinds(), kind) {
			return fmt.Errorf("asked: nothing is called %q; one of: %s", kind, strings.Join(latchKinds(), ", "))
		}
	}
	return g.checkWords()
}

// usualPause is how long a moment is after the one before it, if it does not say.
const usualPause = 10 * time.Minute

// moments are the decisions of a case, one after the other.
func (c testCase) moments() ([]moment, error) {
	switch {
	case len(c.Moments) == 0:
		return []moment{{Given: c.Given}}, nil
	case c.Given.Want != nil:
		return nil, errors.New("it has a want and moments; write a want at each moment")
	}
	return c.Moments, nil
}

// inherit is a moment with everything that it does not say itself.
func (m moment) inherit(before given, first bool) (given, error) {
	now, err := m.time(before, first)
	if err != nil {
		return before, err
	}
	g := m.Given.upon(before)
	if is, was := idOf(g.Alert), idOf(before.Alert); !first && is != was {
		return g, fmt.Errorf("alert.id: %q is another alert than %q; write another case", is, was)
	}
	g.Now = now.Format(time.RFC3339Nano)
	if _, said := g.Alert["alertCreationTime"]; !said {
		g.Alert = over(g.Alert, map[string]any{"alertCreationTime": ago(now, usualAge)})
	}
	return g, nil
}

// usualAlert is the alert's id in a case that names none.
const usualAlert = "da1_1"

func idOf(alert map[string]any) string {
	id, _ := alert["id"].(string)
	return cmp.Or(id, usualAlert)
}

// time is when a moment is.
func (m moment) time(before given, first bool) (time.Time, error) {
	then, err := before.time()
	switch {
	case err != nil:
		return then, err
	case m.After != "" && (m.Given.Now != "" || first):
		return then, errors.New("after goes with a moment before it, and not with now")
	case m.Given.Now != "":
		now, err := m.Given.time()
		if err == nil && !first && !now.After(then) {
			err = fmt.Errorf("now: %s is not after the moment before, %s", m.Given.Now, before.Now)
		}
		return now, err
	case first:
		return then, nil
	case m.After == "":
		return then.Add(usualPause), nil
	}
	pause, err := time.ParseDuration(m.After)
	if err != nil || pause <= 0 {
		return then, fmt.Errorf("after: %q is no duration; such as 90m", m.After)
	}
	return then.Add(pause), nil
}

// upon is what a moment gives upon what the one before it gave. What is said of one run, such as the tags that it put
// on itself, is of its own moment only, and so are who isolated the machine and what is wanted.
func (g given) upon(before given) given {
	g.Mode = cmp.Or(g.Mode, before.Mode)
	g.StaleAfter = cmp.Or(g.StaleAfter, before.StaleAfter)
	g.Paused = cmp.Or(g.Paused, before.Paused)
	g.Beginning = cmp.Or(g.Beginning, before.Beginning)
	g.Since = cmp.Or(g.Since, before.Since)
	g.Hunt = cmp.Or(g.Hunt, before.Hunt)
	g.OnMachine = cmp.Or(g.OnMachine, before.OnMachine)
	g.InIncident = cmp.Or(g.InIncident, before.InIncident)
	g.Alert = over(before.Alert, g.Alert)
	g.Machine = over(before.Machine, g.Machine)
	g.Actions = together(before.Actions, g.Actions)
	if g.Unread == nil {
		g.Unread = before.Unread
	}
	return g
}

// after is what is given once the steps of a plan are done: their tags, and what they change of the alert.
func (g given) after(in playbook.Input, plan playbook.Plan) given {
	if in.Machine != nil {
		g.Machine = over(g.Machine, map[string]any{"machineTags": standing.Tags(in.Machine.Tags, plan.Steps)})
	}
	changed := standing.Changed(plan.Steps)
	for field, value := range map[string]string{
		"status":         string(changed.Status),
		"assignedTo":     changed.AssignedTo,
		"classification": changed.Classification,
		"determination":  alert.Determination(changed.Determination),
	} {
		if value != "" {
			g.Alert = over(g.Alert, map[string]any{field: value})
		}
	}
	return g
}

// over is one mapping with what another says of the same keys; nil if there is neither.
func over(before, now map[string]any) map[string]any {
	whole := maps.Clone(before)
	if whole == nil {
		return maps.Clone(now)
	}
	maps.Copy(whole, now)
	return whole
}

// together are actions with those that are new among others, and what the others say of the same ids.
func together(before, now []map[string]any) []map[string]any {
	all := slices.Clone(before)
	for _, a := range now {
		id := a["id"]
		same := slices.IndexFunc(all, func(b map[string]any) bool { return id != nil && b["id"] == id })
		if same < 0 {
			all = append(all, a)
			continue
		}
		all[same] = over(all[same], a)
	}
	return all
}
