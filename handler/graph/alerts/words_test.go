package alerts_test

import (
	"fmt"
	"testing"
)

// TestGraphsWordsAreReadAsDefenders goes through members of the vendor's types, those that differ and some that do not.
func TestGraphsWordsAreReadAsDefenders(t *testing.T) {
	t.Parallel()
	for field, members := range map[string]map[string]string{
		"severity": {
			"unknown":       "UnSpecified",
			"informational": "Informational",
			"low":           "Low",
			"medium":        "Medium",
			"high":          "High",
		},
		"status": {"unknown": "Unknown", "new": "New", "inProgress": "InProgress", "resolved": "Resolved"},
		"classification": {
			"unknown":                       "",
			"falsePositive":                 "FalsePositive",
			"truePositive":                  "TruePositive",
			"informationalExpectedActivity": "InformationalExpectedActivity",
		},
		"determination": {
			"unknown":                 "",
			"apt":                     "Apt",
			"securityPersonnel":       "SecurityPersonnel",
			"compromisedAccount":      "CompromisedUser",
			"compromisedUser":         "CompromisedUser",
			"notMalicious":            "Clean",
			"clean":                   "Clean",
			"notEnoughDataToValidate": "InsufficientData",
			"insufficientData":        "InsufficientData",
			"confirmedActivity":       "ConfirmedUserActivity",
			"confirmedUserActivity":   "ConfirmedUserActivity",
		},
		"detectionSource": {
			"unknown":                       "Unknown",
			"microsoftDefenderForEndpoint":  "WindowsDefenderAtp",
			"antivirus":                     "WindowsDefenderAv",
			"smartScreen":                   "WindowsDefenderSmartScreen",
			"customTi":                      "CustomerTI",
			"customDetection":               "CustomDetection",
			"automatedInvestigation":        "AutomatedInvestigation",
			"microsoft365Defender":          "MTP",
			"microsoftDefenderForOffice365": "OfficeATP",
			"microsoftDefenderForIdentity":  "AzureATP",
			"microsoftThreatExperts":        "ThreatExperts",
			"cloudAppSecurity":              "CloudAppSecurity",
		},
	} {
		for graphs, want := range members {
			a := single(t, fmt.Sprintf(`{"id":"x",%q:%q}`, field, graphs))
			got := map[string]string{
				"severity":        string(a.Severity),
				"status":          string(a.Status),
				"classification":  a.Classification,
				"determination":   a.Determination,
				"detectionSource": a.DetectionSource,
			}[field]
			if got != want {
				t.Errorf("%s %s is read as %q, want %q", field, graphs, got, want)
			}
		}
	}
}
