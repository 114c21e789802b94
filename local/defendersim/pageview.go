package defendersim

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// How much of a large tenant the page shows.
const (
	shownMachines = 200
	shownActions  = 20 // of one machine
	shownAlerts   = 50
)

// tenantView is what the page shows.
type tenantView struct {
	Refresh      bool
	Now          moment
	Figures      []figure
	Machines     []machineView
	MoreMachines int
	Alerts       []alertView
	MoreAlerts   int
	Calls        []callView
}

// figure is a number with what it counts. Tone is the class that colours it.
type figure struct {
	N          int
	Name, Note string
	Tone       string
}

// moment is a time for people, and in full for programs.
type moment struct{ Text, ISO string }

// momentOf leaves the day out if it is that of now.
func momentOf(t, now time.Time) moment {
	t = t.UTC()
	text := t.Format("15:04:05")
	if t.Format(time.DateOnly) != now.UTC().Format(time.DateOnly) {
		text = t.Format("2 Jan 15:04:05")
	}
	return moment{text, t.Format(stamp)}
}

type machineView struct {
	Name, ID, OS, Group, Value string
	Tags                       []string
	State, Tone                string
	Restricted                 bool
	Offline                    bool
	Actions                    []actionView
	MoreActions                int

	changed time.Time // the newest change of an action
}

type actionView struct {
	Type, Scope, Status, Tone, Comment, By, Source string
	Created                                        moment
	Steps                                          []stepView
	Redundant                                      bool
}

type stepView struct {
	Status string
	At     moment
}

type alertView struct {
	Severity, Tone, Title, ID, Status, Machine string
	Visible                                    moment
	Hidden                                     bool // not visible yet
	// how long after its last update it became visible; empty: at once
	Late string
}

type callView struct {
	Endpoint                              string
	All, Served, Refused, Throttled, Lost int
}

// view gathers what the page shows.
func (s *Sim) view(refresh bool) tenantView {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	v := tenantView{
		Refresh: refresh,
		Now:     moment{now.Format("2 January 2006, 15:04:05"), now.Format(stamp)},
		Calls:   callViews(s.calls),
	}
	isolated, open := 0, 0
	for _, m := range s.machines {
		one := s.machineView(m, now)
		if s.lasting(m.ID, Isolate, now) {
			isolated++
		}
		v.Machines = append(v.Machines, one)
	}
	for _, a := range s.actions {
		if !a.view(now).Status.Final() {
			open++
		}
	}
	slices.SortStableFunc(v.Machines, func(a, b machineView) int { return b.changed.Compare(a.changed) })
	v.MoreMachines = max(0, len(v.Machines)-shownMachines)
	v.Machines = v.Machines[:len(v.Machines)-v.MoreMachines]
	v.Alerts, v.MoreAlerts = s.alertViews(now)
	refused := 0
	for _, c := range s.calls {
		if c.Status >= 400 {
			refused++
		}
	}
	v.Figures = []figure{
		{N: len(s.machines), Name: "machines"}, {N: isolated, Name: "isolated", Tone: "contained"},
		{N: open, Name: "open actions", Tone: "waiting"},
		{N: len(s.alerts), Name: "alerts"}, {N: len(s.calls), Name: "API calls"},
		{N: refused, Name: "refused", Tone: "bad"},
	}
	return v
}

func (s *Sim) machineView(m *Machine, now time.Time) machineView {
	v := machineView{
		Name:       cmp.Or(m.Name, "(no name)"),
		ID:         m.ID,
		OS:         m.OS,
		Group:      m.Group,
		Value:      m.DeviceValue,
		Tags:       m.Tags,
		Offline:    m.Offline,
		State:      "Not isolated",
		Restricted: s.lasting(m.ID, Restrict, now),
	}
	switch {
	case s.open(m.ID, Unisolate, now) != nil:
		v.State, v.Tone = "Releasing", "waiting"
	case s.lasting(m.ID, Isolate, now):
		v.State, v.Tone = "Isolated", "contained"
	case s.open(m.ID, Isolate, now) != nil:
		v.State, v.Tone = "Isolating", "waiting"
	}
	actions := s.onMachine[m.ID]
	v.MoreActions = max(0, len(actions)-shownActions)
	for _, a := range slices.Backward(actions[v.MoreActions:]) {
		snapshot := a.view(now)
		if snapshot.Updated.After(v.changed) {
			v.changed = snapshot.Updated
		}
		v.Actions = append(v.Actions, actionViewOf(snapshot, now))
	}
	return v
}

func actionViewOf(a *Action, now time.Time) actionView {
	v := actionView{
		Type:      a.Type,
		Scope:     a.Scope,
		Status:    string(a.Status),
		Comment:   a.Comment,
		By:        cmp.Or(a.Requestor, "anybody"),
		Source:    "API",
		Created:   momentOf(a.Created, now),
		Redundant: a.Redundant,
		Tone: map[Status]string{
			Pending:    "waiting",
			InProgress: "waiting",
			Succeeded:  "good",
			Failed:     "bad",
			TimeOut:    "bad",
		}[a.Status],
	}
	if a.RequestSource == Portal {
		v.Source = "portal"
	}
	for _, c := range a.History {
		v.Steps = append(v.Steps, stepView{string(c.Status), momentOf(c.At, now)})
	}
	return v
}

// alertViews are the alerts that became visible last, those that will be first of all.
func (s *Sim) alertViews(now time.Time) (shown []alertView, more int) {
	recent := make([]*Alert, len(s.alerts))
	for i, states := range s.alerts {
		recent[i] = states.Last()
	}
	slices.SortStableFunc(recent, func(a, b *Alert) int { return b.VisibleAt.Compare(a.VisibleAt) })
	more = max(0, len(recent)-shownAlerts)
	for _, a := range recent[:len(recent)-more] {
		v := alertView{
			Severity: a.Severity,
			Title:    cmp.Or(a.Title, "(no title)"),
			ID:       a.ID,
			Status:   a.Status,
			Visible:  momentOf(a.VisibleAt, now),
			Hidden:   a.VisibleAt.After(now),
			Tone:     cmp.Or(map[string]string{"High": "bad", "Medium": "waiting"}[a.Severity], "off"),
			Machine:  cmp.Or(a.ComputerDNSName, a.MachineID, "(no machine)"),
		}
		if late := a.VisibleAt.Sub(a.Updated); late >= time.Second {
			v.Late = late.Round(time.Second).String()
		}
		shown = append(shown, v)
	}
	return shown, more
}

func callViews(calls []Call) []callView {
	counts := map[string]*callView{}
	for _, c := range calls {
		name := cmp.Or(c.Endpoint, "no such endpoint")
		v, ok := counts[name]
		if !ok {
			v = &callView{Endpoint: name}
			counts[name] = v
		}
		v.All++
		switch {
		case c.Status == 429:
			v.Throttled++
		case c.Status >= 400:
			v.Refused++
		default:
			v.Served++
		}
		if c.Lost {
			v.Lost++
		}
	}
	var all []callView
	for _, v := range counts {
		all = append(all, *v)
	}
	slices.SortFunc(all, func(a, b callView) int {
		return cmp.Or(cmp.Compare(b.All, a.All), strings.Compare(a.Endpoint, b.Endpoint))
	})
	return all
}
