package machine

import (
	"slices"
	"strconv"
	"strings"
)

// The machine actions that Cordon asks for (MachineAction resource type page).
const (
	Isolate    ActionType = "Isolate"
	Unisolate  ActionType = "Unisolate"
	Restrict   ActionType = "RestrictCodeExecution"
	Unrestrict ActionType = "UnrestrictCodeExecution"
	Scan       ActionType = "RunAntiVirusScan"
	Collect    ActionType = "CollectInvestigationPackage"
)

// Spec is all there is to know about a kind of machine action. Whatever differs between them stands here.
type Spec struct {
	Type       ActionType
	Path       string // the last segment of the request's path
	ScopeKey   string // the member of the request's body that holds the scope; empty: it has none
	Scopes     []Scope
	Permission string // the application permission of WindowsDefenderATP that the request needs

	Latch   string     // the latch that owns it: one for each lasting state, one for each other action (and scope)
	Lasting bool       // once Succeeded, the machine stays so until Undoing succeeds
	Lifts   bool       // Defender ends the lasting state by itself after a time, and no action says so
	Undoing ActionType // what ends the lasting state; empty: nothing does
	Undoes  ActionType // the lasting state that it ends; empty: none

	Noun   string // such as isolation
	Plural string // such as isolations
	Done   string // what the machine is once it Succeeded, such as isolated
	Would  string // what observe mode would have done, such as isolate

	oldest      int64    // the oldest build of Windows 10 that knows it; 0: any
	unsupported []string // platforms that do not know it, by their beginnings
}

// tooOld know no response action at all ("Take response actions on a device", Isolate machine API page).
func tooOld() []string {
	return []string{
		"WindowsXP", "WindowsVista", "Windows7", "Windows8", "WindowsServer2003", "WindowsServer2008", "iOS", "Android",
	}
}

// linux are the names under which Linux appears.
func linux() []string {
	return []string{
		"Linux", "Ubuntu", "Debian", "RedHat", "CentOS", "SUSE", "SLES", "Oracle", "Fedora", "Amazon", "Rocky", "Alma",
		"Mariner",
	}
}

// The builds of Windows 10 that the pages call 1703 and 1709.
const (
	build1703 = 15063
	build1709 = 16299
)

// Catalogue lists the machine actions. Platforms and builds are those that neither the page of the action nor "Take
// response actions on a device" allows: where the two differ or say nothing, the API is asked.
func Catalogue() []Spec {
	return slices.Concat(isolation(), restriction(), passing())
}

func isolation() []Spec {
	return []Spec{
		{
			Type:        Isolate,
			Path:        "isolate",
			ScopeKey:    "IsolationType",
			Scopes:      []Scope{Full, Selective, UnManagedDevice},
			Permission:  "Machine.Isolate",
			Latch:       "isolation",
			Lasting:     true,
			Lifts:       true,
			Undoing:     Unisolate,
			Noun:        "isolation",
			Plural:      "isolations",
			Done:        "isolated",
			Would:       "isolate",
			oldest:      build1703,
			unsupported: tooOld(),
		},
		{
			Type:       Unisolate,
			Path:       "unisolate",
			Permission: "Machine.Isolate",
			Latch:      "release",
			Undoes:     Isolate,
			Noun:       "release",
			Plural:     "releases",
			Done:       "released",
			Would:      "release",
		},
	}
}

func restriction() []Spec {
	return []Spec{
		{
			Type:       Restrict,
			Path:       "restrictCodeExecution",
			Permission: "Machine.RestrictExecution",
			Latch:      "restriction",
			Lasting:    true,
			Undoing:    Unrestrict,
			Noun:       "restriction of apps",
			Plural:     "restrictions of apps",
			Done:       "restricted",
			Would:      "restrict apps",
			oldest:     build1709,
			unsupported: slices.Concat(
				tooOld(),
				linux(),
				[]string{"macOS", "WindowsServer2012", "WindowsServer2016"},
			),
		},
		{
			Type:       Unrestrict,
			Path:       "unrestrictCodeExecution",
			Permission: "Machine.RestrictExecution",
			Latch:      "unrestriction",
			Undoes:     Restrict,
			Noun:       "end of the restriction of apps",
			Plural:     "ends of restrictions of apps",
			Done:       "unrestricted",
			Would:      "end the restriction of apps",
		},
	}
}

// passing are the actions that change nothing lasting about the machine.
func passing() []Spec {
	return []Spec{
		{
			Type:        Scan,
			Path:        "runAntiVirusScan",
			ScopeKey:    "ScanType",
			Scopes:      []Scope{Quick, Full},
			Permission:  "Machine.Scan",
			Latch:       "scan",
			Noun:        "antivirus scan",
			Plural:      "antivirus scans",
			Done:        "scanned",
			Would:       "scan",
			oldest:      build1709,
			unsupported: tooOld(),
		},
		{
			Type:        Collect,
			Path:        "collectInvestigationPackage",
			Permission:  "Machine.CollectForensics",
			Latch:       "package",
			Noun:        "investigation package",
			Plural:      "investigation packages",
			Done:        "collected",
			Would:       "collect an investigation package",
			oldest:      build1703,
			unsupported: tooOld(),
		},
	}
}

// SpecOf finds the row of an action's type; false for one that Cordon does not ask for.
func SpecOf(t ActionType) (Spec, bool) {
	for _, s := range Catalogue() {
		if s.Type == t {
			return s, true
		}
	}
	return Spec{}, false
}

// Latches are the kinds of latches that a machine may have.
func Latches() []string {
	var kinds []string
	for _, s := range Catalogue() {
		scopes := s.Scopes
		if len(scopes) == 0 {
			scopes = []Scope{""}
		}
		for _, scope := range scopes {
			kind := s.LatchOf(scope)
			if !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	return kinds
}

// SpecOfLatch finds the row that a latch of this kind belongs to.
func SpecOfLatch(kind string) (Spec, bool) {
	name, _, _ := strings.Cut(kind, ":")
	for _, s := range Catalogue() {
		if s.Latch == name {
			return s, true
		}
	}
	return Spec{}, false
}

// LatchOf names the latch that owns the action. Scans of different scope are different things; an isolation is one
// state, whatever its scope.
func (s Spec) LatchOf(scope Scope) string {
	if s.Lasting || s.ScopeKey == "" {
		return s.Latch
	}
	return s.Latch + ":" + string(scope)
}

// NounOf is the noun with the scope, where it tells something: antivirus scan (Quick).
func (s Spec) NounOf(scope Scope) string {
	if s.ScopeKey == "" || scope == "" || s.Type == Isolate && scope == Full {
		return s.Noun
	}
	return s.Noun + " (" + string(scope) + ")"
}

// Unsupported says why the machine cannot do the action; empty if it can, or if only the API knows. What is not known
// of the machine speaks for nothing.
func (s Spec) Unsupported(m Machine, scope Scope) string {
	unsupported := s.unsupported
	if s.Type == Isolate {
		onboarded := strings.EqualFold(m.OnboardingStatus, "onboarded")
		switch {
		case scope == UnManagedDevice && onboarded:
			return "not supported on an onboarded machine: UnManagedDevice is for those that are not; use Full or " +
				"Selective"
		case scope == UnManagedDevice:
			return "" // the machines around it do it
		case scope == Selective:
			unsupported = slices.Concat(unsupported, linux())
		}
	}
	for _, beginning := range unsupported {
		if len(m.OSPlatform) >= len(beginning) && strings.EqualFold(m.OSPlatform[:len(beginning)], beginning) {
			return "not supported on " + m.OSPlatform
		}
	}
	build := m.windows10Build()
	if build > 0 && build < s.oldest {
		return "not supported on " + m.OSPlatform + " " +
			strings.TrimSpace(m.Version+" (build "+strconv.FormatInt(build, 10)+")")
	}
	return ""
}

// windows10Build is the build of a Windows 10 client, 0 if it is none or not known.
func (m Machine) windows10Build() int64 {
	if !strings.HasPrefix(m.OSPlatform, "Windows10") {
		return 0
	}
	if m.OSBuild > 0 {
		return m.OSBuild
	}
	// Versions before 1703 and 1709, for machines that report no build.
	return map[string]int64{
		"1507": 10240,
		"1511": 10586,
		"1607": 14393,
		"1703": build1703,
	}[m.Version]
}

// Opposite names the action that undoes t or that t undoes, or "" when nothing does.
func (t ActionType) Opposite() ActionType {
	s, _ := SpecOf(t)
	if s.Undoing != "" {
		return s.Undoing
	}
	return s.Undoes
}
