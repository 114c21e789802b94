package alert

import (
	"cmp"
	"slices"
	"strings"
)

// SharedHash digests what both sources tell of an alert in the same words and what can change in its life: severity,
// status, classification, determination, machine, incident, and the evidence of the kinds that both have, with the
// members that both give it, in any order. Case does not count where Windows takes no notice of it. So an alert that
// was read at one source is no news at the other; what only one of them tells, such as the related user, is left out.
// The answer is lower-case hexadecimal.
func SharedHash(a Alert) string {
	classification := strings.ToLower(a.Classification)
	if classification == "unknown" {
		classification = ""
	}
	shared := sharedFacts{
		IncidentID:     a.IncidentID,
		Severity:       strings.ToLower(cmp.Or(string(a.Severity), string(UnSpecified))),
		Status:         strings.ToLower(cmp.Or(string(a.Status), string(StatusUnknown))),
		Classification: classification,
		Determination:  strings.ToLower(Determination(a.Determination)),
		MachineID:      strings.ToLower(a.MachineID),
	}
	for _, e := range a.Evidence {
		if members := sharedEvidence(e); members != nil {
			shared.Evidence = append(shared.Evidence, members)
		}
	}
	slices.SortFunc(shared.Evidence, func(x, y []any) int {
		return strings.Compare(string(mustMarshal(x)), string(mustMarshal(y)))
	})
	return digest(shared)
}

type sharedFacts struct {
	IncidentID                                                 int64
	Severity, Status, Classification, Determination, MachineID string
	Evidence                                                   [][]any
}

// sharedEvidence is the members of a piece of evidence that both sources give, its kind first; nil if not both have its
// kind.
func sharedEvidence(e Evidence) []any {
	fold := strings.ToLower
	file := []any{fold(e.SHA1), fold(e.SHA256), fold(e.FileName), fold(e.FilePath), fold(e.DetectionStatus)}
	switch kind := fold(e.Kind); kind {
	case "file":
		return append([]any{kind}, file...)
	case "process":
		parent := []any{e.ParentProcessID, fold(e.ParentFileName), fold(e.ParentFilePath)}
		return append(append([]any{kind, e.ProcessID, e.CommandLine}, file...), parent...)
	case "user":
		return []any{
			kind, fold(e.AccountName), fold(e.DomainName), fold(e.UserSID), fold(e.AADUserID), fold(e.UPN),
		}
	case "ip":
		return []any{kind, fold(e.IPAddress)}
	case "url":
		return []any{kind, e.URL}
	case "registry":
		return []any{kind, fold(e.RegistryHive), fold(e.RegistryKey), fold(e.RegistryValueType), e.RegistryValue}
	}
	return nil
}
