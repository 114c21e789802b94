package world

import (
	"context"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/findings"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// Find records a finding and gives the message about it.
func (w *World) Find(p *Process, digest, machineID, file string) alert.Message {
	w.T.Helper()
	return w.FindSince(p, digest, machineID, file, w.Clock())
}

// FindSince is Find for a row that may have been there since a time.
func (w *World) FindSince(p *Process, digest, machineID, file string, since time.Time) alert.Message {
	w.T.Helper()
	f := findings.Finding{
		ID:        alert.FindingID("tools", digest),
		Hunt:      "tools",
		Severity:  "High",
		MachineID: machineID,
		FoundAt:   w.Clock(),
		Since:     since,
	}
	err := f.SetRow(map[string]string{"DeviceId": machineID, "FileName": file})
	if err != nil {
		w.T.Fatal(err)
	}
	err = p.Ledger.Prepare(w.T.Context())
	if err != nil {
		w.T.Fatal(err)
	}
	o, err := p.Ledger.Findings.Observe(w.T.Context(), f, w.Clock())
	if err != nil {
		w.T.Fatal(err)
	}
	return alert.Message{
		Tenant:     Tenant,
		AlertID:    f.ID,
		Version:    o.Run.Version,
		Reason:     "hunt",
		ObservedAt: w.Clock(),
	}
}

// ProtectedAlert puts an alert on a machine that was protected after it was seen, and answers it.
func (w *World) ProtectedAlert(p *Process, id string, severity alert.Severity) {
	w.T.Helper()
	w.AlertOn(id, "m1", severity)
	w.Tag("never-isolate")
	w.Queue[len(w.Queue)-1].Message.Machine = nil
	w.Drain(p, 5)
}

// Tag gives m1 these tags and no others.
func (w *World) Tag(tags ...string) {
	w.Edit("m1", func(m *machine.Machine) {
		m.Tags = tags
	})
}

// Edited changes an alert and answers the change.
func (w *World) Edited(p *Process, id string, change func(*alert.Alert)) {
	w.T.Helper()
	w.EditAlert(id, change)
	w.Drain(p, 20)
}

// NewsOf are the events that people were told about an alert.
func (w *World) NewsOf(id string) []notice.Event {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	var news []notice.Event
	for _, e := range w.Order {
		if e.AlertID == id {
			news = append(news, e)
		}
	}
	return news
}

// Edit changes what the API says of a machine.
func (w *World) Edit(id string, change func(*machine.Machine)) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	m := w.Machines[id]
	change(&m)
	w.Machines[id] = m
}

// Grow adds evidence to an alert, as Defender does many times an hour, and answers the version that this makes.
func (w *World) Grow(p *Process, id string) {
	w.T.Helper()
	w.Advance(150 * time.Second)
	w.Mu.Lock()
	a := w.Alerts[id]
	a.Evidence = append(a.Evidence, alert.Evidence{
		Kind:      "Process",
		ProcessID: int64(len(a.Evidence) + 1),
	})
	a.Updated = w.Now
	w.Mu.Unlock()
	w.Change(a)
	w.Drain(p, 8)
}

// Listed are the versions that the list of what is held has of an alert.
func (w *World) Listed(id string) []int {
	w.T.Helper()
	d, _ := w.Desk()
	states, err := d.List(context.Background())
	if err != nil {
		w.T.Fatal(err)
	}
	var versions []int
	for _, s := range states {
		if s.AlertID == id {
			versions = append(versions, s.Version)
		}
	}
	return versions
}

// EditAlert changes an alert at the API and lets ingest see it.
func (w *World) EditAlert(id string, change func(*alert.Alert)) {
	w.T.Helper()
	w.Advance(time.Minute)
	w.Mu.Lock()
	a := w.Alerts[id]
	w.Mu.Unlock()
	change(&a)
	a.Updated = w.Clock()
	w.Change(a)
}

// CategoryOn shows an alert that asks for what its category names.
func (w *World) CategoryOn(id, machineID, category string) alert.Alert {
	w.T.Helper()
	w.Mu.Lock()
	if _, known := w.Machines[machineID]; !known {
		w.Machines[machineID] = machine.Machine{
			ID:              machineID,
			ComputerDNSName: machineID + ".corp.contoso.com",
			OSPlatform:      "Windows11",
		}
	}
	w.Mu.Unlock()
	a := alert.Alert{
		ID:        id,
		MachineID: machineID,
		Category:  category,
		Severity:  alert.High,
		Status:    alert.StatusNew,
		Title:     "t",
		Created:   w.Clock(),
		Updated:   w.Clock(),
	}
	w.Change(a)
	return a
}

func (w *World) Resolve(id string) {
	w.T.Helper()
	w.Advance(time.Minute)
	w.Mu.Lock()
	a := w.Alerts[id]
	w.Mu.Unlock()
	a.Status, a.Updated = alert.StatusResolved, w.Clock()
	w.Change(a)
}

// Asked lists what was asked of the API, in order.
func (w *World) Asked(machineID string) string {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	var types []string
	for _, a := range w.Actions {
		if a.MachineID == machineID {
			types = append(types, string(a.Type))
		}
	}
	return strings.Join(types, " ")
}

// Retitle changes an alert so that it is another version.
func (w *World) Retitle(a alert.Alert) {
	w.T.Helper()
	w.Advance(time.Minute)
	a.Title, a.Updated = "changed", w.Clock()
	w.Change(a)
}

// Asks hands a bare message for an alert to a process, as a push and cordon enqueue send it.
func (w *World) Asks(p *Process, id string) {
	w.T.Helper()
	message := alert.Message{AlertID: id, Reason: "pushed"}
	err := p.Responder.Respond(context.Background(), message.Encode(), 1)
	if err != nil {
		w.T.Errorf("%s: %v", id, err)
	}
}

// LookedUp is how often alerts were read from the API one by one.
func (w *World) LookedUp() int {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	return w.Reads
}

// ToldOf are the events of a kind.
func (w *World) ToldOf(kind notice.Kind) (events []notice.Event) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	for _, e := range w.Order {
		if e.Kind == kind {
			events = append(events, e)
		}
	}
	return events
}
