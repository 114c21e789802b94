package facts

import "slices"

// verdictsOf lists classifications of alerts with their determinations, as the API is sent them (Alert resource type
// page).
func verdictsOf() []verdict {
	return []verdict{
		{"TruePositive", []string{"MultiStagedAttack", "MaliciousUserActivity", "CompromisedUser", "Malware",
			"Phishing", "UnwantedSoftware", "Other"}},
		{"InformationalExpectedActivity", []string{"SecurityTesting", "LineOfBusinessApplication",
			"ConfirmedUserActivity", "Other"}},
		{"FalsePositive", []string{"Clean", "InsufficientData", "Other"}},
	}
}

type verdict struct {
	classification string
	determinations []string
}

// OtherSpellings are those of the Update alert API page, which differ from what the alert itself has.
func OtherSpellings() map[string]string {
	return map[string]string{"ConfirmedActivity": "ConfirmedUserActivity", "NotMalicious": "Clean"}
}

// Classifications are what an alert can turn out to be.
func Classifications() []string {
	var list []string
	for _, v := range verdictsOf() {
		list = append(list, v.classification)
	}
	return list
}

// Determinations are those of a classification, in every spelling; of all classifications if it is empty.
func Determinations(classification string) []string {
	var list []string
	for _, v := range verdictsOf() {
		if classification == "" || classification == v.classification {
			list = append(list, v.determinations...)
		}
	}
	for _, other := range []string{"ConfirmedActivity", "NotMalicious"} {
		if slices.Contains(list, OtherSpellings()[other]) {
			list = append(list, other)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
