package defendersim

import (
	"cmp"
	"net/http"
	"strings"
	"time"
)

// Status is the state of a machine action, in the API's spelling (MachineAction resource type page).
type Status string

// The states of a machine action. The last four are final.
const (
	Pending    Status = "Pending"
	InProgress Status = "InProgress"
	Succeeded  Status = "Succeeded"
	Failed     Status = "Failed"
	TimeOut    Status = "TimeOut"
	Cancelled  Status = "Cancelled"
)

// Final reports whether an action in this state changes no more.
func (s Status) Final() bool { return s != "" && s != Pending && s != InProgress }

// The origins of machine actions.
const (
	PublicAPI = "PublicApi"
	Portal    = "Portal"
)

// offlineTimeOut is how long an action waits for a machine that stays offline, as observed; documented are three days.
const offlineTimeOut = 3*24*time.Hour + 14*time.Minute

// DuplicateRule is what becomes of a request while the machine has an open action of the same type. The service was
// seen doing both.
type DuplicateRule int

const (
	AlternateDuplicates DuplicateRule = iota // in turns, beginning with the open action
	ReturnOpenAction                         // 201 with the open action
	RejectDuplicates                         // 400, with the code ActiveRequestAlreadyExists or only a sentence
)

// Action is a machine action that was accepted.
type Action struct {
	ID            string
	Type          string
	Scope         string // of isolations and scans
	MachineID     string
	ComputerName  string // the machine's short name
	Requestor     string // the app's client id, or who acted in the portal
	RequestSource string // PublicApi, Portal
	Comment       string
	Created       time.Time
	Redundant     bool // asked for what was already so: isolated or restricted again, or released while neither

	Status        Status // now
	Updated       time.Time
	History       []Change // every status up to now, oldest first
	CancelledBy   string
	CancelComment string
	CancelledAt   time.Time
	ErrorHResult  int32 // 0 unless it ended badly
}

// Change is a status that an action took on.
type Change struct {
	Status Status
	At     time.Time
}

// StatusAt is the status at a time, empty before the action existed. Times after the snapshot give the last known one.
func (a Action) StatusAt(t time.Time) Status {
	var status Status
	for _, c := range a.History {
		if !c.At.After(t) {
			status = c.Status
		}
	}
	return status
}

// action is an accepted action with what will become of it.
type action struct {
	Action          // History, Status, Updated and ErrorHResult are left to view
	plan   []Change // past and future, in order
	fails  bool
}

// view is the action as it is at a time.
func (a *action) view(now time.Time) *Action {
	v := a.Action
	for _, c := range a.plan {
		if !c.At.After(now) {
			v.History = append(v.History, c)
			v.Status, v.Updated = c.Status, c.At
		}
	}
	switch v.Status {
	case Failed:
		v.ErrorHResult = -2147024784
	case TimeOut:
		v.ErrorHResult = -2145844840
	case Cancelled:
		v.ErrorHResult = -2147467260
	}
	return &v
}

// replan forgets what has not happened by now and appends what happens instead.
func (a *action) replan(now time.Time, then ...Change) {
	a.plan = append(a.view(now).History, then...)
}

// schedule plans the rest of an open action from now on.
func (s *Sim) schedule(a *action, m *Machine, now time.Time) {
	if m.Offline {
		at := a.Created.Add(offlineTimeOut)
		if at.Before(now) {
			at = now
		}
		a.replan(now, Change{TimeOut, at})
		return
	}
	toInProgress, toFinal, final := s.o.ActionDelay(a.MachineID, a.Type)
	if final == "" {
		final = Succeeded
	}
	if a.fails {
		final = Failed
	}
	var rest []Change
	if started := now.Add(toInProgress); final != Pending && a.view(now).Status == Pending &&
		(toInProgress < toFinal || final == InProgress) {
		rest = append(rest, Change{InProgress, started})
	}
	if final.Final() {
		rest = append(rest, Change{final, now.Add(toFinal)})
	}
	a.replan(now, rest...)
}

// open is the machine's open action of a type; nil if there is none.
func (s *Sim) open(machineID, kind string, now time.Time) *action {
	for _, a := range s.onMachine[machineID] {
		if a.Type == kind && !a.view(now).Status.Final() {
			return a
		}
	}
	return nil
}

// accept creates an action.
func (s *Sim) accept(m *Machine, wanted Action, now time.Time) *action {
	a := &action{Action: wanted, plan: []Change{{Pending, now}}}
	a.ID, a.MachineID, a.ComputerName, a.Created = s.ids.guid(), m.ID, m.shortName(), now
	switch k, _ := kindOf(a.Type); {
	case k.undoes != "":
		a.Redundant = !s.lasting(m.ID, k.undoes, now)
	case a.Type == Isolate, a.Type == Restrict:
		a.Redundant = s.lasting(m.ID, a.Type, now)
	}
	if s.failNext[m.ID] > 0 {
		s.failNext[m.ID]--
		a.fails = true
	}
	s.schedule(a, m, now)
	s.actionAt[a.ID] = len(s.actions)
	s.actions = append(s.actions, a)
	s.onMachine[m.ID] = append(s.onMachine[m.ID], a)
	return a
}

// lasting reports whether a machine is in the state that actions of a type lead to. Of those and of what undoes them,
// the action that succeeded last decides, and whether the service has lifted an isolation since; actions of other types
// do not.
func (s *Sim) lasting(machineID, name string, at time.Time) bool {
	var since time.Time
	is := false
	for _, a := range s.onMachine[machineID] {
		if k, _ := kindOf(a.Type); a.Type != name && k.undoes != name {
			continue
		}
		for _, c := range a.plan {
			if c.Status == Succeeded && !c.At.After(at) && !c.At.Before(since) {
				lifted := name == Isolate && s.o.Lift > 0 && !at.Before(c.At.Add(s.o.Lift))
				since, is = c.At, a.Type == name && !lifted
			}
		}
	}
	return is
}

// actionSet is GET /api/machineactions: the filters of the List machine actions API page, and what was seen to work.
func actionSet() set[*Action] {
	created := func(a *Action) time.Time { return a.Created }
	updated := func(a *Action) time.Time { return a.Updated }
	by := func(read func(*Action) time.Time) func(a, b *Action) int {
		return func(a, b *Action) int { return cmp.Or(read(a).Compare(read(b)), strings.Compare(a.ID, b.ID)) }
	}
	return set[*Action]{
		name:    "MachineActions",
		path:    "/api/machineactions",
		compare: func(a, b *Action) int { return by(created)(b, a) },
		sorts: map[string]func(a, b *Action) int{
			"creationDateTimeUtc":   by(created),
			"lastUpdateDateTimeUtc": by(updated),
		},
		write: func(w *jsonWriter, a *Action, _ bool) { w.action(a) },
		schema: schema[*Action]{"MachineAction", map[string]property[*Action]{
			"id":                    textOf(func(a *Action) string { return a.ID }),
			"status":                textOf(func(a *Action) string { return string(a.Status) }),
			"machineId":             textOf(func(a *Action) string { return a.MachineID }),
			"type":                  textOf(func(a *Action) string { return a.Type }),
			"requestor":             textOf(func(a *Action) string { return a.Requestor }),
			"creationDateTimeUtc":   timeOf(created),
			"lastUpdateDateTimeUtc": timeOf(updated),
		}},
	}
}

func (s *Sim) listActions(q *request) answer {
	s.mu.Lock()
	listed := make([]*Action, 0, len(s.actions))
	for _, a := range s.actions {
		if !a.Created.Add(s.o.ListLag).After(q.at) {
			listed = append(listed, a.view(q.at))
		}
	}
	s.mu.Unlock()
	a, _ := list(s, q, actionSet(), listed)
	return a
}

func (s *Sim) getAction(q *request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.actionAt[q.id]
	if !ok {
		return s.noAction(q.id)
	}
	return actionAnswer(http.StatusOK, s.actions[i].view(q.at))
}

func (s *Sim) noAction(id string) answer {
	return s.fail(http.StatusNotFound, "ResourceNotFound", "Machine action "+id+" was not found")
}

func actionAnswer(status int, a *Action) answer {
	return entity(status, "MachineActions", func(w *jsonWriter) { w.action(a) })
}

// action writes the members of a machine action.
func (w *jsonWriter) action(a *Action) {
	w.always("id", a.ID)
	w.always("type", a.Type)
	w.null("title")
	w.text("requestor", a.Requestor)
	w.text("requestorComment", a.Comment)
	w.always("status", string(a.Status))
	w.always("machineId", a.MachineID)
	w.text("computerDnsName", a.ComputerName)
	w.time("creationDateTimeUtc", a.Created)
	w.time("lastUpdateDateTimeUtc", a.Updated)
	w.text("cancellationRequestor", a.CancelledBy)
	w.text("cancellationComment", a.CancelComment)
	w.time("cancellationDateTimeUtc", a.CancelledAt)
	w.number("errorHResult", int64(a.ErrorHResult))
	w.text("scope", a.Scope)
	w.null("externalId")
	w.text("requestSource", a.RequestSource)
	w.null("relatedFileInfo")
	w.texts("commands", nil)
	w.null("troubleshootInfo")
}
