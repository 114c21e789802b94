package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/local/alertsim"
	"cordon/local/defendersim"
	"cordon/local/judge"
	"cordon/local/world"
)

// migration is a deployment that goes from one source of alerts to the other.
type migration struct {
	*story
	runs map[string]int // versions that are to be answered, by the alert's id in the ledger
}

// updating is the playbook that is shipped, with a change of the alert, and a rule for another product.
func updating(t *testing.T) string {
	t.Helper()
	root, err := app()
	if err != nil {
		t.Fatal(err)
	}
	text, err := world.Enforcing(root)
	if err != nil {
		t.Fatal(err)
	}
	const mail = "\n      - mail: {}\n"
	return strings.Replace(text, mail, `
      - updateAlert: { status: InProgress, comment: "Contained by rule {{.Rule}}." }`+mail+`
  - name: identity
    on: alert
    when: alert.serviceSource == "microsoftDefenderForIdentity"
    do:
      - updateAlert: { status: InProgress, comment: "Mailed by rule {{.Rule}}." }`+mail, 1)
}

// machineOfNumber is the id of one of the tenant's machines.
func machineOfNumber(n int) string { return fmt.Sprintf("%040x", n) }

// alertOn has an alert appear on a machine of its own, and returns its id.
func (m *migration) alertOn(n int, severity string) string {
	id := fmt.Sprintf("da63899441720441553%d_-118420973%d", n, n)
	m.Defender.AddMachine(defendersim.Machine{
		ID:   machineOfNumber(n),
		Name: fmt.Sprintf("fin-lt-%04d.corp.contoso.com", n),
		OS:   "Windows11",
	})
	now := time.Now().UTC()
	m.Defender.AddAlert(defendersim.Alert{
		ID:         id,
		IncidentID: int64(48000 + n),
		Title:      fmt.Sprintf("Suspicious activity %d", n),
		Severity:   severity,
		Status:     "New",
		Category:   "Execution",
		MachineID:  machineOfNumber(n),
		Created:    now,
		Updated:    now,
	}, now)
	m.runs[id] = 1
	return id
}

// readFrom starts the deployment anew with another source of alerts; ledger and queues stay.
func (m *migration) readFrom(source string) {
	m.t.Helper()
	if m.host != nil {
		m.host.Close()
	}
	m.Settings["CORDON_ALERT_SOURCE"] = source
	m.host = m.open(nil).Host
}

// answered waits until every version that is to be answered is, and people know.
func (m *migration) answered() {
	m.t.Helper()
	m.eventually("the answers", func() bool {
		closed := map[string]int{}
		for _, r := range m.Runs() {
			if r.State == "closed" {
				closed[r.AlertID]++
			}
		}
		for id, versions := range m.runs {
			if closed[id] < versions {
				return false
			}
		}
		return len(m.Unsent()) == 0
	})
}

// written holds that an alert of the tenant is as the playbook has it written, with one comment, or at most one for
// each of its machines, whose runs may write at the same moment.
func (m *migration) written(id string, machines int) {
	m.t.Helper()
	all := m.Defender.Alerts()
	a := all[slices.IndexFunc(all, func(a defendersim.Alert) bool { return a.ID == id })]
	if a.Status != "InProgress" || len(a.Comments) < 1 || len(a.Comments) > machines {
		m.t.Errorf("alert %s is %s with the comments %+v", id, a.Status, a.Comments)
	}
}

// standing is what Health says of a source.
func (m *migration) standing(source string) string {
	m.t.Helper()
	_, body := m.get("/api/health")
	var health struct {
		Sources []struct{ Source, Why string }
	}
	if err := json.Unmarshal([]byte(body), &health); err != nil {
		m.t.Fatal(err)
	}
	for _, s := range health.Sources {
		if s.Source == source {
			return s.Why
		}
	}
	return "not there"
}

// changes counts what was changed through Graph.
func (m *migration) changes() int {
	n := 0
	for _, c := range m.Alerts.Calls() {
		if c.Method == http.MethodPatch && c.Status == http.StatusOK {
			n++
		}
	}
	return n
}

// TestStoryTheSourceOfAlertsIsChangedAndNothingIsMissedOrAnsweredTwice goes from Defender to both to Graph, where
// Defender's alerts end on the way.
func TestStoryTheSourceOfAlertsIsChangedAndNothingIsMissedOrAnsweredTwice(t *testing.T) {
	t.Parallel()
	o := world.Options{Playbook: updating(t), Alerts: alertsim.Options{
		Lag: 300 * time.Millisecond,
		Amend: func(a *alertsim.Alert) {
			if a.Title == "Suspicious activity 3" {
				also := defendersim.Machine{ID: machineOfNumber(13), Name: "fin-lt-0013.corp.contoso.com", OS: "Windows11"}
				a.Evidence = append(a.Evidence, alertsim.Device(also, a.Created, false))
			}
		},
	}}
	m := &migration{newStage(t, o, nil), map[string]int{}}

	m.readFrom(world.OnlyDefender)
	before := m.alertOn(1, "High")
	m.answered()
	m.written(before, 1)

	m.readFrom("both")
	m.eventually("a poll of Graph", func() bool { return len(m.Alerts.Calls()) > 0 })
	m.Defender.AddMachine(defendersim.Machine{
		ID:   machineOfNumber(13),
		Name: "fin-lt-0013.corp.contoso.com",
		OS:   "Windows11",
	})
	between, raised := m.alertOn(2, "High"), m.alertOn(4, "Medium")
	two := m.alertOn(3, "High")
	m.runs[two+":"+machineOfNumber(13)] = 1
	identity := m.Alerts.AddAlert(alertsim.Alert{Title: "Suspected pass-the-ticket", Severity: "high"}, time.Time{})
	m.runs[identity] = 1
	m.answered()
	if err := m.Defender.UpdateAlert(raised, func(a *defendersim.Alert) { a.Severity = "High" }); err != nil {
		t.Fatal(err)
	}
	m.runs[raised] = 2
	m.answered()
	m.written(between, 1)
	m.written(raised, 1)
	m.written(two, 2)
	m.Defender.SetFault(func(r *http.Request) *defendersim.Fault {
		if strings.HasPrefix(r.URL.Path, "/api/alerts") {
			return &defendersim.Fault{Status: http.StatusGone}
		}
		return nil
	})
	m.eventually("Health to name Defender", func() bool { return strings.Contains(m.standing("defender"), "410") })
	if why := m.standing("graph"); why != "" {
		t.Errorf("of Graph: %s", why)
	}
	changed := m.changes()
	m.written(m.answeredAfter(5), 1)

	m.readFrom("graph")
	m.written(m.answeredAfter(6), 1)
	if n := m.changes(); n != changed+2 {
		t.Errorf("%d changes through Graph after Defender's alerts were gone", n-changed)
	}
	m.once()
}

// answeredAfter has a High alert appear, and waits for its answer.
func (m *migration) answeredAfter(n int) string {
	m.t.Helper()
	id := m.alertOn(n, "High")
	m.answered()
	return id
}

// once holds that no alert was answered, no machine isolated and nobody told more than once.
func (m *migration) once() {
	m.t.Helper()
	got := map[string]int{}
	for _, r := range m.Runs() {
		got[r.AlertID] = max(got[r.AlertID], r.Version)
	}
	for id, versions := range got {
		if versions != m.runs[id] {
			m.t.Errorf("alert %s has %d versions, want %d", id, versions, m.runs[id])
		}
	}
	asked, told := map[string]int{}, map[string]int{}
	for _, a := range m.Defender.Actions() {
		asked[a.MachineID]++
	}
	for _, mail := range m.Mail.Mails() {
		for _, claim := range judge.Claims(mail.Text) {
			if strings.HasPrefix(claim.Outcome, "Isolated") {
				told[claim.MachineID]++
			}
		}
		if strings.Contains(mail.Text, "pass-the-ticket") {
			told["identity"]++
		}
	}
	for _, n := range []int{1, 2, 3, 13, 4, 5, 6} {
		if id := machineOfNumber(n); asked[id] != 1 || told[id] != 1 {
			m.t.Errorf("machine %d: %d actions, told %d times that it is isolated", n, asked[id], told[id])
		}
	}
	if len(asked) != 7 || told["identity"] != 1 {
		m.t.Errorf("%d machines, %d mails about the alert of another product", len(asked), told["identity"])
	}
}
