package alertsim

import (
	"slices"
	"strings"
)

// spelling is one value of an enumeration as the APIs write it.
type spelling struct {
	defender string // of Defender for Endpoint
	graph    string // of the vendor's types for Graph v1.0
	older    string // of Graph's Update alert page; empty: like graph
}

// words are what enumerations are written in.
type words struct {
	// spellings are the values that the APIs share, by the member of an alert. Others differ in the case of the first
	// letter only.
	spellings map[string][]spelling
	// members are the members of the enumerations that everybody is shown, by the member of an alert or of its
	// evidence. Those added since are shown to who asks for them.
	members map[string][]string
}

func newWords() words {
	w := words{members: map[string][]string{}, spellings: map[string][]spelling{
		"severity":       {{defender: "UnSpecified", graph: "unknown"}},
		"classification": {{defender: "", graph: "unknown"}},
		"determination": {
			{defender: "", graph: "unknown"},
			{"CompromisedUser", "compromisedAccount", "compromisedUser"},
			{"Clean", "notMalicious", "clean"},
			{"NotMalicious", "notMalicious", "clean"},
			{"InsufficientData", "notEnoughDataToValidate", "insufficientData"},
			{"ConfirmedUserActivity", "confirmedActivity", "confirmedUserActivity"},
			{"ConfirmedActivity", "confirmedActivity", "confirmedUserActivity"},
		},
		"detectionSource": {
			{defender: "WindowsDefenderAtp", graph: "microsoftDefenderForEndpoint"},
			{defender: "WindowsDefenderAv", graph: "antivirus"},
			{defender: "WindowsDefenderSmartScreen", graph: "smartScreen"},
			{defender: "CustomerTI", graph: "customTi"},
			{defender: "MTP", graph: "microsoft365Defender"},
			{defender: "OfficeATP", graph: "microsoftDefenderForOffice365"},
			{defender: "AzureATP", graph: "microsoftDefenderForIdentity"},
			{defender: "ThreatExperts", graph: "microsoftThreatExperts"},
		},
	}}
	for name, all := range map[string]string{
		"severity":       "unknown informational low medium high",
		"status":         "unknown new inProgress resolved",
		"classification": "unknown falsePositive truePositive informationalExpectedActivity",
		"determination": `unknown apt malware securityPersonnel securityTesting unwantedSoftware other multiStagedAttack
			compromisedAccount phishing maliciousUserActivity notMalicious notEnoughDataToValidate confirmedActivity
			lineOfBusinessApplication compromisedUser clean insufficientData confirmedUserActivity`,
		"serviceSource": `unknown microsoftDefenderForEndpoint microsoftDefenderForIdentity
			microsoftDefenderForCloudApps microsoftDefenderForOffice365 microsoft365Defender azureAdIdentityProtection
			microsoftAppGovernance dataLossPrevention`,
		"detectionSource": `unknown microsoftDefenderForEndpoint antivirus smartScreen customTi
			microsoftDefenderForOffice365 automatedInvestigation microsoftThreatExperts customDetection
			microsoftDefenderForIdentity cloudAppSecurity microsoft365Defender azureAdIdentityProtection manual
			microsoftDataLossPrevention appGovernancePolicy appGovernanceDetection`,
		"healthStatus": `active inactive impairedCommunication noSensorData noSensorDataImpairedCommunication
			unknown`,
		"riskScore":         "none informational low medium high",
		"onboardingStatus":  "insufficientInfo onboarded canBeOnboarded unsupported",
		"defenderAvStatus":  "notReporting disabled notUpdated updated unknown notSupported",
		"detectionStatus":   "detected blocked prevented",
		"remediationStatus": "none remediated prevented blocked notFound",
		"verdict":           "unknown suspicious malicious noThreatsFound",
		"roles": `unknown contextual scanned source destination created added compromised edited attacked attacker
			commandAndControl loaded suspicious policyViolator`,
	} {
		w.members[name] = strings.Fields(all)
	}
	return w
}

// toGraph spells a value of Defender's as Graph does. Nothing stays nothing, but for a severity, which is never null.
func (w words) toGraph(member, value string, older bool) string {
	for _, s := range w.spellings[member] {
		switch {
		case value == "":
		case s.defender != value:
		case older && s.older != "":
			return s.older
		default:
			return s.graph
		}
	}
	return lowered(value)
}

// lowered is a value whose spelling differs in nothing else.
func lowered(value string) string {
	if value == "" {
		return ""
	}
	return strings.ToLower(value[:1]) + value[1:]
}

// toDefender spells a value of Graph's, old or new, as Defender does.
func (w words) toDefender(member, value string) string {
	for _, s := range w.spellings[member] {
		if value == s.graph || value == s.older && value != "" {
			return s.defender
		}
	}
	if value == "" {
		return ""
	}
	return strings.ToUpper(value[:1]) + value[1:]
}

// hideNewer writes unknownFutureValue for members of enumerations that were added since, as Graph does for who does not
// ask for them.
func (w words) hideNewer(name string, value any) any {
	switch is := value.(type) {
	case map[string]any:
		older := map[string]any{}
		for name, inner := range is {
			older[name] = w.hideNewer(name, inner)
		}
		return older
	case Evidence:
		return w.hideNewer(name, map[string]any(is))
	case []Evidence:
		return hideEach(w, name, is)
	case []any:
		return hideEach(w, name, is)
	case []string:
		return hideEach(w, name, is)
	case string:
		if known, ok := w.members[name]; ok && !slices.Contains(known, is) {
			return "unknownFutureValue"
		}
	}
	return value
}

func hideEach[T any](w words, name string, all []T) []any {
	older := make([]any, len(all))
	for i, one := range all {
		older[i] = w.hideNewer(name, one)
	}
	return older
}
