package alert

import "strings"

// findingPrefix begins the ids of findings. No alert of the API has such an id.
const findingPrefix = "hunt:"

// FindingID is the id by which a row of a hunt is answered as an alert: the same row has the same.
func FindingID(hunt, digest string) string {
	return findingPrefix + hunt + ":" + digest
}

// IsFinding reports whether an id is that of a finding instead of an alert of the API.
func IsFinding(id string) bool { return strings.HasPrefix(id, findingPrefix) }
