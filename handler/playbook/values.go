package playbook

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

// valueSet is what a fact is known to be, besides empty. Of an open set the vendor may add to, only what looks like a
// known value and is none is taken for a mistake.
type valueSet struct {
	values []string
	open   bool
}

// usualValues are the values that a fact is known to have ("Alert", "Machine" and "MachineAction resource type"
// pages); false for a fact that may hold anything. What knownValues has is not among them.
func usualValues(fact string) (valueSet, bool) {
	set, known := allUsualValues()[fact]
	return set, known
}

func allUsualValues() map[string]valueSet {
	return map[string]valueSet{
		"machine.osPlatform":     {platforms(), true},
		"machine.osArchitecture": {[]string{"32-bit", "64-bit"}, false},
		"machine.healthStatus": {[]string{"Active", "Inactive", "ImpairedCommunication", "NoSensorData",
			"NoSensorDataImpairedCommunication", "Unknown"}, false},
		"machine.onboardingStatus":     {[]string{"Onboarded", "CanBeOnboarded", "Unsupported", "InsufficientInfo"}, false},
		"machine.riskScore":            {[]string{"None", "Informational", "Low", "Medium", "High"}, false},
		"machine.exposureLevel":        {[]string{"None", "Low", "Medium", "High"}, false},
		"machine.deviceValue":          {[]string{"Low", "Normal", "High"}, false},
		"machine.openActions[].type":   {actionTypes(), false},
		"machine.openActions[].status": {[]string{string(machine.Pending), string(machine.InProgress)}, false},
		"machine.openActions[].scope": {[]string{string(machine.Full), string(machine.Selective),
			string(machine.UnManagedDevice), string(machine.Quick)}, false},
		"machine.openActions[].requestSource": {[]string{"Portal", "PublicApi"}, false},
		"alert.classification":                {classifications(), false},
		"alert.determination":                 {determinations(""), false},
		"alert.category": {[]string{"General", "CommandAndControl", "Collection", "CredentialAccess", "DefenseEvasion",
			"Discovery", "Exfiltration", "Exploit", "Execution",
			"InitialAccess", "LateralMovement", "Malware", "Persistence", "PrivilegeEscalation", "Ransomware",
			"SuspiciousActivity", "UnwantedSoftware", "Impact"}, true},
		"alert.detectionSource": {[]string{"WindowsDefenderAtp", "WindowsDefenderAv", "WindowsDefenderSmartScreen",
			"CustomerTI", "CustomDetection", "AutomatedInvestigation",
			"MTP", "OfficeATP", "AzureATP", "ThreatExperts"}, true},
		"alert.evidence[].entityType":      {[]string{"User", "Process", "File", "Ip", "Url", "Registry"}, true},
		"alert.evidence[].detectionStatus": {[]string{"Detected", "Blocked", "Prevented"}, true},
	}
}

// platforms are names of operating systems as machines report them. Linux reports the name of its distribution.
func platforms() []string {
	return []string{"Windows11", "Windows10", "Windows10WVD", "Windows8", "Windows7", "WindowsServer2025",
		"WindowsServer2022", "WindowsServer2019", "WindowsServer2016",
		"WindowsServer2012R2", "WindowsServer2012", "WindowsServer2008R2", "macOS",
		"Linux", "Ubuntu", "RedHatEnterpriseLinux", "Debian", "CentOS", "iOS", "Android", "ESXi", "Unknown"}
}

// factOfRail is the fact that a list of a rail is about; empty for lists of names that people choose.
func factOfRail(list string) string {
	return map[string]string{"os": "machine.osPlatform", "onboarding": "machine.onboardingStatus",
		"deviceValue": "machine.deviceValue"}[list]
}

func actionTypes() []string {
	list := []string{"Offboard", "LiveResponse", "StopAndQuarantineFile"}
	for _, spec := range machine.Catalogue() {
		list = append(list, string(spec.Type))
	}
	return list
}

// OtherCase is the known value of a fact, such as alert.severity, that a text differs from in the case of letters only; empty:
// there is none, or the API writes the fact either way.
func OtherCase(fact, value string) string {
	known := knownValues(fact)
	if set, usual := usualValues(fact); usual && fact != "machine.onboardingStatus" {
		known = set.values
	}
	for _, one := range known {
		if value != one && strings.EqualFold(value, one) {
			return one
		}
	}
	return ""
}

// strange says that a fact is not known to be value, and what was probably meant; empty if it is, or may be.
func (v valueSet) strange(value string) (hint string) {
	if value == "" || slices.Contains(v.values, value) || v.open && len(nearest(value, v.values)) == 0 {
		return ""
	}
	return suggest(value, v.values)
}

// strangePattern is strange for a pattern: it has to fit a known value.
func (v valueSet) strangePattern(pattern string) (hint string) {
	fits := func(p string) bool {
		return slices.ContainsFunc(v.values, func(value string) bool { return matchGlob(p, value) })
	}
	if fits(pattern) {
		return ""
	}
	if squeezed := strings.Join(strings.Fields(pattern), ""); fits(squeezed) {
		return fmt.Sprintf("did you mean %s? known: %s", squeezed, strings.Join(v.values, ", "))
	}
	return v.strange(strings.Trim(pattern, "*?"))
}

// strangers finds the texts in a checked expression that a fact is not known to have: a rule that asks for one never
// does what it says.
func strangers(node ast.Node) []conditionProblem {
	s := &stranger{}
	ast.Walk(&node, s)
	return s.found
}

// stranger is the visitor behind strangers.
type stranger struct{ found []conditionProblem }

// Visit implements ast.Visitor.
func (s *stranger) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		switch n.Operator {
		case "==", "!=":
			s.compare(n.Left, n.Right)
			s.compare(n.Right, n.Left)
		case "in":
			if list, ok := n.Right.(*ast.ArrayNode); ok {
				for _, one := range list.Nodes {
					s.compare(n.Left, one)
				}
			}
		}
	case *ast.CallNode:
		if n.Callee.String() == "glob" && len(n.Arguments) > 1 {
			for _, pattern := range n.Arguments[1:] {
				s.hold(n.Arguments[0], pattern, valueSet.strangePattern)
			}
		}
	}
}

func (s *stranger) compare(fact, literal ast.Node) { s.hold(fact, literal, valueSet.strange) }

// hold holds a written text against what a fact is known to be.
func (s *stranger) hold(fact, literal ast.Node, strange func(valueSet, string) string) {
	text, ok := literal.(*ast.StringNode)
	set, known := usualValues(nameOf(fact))
	if !ok || !known {
		return
	}
	if hint := strange(set, text.Value); hint != "" {
		s.found = append(s.found, conditionProblem{text.Location().From,
			fmt.Sprintf("%s is not known to be %q", nameOf(fact), text.Value), hint})
	}
}

// nameOf is the name of the fact that node reads, as Environment has it; empty if it reads none.
func nameOf(node ast.Node) string {
	n, ok := node.(*ast.MemberNode)
	if !ok {
		return ""
	}
	if _, entry := n.Node.(*ast.PointerNode); !entry {
		return strings.Join(pathOf(n), ".")
	}
	switch n.Node.Type() {
	case reflect.TypeFor[alert.Evidence]():
		return "alert.evidence[]." + propertyOf(n)
	case reflect.TypeFor[ActionFacts]():
		return "machine.openActions[]." + propertyOf(n)
	}
	return ""
}
