package defendersim

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"
	"time"

	"cordon/local/internal/states"
)

// Alert is an alert of the tenant (Alerts resource type page). Empty texts, zero ids and zero times are null on the
// wire.
type Alert struct {
	ID                 string
	IncidentID         int64
	InvestigationID    int64
	AssignedTo         string
	Severity           string // UnSpecified, Informational, Low, Medium, High
	Status             string // Unknown, New, InProgress, Resolved
	Classification     string
	Determination      string
	InvestigationState string
	DetectionSource    string
	DetectorID         string
	Category           string
	ThreatFamily       string
	ThreatName         string
	Title              string
	Description        string
	Created            time.Time
	FirstEvent         time.Time
	LastEvent          time.Time
	Updated            time.Time // lastUpdateTime
	Resolved           time.Time
	MachineID          string
	ComputerDNSName    string
	RBACGroupName      string
	TenantID           string
	MitreTechniques    []string
	RelatedUser        User
	Comments           []Comment
	Evidence           []Evidence

	// VisibleAt is when the API begins to show the alert by id; lists follow after Options.ListLag. AddAlert sets it.
	VisibleAt time.Time
}

// User is an account. The zero value is null on the wire.
type User struct{ Name, Domain string }

// Comment is what somebody wrote on an alert.
type Comment struct {
	Text      string
	CreatedBy string
	Created   time.Time
}

// Evidence is something that an alert rests on. Kind says which members have a meaning; the others are null on the
// wire.
type Evidence struct {
	Kind              string // User, Process, File, Ip, Url, Registry
	Created           time.Time
	SHA1              string
	SHA256            string
	FileName          string
	FilePath          string // the folder, without the file name
	ProcessID         int64
	CommandLine       string
	ProcessCreated    time.Time
	ParentProcessID   int64
	ParentCreated     time.Time
	ParentFileName    string
	ParentFilePath    string
	IPAddress         string
	URL               string
	RegistryKey       string
	RegistryHive      string
	RegistryValueType string
	RegistryValue     string
	AccountName       string
	DomainName        string
	UserSID           string
	AADUserID         string
	UPN               string
	DetectionStatus   string
}

// clone shares nothing with the original.
func (a *Alert) clone() *Alert {
	c := *a
	c.MitreTechniques, c.Comments, c.Evidence = slices.Clone(a.MitreTechniques), slices.Clone(a.Comments), slices.Clone(a.Evidence)
	return &c
}

// SetStatus gives the alert a status, and with it the time at which it was resolved.
func (a *Alert) SetStatus(status string, at time.Time) {
	a.Status, a.Resolved = status, time.Time{}
	if status == "Resolved" {
		a.Resolved = at
	}
}

// alertStates are what an alert was like over time.
type alertStates struct{ states.Of[*Alert] }

// add has the alert be so from now on, or from when it is first shown.
func (of alertStates) add(a *Alert, now time.Time) alertStates {
	if now.Before(a.VisibleAt) {
		now = a.VisibleAt
	}
	return alertStates{of.Add(now, a)}
}

// alertSet is GET /api/alerts. Which properties a filter may use is on the List alerts API page, a misspelt one
// included.
func (s *Sim) alertSet() set[*Alert] {
	assigned := textOf(func(a *Alert) string { return a.AssignedTo })
	investigation := numberOf(func(a *Alert) int64 { return a.InvestigationID }, true)
	c := set[*Alert]{
		name: "Alerts", path: "/api/alerts", expand: "evidence",
		compare: func(a, b *Alert) int { return cmp.Or(b.Created.Compare(a.Created), strings.Compare(a.ID, b.ID)) },
		write:   (*jsonWriter).alert,
		schema: schema[*Alert]{"Alert", map[string]property[*Alert]{
			"id":                textOf(func(a *Alert) string { return a.ID }),
			"alertCreationTime": timeOf(func(a *Alert) time.Time { return a.Created }),
			"lastUpdateTime":    timeOf(func(a *Alert) time.Time { return a.Updated }),
			"lastEventTime":     timeOf(func(a *Alert) time.Time { return a.LastEvent }),
			"incidentId":        numberOf(func(a *Alert) int64 { return a.IncidentID }, true),
			"investigationId":   investigation,
			"InvestigationId":   investigation,
			"assignedTo":        assigned,
			"asssignedTo":       assigned,
			"detectionSource":   textOf(func(a *Alert) string { return a.DetectionSource }),
			"status":            textOf(func(a *Alert) string { return a.Status }),
			"severity":          textOf(func(a *Alert) string { return a.Severity }),
			"category":          textOf(func(a *Alert) string { return a.Category }),
		}},
	}
	if s.o.ShuffleAlerts {
		c.compare = func(a, b *Alert) int { return cmp.Compare(s.shuffled(a.ID), s.shuffled(b.ID)) }
	}
	return c
}

// shuffled is a place that the seed determines.
func (s *Sim) shuffled(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(binary.BigEndian.AppendUint64([]byte(id), s.o.Seed))
	return h.Sum64()
}

func (s *Sim) listAlerts(q *request) answer {
	a, _ := list(s, q, s.alertSet(), s.listedAlerts(q.at))
	return a
}

func (s *Sim) listedAlerts(at time.Time) []*Alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	listed := make([]*Alert, 0, len(s.alerts))
	for _, states := range s.alerts {
		a := s.shown(states, at)
		if a != nil && !a.VisibleAt.Add(s.o.ListLag).After(at.Add(-s.lag)) {
			listed = append(listed, a)
		}
	}
	return listed
}

// shown is what this API shows of an alert at a time; nil: nothing.
func (s *Sim) shown(states alertStates, at time.Time) *Alert {
	if s.hidden[states.Last().ID] {
		return nil
	}
	a, _ := states.At(at.Add(-s.lag))
	return a
}

func (s *Sim) getAlert(q *request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.visibleAlert(q)
	if a == nil {
		return s.noAlert(q.id)
	}
	return alertAnswer(a)
}

// visibleAlert is nil if there is none that the caller can see.
func (s *Sim) visibleAlert(q *request) *Alert {
	i, ok := s.alertAt[q.id]
	if !ok {
		return nil
	}
	return s.shown(s.alerts[i], q.at)
}

func (s *Sim) noAlert(id string) answer {
	return s.fail(http.StatusNotFound, "ResourceNotFound", "Alert "+id+" was not found")
}

func alertAnswer(a *Alert) answer {
	return entity(http.StatusOK, "Alerts", func(w *jsonWriter) { w.alert(a, true) })
}

// patchValues are what an update may set, by member (Update alert API page; both spellings of determinations).
func patchValues() map[string][]string {
	return map[string][]string{
		"status":         {"New", "InProgress", "Resolved"},
		"classification": {"TruePositive", "InformationalExpectedActivity", "FalsePositive"},
		"determination": {
			"MultiStagedAttack", "MaliciousUserActivity", "CompromisedUser", "Malware", "Phishing", "UnwantedSoftware",
			"Other",
			"SecurityTesting", "LineOfBusinessApplication", "ConfirmedUserActivity", "ConfirmedActivity",
			"Clean", "NotMalicious", "InsufficientData",
		},
		"assignedto": nil, // anybody
		"comment":    nil, // anything
	}
}

// patch reads the members of an update by their name in lower case: samples and table spell them differently.
func (s *Sim) patch(q *request) (map[string]string, *answer) {
	members, err := q.object()
	if err != nil {
		a := s.fail(http.StatusBadRequest, "InvalidRequestBody", "Request body is incorrect.")
		return nil, &a
	}
	known, given := patchValues(), map[string]string{}
	for name, raw := range members {
		name = strings.ToLower(name)
		allowed, ok := known[name]
		if !ok {
			continue
		}
		var text string
		if json.Unmarshal(raw, &text) != nil || allowed != nil && !slices.Contains(allowed, text) {
			a := s.fail(http.StatusBadRequest, "InvalidInput", "The value of "+name+" is invalid.")
			return nil, &a
		}
		given[name] = text
	}
	if len(given) == 0 {
		a := s.fail(http.StatusBadRequest, "InvalidRequestBody", "Request body is incorrect.")
		return nil, &a
	}
	return given, nil
}

func (s *Sim) patchAlert(q *request) answer {
	given, bad := s.patch(q)
	if bad != nil {
		return *bad
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.visibleAlert(q) == nil {
		return s.noAlert(q.id)
	}
	changed := s.change(q.id, q.at, func(a *Alert) {
		for name, text := range given {
			switch name {
			case "status":
				a.SetStatus(text, q.at)
			case "classification":
				a.Classification = text
			case "determination":
				a.Determination = text
			case "assignedto":
				a.AssignedTo = text
			case "comment":
				a.Comments = append(a.Comments, Comment{Text: text, CreatedBy: q.claims.AppID, Created: q.at})
			}
		}
	})
	return alertAnswer(changed)
}

// change replaces an alert that exists. Its lastUpdateTime moves on unless the change set it.
func (s *Sim) change(id string, now time.Time, change func(*Alert)) *Alert {
	i := s.alertAt[id]
	before := s.alerts[i].Last()
	after := before.clone()
	change(after)
	after = after.clone()
	after.ID, after.VisibleAt = before.ID, before.VisibleAt
	if after.Updated.Equal(before.Updated) {
		after.Updated = now
		if !now.After(before.Updated) {
			after.Updated = before.Updated.Add(tick)
		}
	}
	after.Updated = after.Updated.UTC().Truncate(tick)
	s.alerts[i] = s.alerts[i].add(after, now)
	return after
}
