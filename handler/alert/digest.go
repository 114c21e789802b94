package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// DecisionHash digests everything about a that a rule can read and that can change the decision: severity, status,
// classification, determination, category, machine, titles, techniques, user, incident and the evidence in any order.
// Times, comments, the assignee and the state of an automatic investigation are left out: they move all the time and
// call for no new decision. Two alerts with equal hashes are decided alike; the answer is lower-case hexadecimal.
func DecisionHash(a Alert) string {
	facts := a
	for _, at := range []*time.Time{
		&facts.Created, &facts.FirstEvent, &facts.LastEvent, &facts.Updated, &facts.Resolved,
	} {
		*at = time.Time{}
	}
	facts.AssignedTo, facts.InvestigationState = "", ""
	// Where an alert was read, and whose it is, never changes a decision that was made.
	facts.Source, facts.GraphID, facts.ServiceSource = "", "", ""
	facts.MitreTechniques = slices.Sorted(slices.Values(a.MitreTechniques))
	facts.Evidence = slices.Clone(a.Evidence)
	// The API promises no order of evidence; an order that moves must not look like a change.
	slices.SortFunc(facts.Evidence, func(x, y Evidence) int {
		return strings.Compare(evidenceKey(x), evidenceKey(y))
	})
	return digest(facts)
}

// Snapshot is a as it travels in a queue message, and the SHA-256 of exactly those bytes in lower-case hexadecimal. The
// ledger keeps the hash: a snapshot is trusted only when its hash stands there.
func Snapshot(v any) (body json.RawMessage, sha string) {
	body = mustMarshal(v)
	return body, SHA256(body)
}

// SHA256 is the lower-case hexadecimal SHA-256 of b.
func SHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func digest(v any) string { return SHA256(mustMarshal(v)) }

func evidenceKey(e Evidence) string { return string(mustMarshal(e)) }

// mustMarshal encodes the plain structs of this package and of machine, which hold nothing that JSON can refuse but
// times outside the years 0 to 9999; the defender package never lets such a time in.
func mustMarshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("alert: a domain type does not encode: " + err.Error())
	}
	return b
}
