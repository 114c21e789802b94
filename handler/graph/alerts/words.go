package alerts

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"cordon/handler/lenient"
)

// words are what Graph and Defender call the same where they differ in more than the case of the first letter, which is
// small in Graph's words and large in Defender's. What is in no table is kept, with the other first letter. Where
// Defender has one word for several of Graph's, the first of them is written.
type words []struct{ graph, defender string }

// The table. The members are those of the vendor's types for v1.0; the words that both spell alike are not in it.
var (
	severities      = words{{"unknown", "UnSpecified"}}
	statuses        = words{}
	classifications = words{{"unknown", ""}}
	determinations  = words{
		{"unknown", ""},
		{"compromisedAccount", "CompromisedUser"},
		{"notMalicious", "Clean"},
		{"notEnoughDataToValidate", "InsufficientData"},
		{"confirmedActivity", "ConfirmedUserActivity"},
		{"confirmedUserActivity", "ConfirmedUserActivity"}, // as the page has it
	}
	detectionSources = words{
		{"microsoftDefenderForEndpoint", "WindowsDefenderAtp"},
		{"antivirus", "WindowsDefenderAv"},
		{"smartScreen", "WindowsDefenderSmartScreen"},
		{"customTi", "CustomerTI"},
		{"microsoft365Defender", "MTP"},
		{"microsoftDefenderForOffice365", "OfficeATP"},
		{"microsoftDefenderForIdentity", "AzureATP"},
		{"microsoftThreatExperts", "ThreatExperts"},
	}
	// A device is no evidence at Defender.
	kinds = words{
		{"registryKey", "Registry"},
		{"registryValue", "Registry"},
	}
)

// defenders is Defender's word for one of Graph's.
func defenders(table words, said lenient.Text) string {
	for _, w := range table {
		if strings.EqualFold(w.graph, string(said)) {
			return w.defender
		}
	}
	return first(unicode.ToUpper, string(said))
}

// graphs is Graph's word for one of Defender's.
func graphs(table words, said string) string {
	for _, w := range table {
		if strings.EqualFold(w.defender, said) && said != "" {
			return w.graph
		}
	}
	return first(unicode.ToLower, said)
}

func first(change func(rune) rune, word string) string {
	letter, size := utf8.DecodeRuneInString(word)
	if size == 0 {
		return ""
	}
	return string(change(letter)) + word[size:]
}
