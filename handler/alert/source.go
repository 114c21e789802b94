package alert

import "strings"

// Source is an API that alerts are read from. The zero value is the API of Defender for Endpoint.
type Source string

// The sources.
const (
	Defender Source = ""      // GET /api/alerts of Defender for Endpoint
	Graph    Source = "graph" // GET /v1.0/security/alerts_v2 of Microsoft Graph
)

// String names the source in settings, marks and logs.
func (s Source) String() string {
	if s == Defender {
		return "defender"
	}
	return string(s)
}

// ForEndpoint is the serviceSource of Defender for Endpoint's own alerts, as Graph spells it.
const ForEndpoint = "microsoftDefenderForEndpoint"

// OfEndpoint reports whether an alert is one of Defender for Endpoint. What names no service is, because no other
// service's alerts were read when it was written: a snapshot of an earlier version, or a finding.
func (a Alert) OfEndpoint() bool {
	return a.ServiceSource == "" || a.ServiceSource == ForEndpoint
}

// OnMachine is the id under which the answer to an alert on one more of its machines is kept: an alert that names
// several machines is answered once for each, the first under the alert's own id.
func OnMachine(id, machineID string) string { return id + ":" + machineID }

// machineIDLength is that of the ids of machines: 40 hexadecimal digits.
const machineIDLength = 40

// APIID is the id by which the API knows the alert that is answered under id: without the machine that OnMachine adds.
func APIID(id string) string {
	cut := len(id) - machineIDLength - 1
	if cut < 1 ||
		id[cut] != ':' ||
		IsFinding(id) ||
		strings.Trim(id[cut+1:], "0123456789abcdef") != "" {
		return id
	}
	return id[:cut]
}
