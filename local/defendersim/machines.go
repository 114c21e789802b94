package defendersim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Machine is a device of the tenant (Machine resource type page). AddMachine fills what is empty with usual values, but
// for the name, the group and the tags. No member says whether it is isolated: that follows from its machine actions.
type Machine struct {
	ID             string // 40 hexadecimal digits
	Name           string // fully qualified; empty: null
	OS             string // osPlatform, such as Windows11
	Version        string
	OSBuild        int64
	Tags           []string
	Group          string // rbacGroupName; empty: null
	GroupID        int64
	DeviceValue    string // Normal, Low, High
	Health         string
	Onboarding     string
	Risk           string
	Exposure       string
	AADDeviceID    string // empty: null, and not joined
	LastIP         string
	LastExternalIP string
	FirstSeen      time.Time
	LastSeen       time.Time
	Agent          string // agentVersion
	Offline        bool   // takes no action on
}

// shortName is the name up to the first dot, as machine actions carry it.
func (m *Machine) shortName() string {
	short, _, _ := strings.Cut(m.Name, ".")
	return short
}

// machineSet is GET /api/machines, with the filters of the List machines API page.
func machineSet() set[*Machine] {
	return set[*Machine]{
		name: "Machines", path: "/api/machines",
		compare: func(a, b *Machine) int { return strings.Compare(a.ID, b.ID) },
		write:   func(w *jsonWriter, m *Machine, _ bool) { w.machine(m) },
		schema: schema[*Machine]{"Machine", map[string]property[*Machine]{
			"id":               textOf(func(m *Machine) string { return m.ID }),
			"computerDnsName":  textOf(func(m *Machine) string { return m.Name }),
			"version":          textOf(func(m *Machine) string { return m.Version }),
			"deviceValue":      textOf(func(m *Machine) string { return m.DeviceValue }),
			"aadDeviceId":      textOf(func(m *Machine) string { return m.AADDeviceID }),
			"machineTags":      textsOf(func(m *Machine) []string { return m.Tags }),
			"lastSeen":         timeOf(func(m *Machine) time.Time { return m.LastSeen }),
			"exposureLevel":    textOf(func(m *Machine) string { return m.Exposure }),
			"onboardingStatus": textOf(func(m *Machine) string { return m.Onboarding }),
			"lastIpAddress":    textOf(func(m *Machine) string { return m.LastIP }),
			"healthStatus":     textOf(func(m *Machine) string { return m.Health }),
			"osPlatform":       textOf(func(m *Machine) string { return m.OS }),
			"riskScore":        textOf(func(m *Machine) string { return m.Risk }),
			"rbacGroupId":      numberOf(func(m *Machine) int64 { return m.GroupID }, false),
		}},
	}
}

func (s *Sim) listMachines(q *request) answer {
	s.mu.Lock()
	all := slices.Clone(s.machines)
	s.mu.Unlock()
	a, found := list(s, q, machineSet(), all)
	if !found && s.o.NotFoundWhenEmpty {
		return s.fail(http.StatusNotFound, "NotFound", "No recent machines were found")
	}
	return a
}

func (s *Sim) getMachine(q *request) answer {
	s.mu.Lock()
	m := s.machineNamed(q.id)
	s.mu.Unlock()
	if m == nil {
		return s.noMachine(q.id)
	}
	return entity(http.StatusOK, "Machines", func(w *jsonWriter) { w.machine(m) })
}

// tag puts a tag on a machine or takes it off. Neither has to change anything (Add or remove machine tags API page).
func (s *Sim) tag(q *request) answer {
	given, bad := s.acting(q, []string{"Value", "Action"})
	if bad != nil {
		return *bad
	}
	value, action := given["Value"], given["Action"]
	if action != "Add" && action != "Remove" {
		return s.fail(http.StatusBadRequest, "InvalidInput", "The value of Action is invalid.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.machine(q.id)
	if m == nil {
		return s.noMachine(q.id)
	}
	changed := *m
	changed.Tags = slices.DeleteFunc(slices.Clone(m.Tags), func(tag string) bool { return tag == value })
	if action == "Add" {
		changed.Tags = append(changed.Tags, value)
	}
	s.machines[s.machineAt[m.ID]] = &changed
	return entity(http.StatusOK, "Machines", func(w *jsonWriter) { w.machine(&changed) })
}

func (s *Sim) noMachine(id string) answer {
	return s.fail(http.StatusNotFound, "ResourceNotFound", "Machine "+id+" was not found")
}

// machine finds one by its id; nil if there is none.
func (s *Sim) machine(id string) *Machine {
	if i, ok := s.machineAt[id]; ok {
		return s.machines[i]
	}
	return nil
}

// machineNamed finds one by its id or its computer name; of several with a name, the one seen last.
func (s *Sim) machineNamed(name string) *Machine {
	if m := s.machine(name); m != nil {
		return m
	}
	var found *Machine
	for _, m := range s.machines {
		if strings.EqualFold(m.Name, name) && (found == nil || m.LastSeen.After(found.LastSeen)) {
			found = m
		}
	}
	return found
}

// machine writes the members of a machine, the undocumented ones of a live answer included.
func (w *jsonWriter) machine(m *Machine) {
	w.always("id", m.ID)
	w.null("mergedIntoMachineId")
	w.flag("isPotentialDuplication", false)
	w.flag("isExcluded", false)
	w.null("exclusionReason")
	w.text("computerDnsName", m.Name)
	w.time("firstSeen", m.FirstSeen)
	w.time("lastSeen", m.LastSeen)
	w.text("osPlatform", m.OS)
	w.null("osVersion")
	w.always("osProcessor", "x64")
	w.text("version", m.Version)
	w.text("lastIpAddress", m.LastIP)
	w.text("lastExternalIpAddress", m.LastExternalIP)
	w.text("agentVersion", m.Agent)
	w.count("osBuild", m.OSBuild)
	w.text("healthStatus", m.Health)
	w.text("deviceValue", m.DeviceValue)
	w.number("rbacGroupId", m.GroupID)
	w.text("rbacGroupName", m.Group)
	w.text("riskScore", m.Risk)
	w.text("exposureLevel", m.Exposure)
	w.flag("isAadJoined", m.AADDeviceID != "")
	w.text("aadDeviceId", m.AADDeviceID)
	w.texts("machineTags", m.Tags)
	w.always("defenderAvStatus", "Updated")
	w.text("onboardingStatus", m.Onboarding)
	w.always("osArchitecture", "64-bit")
	w.always("managedBy", "Intune")
	w.always("managedByStatus", "Success")
	w.key("ipAddresses")
	w.open('[')
	if m.LastIP != "" {
		w.address(m.LastIP, "5CBA2C10F3A7", "Ethernet")
	}
	w.address("127.0.0.1", "", "SoftwareLoopback")
	w.close(']')
	w.null("vmMetadata")
}

func (w *jsonWriter) address(ip, mac, kind string) {
	w.open('{')
	w.always("ipAddress", ip)
	w.text("macAddress", mac)
	w.always("type", kind)
	w.always("operationalStatus", "Up")
	w.close('}')
}
