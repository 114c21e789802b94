package defendersim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The types of machine actions that can be asked for (MachineAction resource type page).
const (
	Isolate    = "Isolate"
	Unisolate  = "Unisolate"
	Restrict   = "RestrictCodeExecution"
	Unrestrict = "UnrestrictCodeExecution"
	Scan       = "RunAntiVirusScan"
	Collect    = "CollectInvestigationPackage"
)

// actionKind is what the API page of a machine action says about it.
type actionKind struct {
	name     string
	path     string   // the last segment of the request's path
	role     string   // the application permission
	scopeKey string   // the member of the body that holds the scope; empty: none
	scopes   []string // what it may be
	scope    string   // taken if the member is not given; empty: it is required
	busy     string   // the code with which a second one is refused
	always   bool     // a second one is refused, whatever Options.Duplicates says
	undoes   string   // the type whose lasting state it ends

	oldest int64  // the oldest build of Windows 10 that knows it; 0: any
	client string // the oldest client on macOS and Linux that knows it; empty: any
}

func kinds() []actionKind {
	const active = "ActiveRequestAlreadyExists"
	return []actionKind{
		{
			name:     Isolate,
			path:     "isolate",
			role:     "Machine.Isolate",
			scopeKey: "IsolationType",
			scopes:   []string{"Full", "Selective", "UnManagedDevice"},
			scope:    "Full",
			busy:     active,
			oldest:   15063,
		},
		{name: Unisolate, path: "unisolate", role: "Machine.Isolate", busy: "BadRequest", undoes: Isolate},
		{name: Restrict, path: "restrictCodeExecution", role: "Machine.RestrictExecution", busy: active, oldest: 16299},
		{
			name:   Unrestrict,
			path:   "unrestrictCodeExecution",
			role:   "Machine.RestrictExecution",
			busy:   "BadRequest",
			undoes: Restrict,
		},
		{
			name:     Scan,
			path:     "runAntiVirusScan",
			role:     "Machine.Scan",
			scopeKey: "ScanType",
			scopes:   []string{"Quick", "Full"},
			busy:     "BadRequest",
			oldest:   16299,
			client:   "101.98.84",
		},
		{
			name:   Collect,
			path:   "collectInvestigationPackage",
			role:   "Machine.CollectForensics",
			busy:   active,
			always: true,
			oldest: 15063,
		},
	}
}

func kindOf(name string) (actionKind, bool) {
	for _, k := range kinds() {
		if k.name == name {
			return k, true
		}
	}
	return actionKind{}, false
}

// act accepts an action, or meets an open one of its type.
func (s *Sim) act(q *request, k actionKind) answer {
	var others []string
	if k.scopeKey != "" {
		others = append(others, k.scopeKey)
	}
	given, bad := s.acting(q, []string{"Comment"}, others...)
	if bad != nil {
		return *bad
	}
	scope := given[k.scopeKey]
	switch {
	case k.scopeKey == "":
	case scope == "" && k.scope == "":
		return s.fail(http.StatusBadRequest, "MissingRequiredParameter", "Parameter "+k.scopeKey+" is missing.")
	case scope == "":
		scope = k.scope
	case !slices.Contains(k.scopes, scope):
		return s.fail(http.StatusBadRequest, "InvalidInput", "The value of "+k.scopeKey+" is invalid.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.machine(q.id)
	if m == nil {
		return s.noMachine(q.id)
	}
	if code, message := m.cannot(k, scope); code != "" {
		return s.fail(http.StatusBadRequest, code, message)
	}
	if open := s.open(m.ID, k.name, q.at); open != nil {
		return s.duplicate(open, k, q.at)
	}
	a := s.accept(m,
		Action{
			Type:          k.name,
			Scope:         scope,
			Requestor:     q.claims.AppID,
			RequestSource: PublicAPI,
			Comment:       given["Comment"],
		}, q.at)
	return actionAnswer(http.StatusCreated, a.view(q.at))
}

func (s *Sim) duplicate(open *action, k actionKind, now time.Time) answer {
	s.duplicates[k.name]++
	if k.always || s.o.Duplicates == RejectDuplicates ||
		s.o.Duplicates == AlternateDuplicates && s.duplicates[k.name]%2 == 0 {
		return s.fail(http.StatusBadRequest, k.busy, "Action is already in progress")
	}
	return actionAnswer(http.StatusCreated, open.view(now))
}

// cannot is the error for an action that the machine does not know, empty if it does: the API pages of the actions, and
// for servers and clients "Take response actions on a device".
func (m *Machine) cannot(k actionKind, scope string) (code, message string) {
	if k.undoes != "" || scope == "UnManagedDevice" {
		return "", "" // the machines around one that is not managed do the work
	}
	windows := strings.HasPrefix(m.OS, "Windows")
	linux := !windows && !slices.Contains([]string{"macOS", "iOS", "Android"}, m.OS)
	knows := windows || linux || m.OS == "macOS"
	for _, old := range []string{"Windows7", "Windows8", "WindowsXP", "WindowsVista", "WindowsServer2008"} {
		knows = knows && !strings.HasPrefix(m.OS, old)
	}
	switch k.name {
	case Isolate:
		knows = knows && (windows || linux && scope != "Selective")
	case Restrict:
		knows = knows && windows && !strings.HasPrefix(m.OS, "WindowsServer2012") &&
			!strings.HasPrefix(m.OS, "WindowsServer2016")
	}
	switch {
	case !knows:
		return "OsPlatformNotSupported", "OS Platform " + m.OS + " isn't supported for this action."
	case m.OS == "Windows10" && m.OSBuild > 0 && m.OSBuild < k.oldest:
		return "ClientVersionNotSupported",
			k.name + " is supported on client version 10.0." + strconv.FormatInt(k.oldest, 10) + " and above."
	case !windows && k.client != "" && olderVersion(m.Agent, k.client):
		return "ClientVersionNotSupported", k.name + " is supported on client version " + k.client + " and above."
	}
	return "", ""
}

// olderVersion compares versions part by part; a part that is no number is the oldest.
func olderVersion(version, than string) bool {
	have, want := strings.Split(version, "."), strings.Split(than, ".")
	for i := range want {
		n, m := 0, 0
		if i < len(have) {
			n, _ = strconv.Atoi(have[i])
		}
		if m, _ = strconv.Atoi(want[i]); n != m {
			return n < m
		}
	}
	return false
}
