package alertsim

import (
	"net/http"
	"time"

	"cordon/local/internal/graphapi"
)

const (
	// tick is the resolution of the service's clock.
	tick = 100 * time.Nanosecond
	// contextBase begins every @odata.context.
	contextBase = "https://graph.microsoft.com/v1.0/$metadata#security/alerts_v2"
)

// now is the time as the service could tell it.
func (s *Sim) now() time.Time { return s.o.Now().UTC().Truncate(tick) }

// wireTime is a time as the service can tell it.
func wireTime(t, or time.Time) time.Time {
	if t.IsZero() {
		t = or
	}
	return t.UTC().Truncate(tick)
}

// text is null if it is empty.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// count is null if it is 0.
func count(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

// moment has as many of seven fractional digits as are not trailing zeros, and is null if it is zero.
func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.9999999Z")
}

// write are the members of a whole alert, the newer members of enumerations only if they are asked for.
func (s *Sim) write(a Alert, newer bool) map[string]any {
	members := map[string]any{
		"@odata.type":           "#microsoft.graph.security.alert",
		"id":                    a.ID,
		"providerAlertId":       text(a.ProviderID),
		"incidentId":            text(a.IncidentID),
		"status":                a.Status,
		"severity":              a.Severity,
		"classification":        text(a.Classification),
		"determination":         text(a.Determination),
		"serviceSource":         a.ServiceSource,
		"detectionSource":       text(a.DetectionSource),
		"productName":           text(a.Product),
		"detectorId":            text(a.DetectorID),
		"tenantId":              text(a.TenantID),
		"title":                 text(a.Title),
		"description":           text(a.Description),
		"recommendedActions":    text(a.RecommendedActions),
		"category":              text(a.Category),
		"assignedTo":            text(a.AssignedTo),
		"alertWebUrl":           portal("alerts", a.ID, a.TenantID),
		"incidentWebUrl":        portal("incidents", a.IncidentID, a.TenantID),
		"actorDisplayName":      nil,
		"threatDisplayName":     text(a.ThreatName),
		"threatFamilyName":      text(a.ThreatFamily),
		"mitreTechniques":       append([]string{}, a.MitreTechniques...),
		"createdDateTime":       moment(a.Created),
		"lastUpdateDateTime":    moment(a.Updated),
		"resolvedDateTime":      moment(a.Resolved),
		"firstActivityDateTime": moment(a.FirstActivity),
		"lastActivityDateTime":  moment(a.LastActivity),
		"systemTags":            []string{},
		"alertPolicyId":         nil,
		"investigationState":    text(a.InvestigationState), // on the page, not in the types
		"customDetails":         map[string]any{},
		"additionalData":        map[string]any{},
		"comments":              comments(a.Comments),
		"evidence":              append([]Evidence{}, a.Evidence...),
	}
	if newer {
		return members
	}
	older, _ := s.words.hideNewer("", members).(map[string]any)
	return older
}

func portal(kind, id, tenant string) any {
	if id == "" {
		return nil
	}
	return "https://security.microsoft.com/" + kind + "/" + id + "?tid=" + tenant
}

// comments are without @odata.type in the answer of the vendor's page, and with it in alerts; it is always there here.
func comments(all []Comment) []any {
	written := []any{}
	for _, c := range all {
		written = append(written, map[string]any{
			"@odata.type":          "#microsoft.graph.security.alertComment",
			"comment":              c.Text,
			"createdByDisplayName": text(c.CreatedBy),
			"createdDateTime":      moment(c.Created),
		})
	}
	return written
}

// productOf is productName of a serviceSource.
func productOf(serviceSource string) string {
	return map[string]string{
		Endpoint:  "Microsoft Defender for Endpoint",
		Identity:  "Microsoft Defender for Identity",
		CloudApps: "Microsoft Defender for Cloud Apps",
		Mail:      "Microsoft Defender for Office 365",
	}[serviceSource]
}

func badRequest(message string) graphapi.Refusal {
	return graphapi.No(http.StatusBadRequest, "BadRequest", message)
}
