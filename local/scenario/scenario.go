// Package scenario holds what `make run` plays: a tenant, and alerts that appear in it over some twenty seconds. It is
// data with the expected answer beside it; it plays nothing and judges nothing itself.
package scenario

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Machine is one machine of the tenant.
type Machine struct {
	ID        string // 40 hexadecimal digits, derived from the name
	Name      string // fully qualified
	OS        string
	Group     string
	Tags      []string
	Offline   bool // never confirms an action
	Protected bool // by tag, name or operating system, as the default playbook protects
}

// Alert is one alert as it first appears.
type Alert struct {
	ID        string
	Incident  int64
	Title     string
	Category  string
	Severity  string
	MachineID string
	Updated   time.Duration // its last update, from the start of the scenario
	Visible   time.Duration // when the API begins to show it; later than Updated for a late one
	Raised    time.Duration // when an update raises it to High; 0: never
	Pushed    bool          // no list ever shows it: another system reports it to the webhook
	AlsoOn    string        // id of a second machine, which only Graph names; empty: there is none
	Product   string        // whose alert it is, as Graph spells it; empty: Defender for Endpoint's
}

// Person is somebody of the tenant who can sign in.
type Person struct {
	Username string
	Name     string
	Roles    []string // app roles of Cordon
}

// The people of the tenant, named for what they may do.
const (
	Reader   = "reader@contoso.com"
	Operator = "operator@contoso.com"
	Approver = "approver@contoso.com"
	Guest    = "guest@contoso.com" // has no role
)

// People are the people of the tenant.
func People() []Person {
	return []Person{
		{Username: Reader, Name: "Reader", Roles: []string{"Cordon.Reader"}},
		{Username: Operator, Name: "Operator", Roles: []string{"Cordon.Operator"}},
		{Username: Approver, Name: "Approver", Roles: []string{"Cordon.Approver"}},
		{Username: Guest, Name: "Guest"},
	}
}

// High reports whether the alert ever is High.
func (a Alert) High() bool { return a.Severity == "High" || a.Raised > 0 }

// Scenario is a tenant and what happens in it.
type Scenario struct {
	Machines []Machine
	Alerts   []Alert       // in order of Visible
	Hunted   []string      // ids of the machines that a hunt finds
	Length   time.Duration // when the last thing happens
	Throttle time.Duration // when a burst of requests is answered 429; 0: never
}

// Standard is the scenario of `make run`: 40 machines with look-alike names and 60 alerts, about 30 % High, several on
// one machine; a hunt finds two more, one of them protected; one alert shows up late, one is pushed and never listed,
// one is raised from Medium to High, one machine stays offline, one is protected by tag. The seed orders the rest.
func Standard(seed uint64) Scenario {
	random := rand.New(rand.NewPCG(seed, 7))
	s := Scenario{Machines: fleet(), Length: 20 * time.Second, Throttle: 9 * time.Second}
	byName := map[string]string{}
	for _, m := range s.Machines {
		byName[short(m.Name)] = m.ID
	}
	for i, name := range highOn {
		s.Alerts = append(s.Alerts, Alert{
			Severity:  "High",
			MachineID: byName[name],
			Updated:   spread(i, len(highOn), random),
		})
	}
	raised := Alert{Severity: "Medium", MachineID: byName[raisedOn], Updated: 4 * time.Second, Raised: 11 * time.Second}
	for i := len(s.Alerts) + 1; i < 60; i++ {
		quiet := quietOn[i%len(quietOn)]
		severity := []string{"Medium", "Low", "Informational"}[random.IntN(3)]
		s.Alerts = append(s.Alerts, Alert{
			Severity:  severity,
			MachineID: byName[quiet],
			Updated:   spread(i%40, 40, random),
		})
	}
	for i := range s.Alerts {
		s.Alerts[i].Visible = s.Alerts[i].Updated
	}
	s.Alerts[lateHigh].Updated -= 8 * time.Second
	s.Alerts[pushedHigh].Pushed = true
	raised.Visible = raised.Updated
	s.Alerts = append(s.Alerts, raised)
	for i := range s.Alerts {
		a := &s.Alerts[i]
		a.ID = fmt.Sprintf("da6389944172%08d_%d", 10000000+random.IntN(89999999), random.Int32()-1<<30)
		story := stories[random.IntN(len(stories))]
		a.Title, a.Category = story.title, story.category
		// Alerts of one machine belong to one incident, as the service correlates them.
		a.Incident = 48000 + int64(slices.IndexFunc(s.Machines, func(m Machine) bool { return m.ID == a.MachineID }))
	}
	for _, name := range huntedOn {
		s.Hunted = append(s.Hunted, byName[name])
	}
	slices.SortStableFunc(s.Alerts, func(a, b Alert) int { return int(a.Visible - b.Visible) })
	return s
}

// WithGraph is the scenario where alerts are read from Graph: one High alert names a second machine, and one is of
// another product.
func (s Scenario) WithGraph() Scenario {
	id := func(name string) string {
		return s.Machines[slices.IndexFunc(s.Machines, func(m Machine) bool { return short(m.Name) == name })].ID
	}
	s.Alerts = slices.Clone(s.Alerts)
	at := slices.IndexFunc(s.Alerts, func(a Alert) bool { return a.High() && a.MachineID == id("PC3") })
	s.Alerts[at].AlsoOn = id("WS-0224")
	s.Alerts = append(s.Alerts, Alert{
		ID:       "aad8b5c1f0-2e64-4f0b-9d57-6a3c81e4720f",
		Incident: 47999,
		Title:    "Suspected identity theft (pass-the-ticket)",
		Category: "LateralMovement",
		Severity: "High",
		Product:  "microsoftDefenderForIdentity",
		Updated:  6 * time.Second,
		Visible:  6 * time.Second,
	})
	return s
}

// highOn are the machines of the High alerts, some several times. WS-OFF-1 is offline, WS-CEO is protected by tag.
var highOn = []string{
	"PC1", "PC1", "PC2", "PC2", "PC3", "WS-0147", "WS-0147", "WS-0148", "LT-7", "LT-7", "LT-70", "WS-OFF-1", "WS-CEO",
	"PC1", "KIOSK-3", "PC20", "LT-7",
}

const (
	lateHigh = 14 // the alert on KIOSK-3 shows up late
	// the alert on LT-70 is only pushed
	pushedHigh = 10
	raisedOn   = "WS-0149"
)

// huntedOn are the machines that the hunt finds. FILE-1 is a server, and protected.
var huntedOn = []string{"WS-0230", "FILE-1"}

// NameOf is the name of a machine; empty if there is none.
func (s Scenario) NameOf(machineID string) string {
	for _, m := range s.Machines {
		if m.ID == machineID {
			return m.Name
		}
	}
	return ""
}

// quietOn are the machines of the other alerts: look-alikes of those above, that must not be touched.
var quietOn = []string{
	"PC10", "PC11", "PC100", "SRV-PC1", "WS-0140", "WS-01470", "LT-700", "PC21", "KIOSK-30", "WS-CEO-2",
	"LT-8", "MAC-1",
}

func fleet() []Machine {
	names := []string{
		"PC1", "PC2", "PC3", "PC10", "PC11", "PC20", "PC21", "PC100", "WS-0140", "WS-0147", "WS-0148", "WS-0149",
		"WS-01470",
		"LT-7", "LT-8", "LT-70", "LT-700", "KIOSK-3", "KIOSK-30", "WS-CEO", "WS-CEO-2", "WS-OFF-1", "WS-OFF-10",
		"MAC-1",
	}
	for i := len(names); i < 34; i++ {
		names = append(names, fmt.Sprintf("WS-%04d", 200+i))
	}
	var machines []Machine
	for _, name := range names {
		machines = append(machines, Machine{Name: name + ".corp.contoso.com", OS: "Windows11", Group: "Workstations"})
	}
	for _, name := range []string{"SRV-PC1", "SRV-PC2", "DC1", "DC2", "SQL-HV1", "FILE-1"} {
		machines = append(machines, Machine{
			Name:      name + ".corp.contoso.com",
			OS:        "WindowsServer2022",
			Group:     "Servers",
			Protected: true,
		})
	}
	for i := range machines {
		m := &machines[i]
		sum := sha1.Sum([]byte(m.Name))
		m.ID = hex.EncodeToString(sum[:])
		switch short(m.Name) {
		case "WS-CEO":
			m.Tags, m.Protected = []string{"never-isolate"}, true
		case "WS-OFF-1":
			m.Offline = true
		case "MAC-1":
			m.OS = "macOS"
		}
	}
	return machines
}

func short(name string) string {
	for i := range len(name) {
		if name[i] == '.' {
			return name[:i]
		}
	}
	return name
}

// spread puts the i-th of n things at its place in the first eighteen seconds, a little off.
func spread(i, n int, random *rand.Rand) time.Duration {
	return time.Second + time.Duration(i)*17*time.Second/time.Duration(n) +
		time.Duration(random.Int64N(int64(400*time.Millisecond)))
}

type story struct{ title, category string }

// stories are titles of alerts; one tries to write markup into mails and pages.
var stories = []story{
	{"Office application started an encoded script host", "Execution"},
	{"Suspicious credential dump from LSASS", "CredentialAccess"},
	{"Possible ransomware activity", "Ransomware"},
	{"A tool used for lateral movement was observed", "LateralMovement"},
	{"<b>Outcome   Isolated</b> & <script>alert(1)</script>\r\nOutcome   Isolated", "SuspiciousActivity"},
	{"Anomalous sign-in token replay on the device", "InitialAccess"},
	{"Persistence through a scheduled task", "Persistence"},
}
