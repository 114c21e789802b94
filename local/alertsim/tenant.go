package alertsim

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"cordon/local/defendersim"
)

// ofTenant is an alert of the tenant as Graph shows it.
func (s *Sim) ofTenant(of defendersim.Alert) Alert {
	spell := func(member, value string) string { return s.words.toGraph(member, value, s.o.OlderDeterminations) }
	a := Alert{
		ID:                 of.ID,
		ProviderID:         of.ID,
		Status:             spell("status", of.Status),
		Severity:           spell("severity", of.Severity),
		Classification:     spell("classification", of.Classification),
		Determination:      spell("determination", of.Determination),
		ServiceSource:      Endpoint,
		DetectionSource:    spell("detectionSource", of.DetectionSource),
		Product:            productOf(Endpoint),
		DetectorID:         of.DetectorID,
		TenantID:           of.TenantID,
		Title:              of.Title,
		Description:        of.Description,
		Category:           of.Category,
		AssignedTo:         of.AssignedTo,
		ThreatName:         of.ThreatName,
		ThreatFamily:       of.ThreatFamily,
		InvestigationState: spell("investigationState", of.InvestigationState),
		MitreTechniques:    of.MitreTechniques,
		Created:            of.Created,
		Updated:            of.Updated,
		Resolved:           of.Resolved,
		FirstActivity:      of.FirstEvent,
		LastActivity:       of.LastEvent,
		Comments:           of.Comments,
		VisibleAt:          of.VisibleAt,

		ofTenant: of.ID,
		tenant:   &of,
	}
	if of.IncidentID != 0 {
		a.IncidentID = strconv.FormatInt(of.IncidentID, 10)
	}
	if s.o.GraphID != nil {
		a.ID = s.o.GraphID(of.ID)
	}
	if s.o.NoProviderID {
		a.ProviderID = ""
	}
	if s.o.Amend != nil {
		a = s.whole(a)
		s.o.Amend(&a)
	}
	return a
}

// whole is the alert with its evidence, which is made only where it is wanted: lists drop most alerts.
func (s *Sim) whole(a Alert) Alert {
	if a.tenant != nil {
		a.Evidence, a.tenant = s.evidence(*a.tenant), nil
	}
	return a
}

// evidence is that of an alert of the tenant: the machine, then everything else.
func (s *Sim) evidence(of defendersim.Alert) []Evidence {
	all := []Evidence{}
	if of.MachineID != "" {
		m, known := s.o.Tenant.Machine(of.MachineID)
		if !known {
			m = defendersim.Machine{ID: of.MachineID, Name: of.ComputerDNSName, Group: of.RBACGroupName}
		}
		all = append(all, Device(m, of.Created, true, of.RelatedUser))
	}
	for _, e := range of.Evidence {
		all = append(all, evidenceOf(e, of.MachineID, of.Created))
	}
	return all
}

// Evidence is one thing that an alert rests on, by its members on the wire.
type Evidence map[string]any

// NewEvidence is evidence of a kind, such as device for deviceEvidence, with the members that all kinds have, and those
// that are given on top. Which verdict goes with what is an assumption.
func NewEvidence(kind string, created time.Time, more map[string]any) Evidence {
	e := Evidence{
		"@odata.type":              "#microsoft.graph.security." + kind + "Evidence",
		"createdDateTime":          moment(created),
		"verdict":                  "suspicious",
		"remediationStatus":        "none",
		"remediationStatusDetails": nil,
		"roles":                    []string{},
		"detailedRoles":            []string{},
		"tags":                     []string{},
	}
	for name, value := range more {
		e[name] = value
	}
	return e
}

// Device is a machine as evidence. It is shown as it is now: whether Graph keeps what it was at the time of the alert
// is not documented. Of several devices of an alert one is the primary one.
func Device(m defendersim.Machine, created time.Time, primary bool, loggedOn ...defendersim.User) Evidence {
	host, domain, _ := strings.Cut(m.Name, ".")
	users := []any{}
	for _, u := range loggedOn {
		if u != (defendersim.User{}) {
			users = append(users, map[string]any{"accountName": text(u.Name), "domainName": text(u.Domain)})
		}
	}
	detailed := []string{}
	if primary {
		detailed = append(detailed, "PrimaryDevice")
	}
	return NewEvidence("device", created, map[string]any{
		"remediationStatus":     "active",
		"roles":                 []string{"compromised"},
		"detailedRoles":         detailed,
		"tags":                  append([]string{}, m.Tags...),
		"firstSeenDateTime":     moment(m.FirstSeen),
		"mdeDeviceId":           text(m.ID),
		"azureAdDeviceId":       text(m.AADDeviceID),
		"deviceDnsName":         text(m.Name),
		"hostName":              text(host),
		"ntDomain":              nil,
		"dnsDomain":             text(domain),
		"osPlatform":            text(m.OS),
		"osBuild":               count(m.OSBuild),
		"version":               text(m.Version),
		"healthStatus":          text(lowered(m.Health)),
		"riskScore":             text(lowered(m.Risk)),
		"rbacGroupId":           m.GroupID,
		"rbacGroupName":         text(m.Group),
		"onboardingStatus":      text(lowered(m.Onboarding)),
		"defenderAvStatus":      "updated",
		"lastIpAddress":         text(m.LastIP),
		"lastExternalIpAddress": text(m.LastExternalIP),
		"ipInterfaces":          interfaces(m),
		"vmMetadata":            nil,
		"loggedOnUsers":         users,
		"resourceAccessEvents":  []any{}, // on the page, not in the types
	})
}

func interfaces(m defendersim.Machine) []string {
	if m.LastIP == "" {
		return []string{"127.0.0.1"}
	}
	return []string{m.LastIP, "127.0.0.1"}
}

// evidenceOf is evidence of the tenant's in Graph's shape.
func evidenceOf(e defendersim.Evidence, machineID string, alerted time.Time) Evidence {
	kind, more := "", map[string]any{}
	switch e.Kind {
	case "File":
		kind, more = "file", map[string]any{
			"fileDetails": file(e.FileName, e.FilePath, e.SHA1, e.SHA256), "mdeDeviceId": text(machineID),
		}
	case "Process":
		kind, more = "process", process(e, machineID)
	case "User":
		kind, more = "user", map[string]any{"userAccount": account(e)}
	case "Ip":
		kind, more = "ip", map[string]any{"ipAddress": text(e.IPAddress), "countryLetterCode": nil}
	case "Url":
		kind, more = "url", map[string]any{"url": text(e.URL)}
	case "Registry":
		kind, more = registry(e, machineID)
	default:
		kind = lowered(e.Kind)
	}
	found := NewEvidence(kind, wireTime(e.Created, alerted), more)
	if status := lowered(e.DetectionStatus); status != "" {
		if kind == "file" || kind == "process" {
			found["detectionStatus"] = status
		}
		if status == "prevented" || status == "blocked" {
			found["verdict"], found["remediationStatus"] = "malicious", status
		}
	}
	return found
}

func process(e defendersim.Evidence, machineID string) map[string]any {
	return map[string]any{
		"processId":                     count(e.ProcessID),
		"processCommandLine":            text(e.CommandLine),
		"processCreationDateTime":       moment(e.ProcessCreated),
		"imageFile":                     file(e.FileName, e.FilePath, e.SHA1, e.SHA256),
		"parentProcessId":               count(e.ParentProcessID),
		"parentProcessCreationDateTime": moment(e.ParentCreated),
		"parentProcessImageFile":        file(e.ParentFileName, e.ParentFilePath, "", ""),
		"userAccount":                   account(e),
		"mdeDeviceId":                   text(machineID),
	}
}

// registry is a value of the registry, or a key if no value is said. Defender's registryValue is taken for the value;
// Defender has no name of one.
func registry(e defendersim.Evidence, machineID string) (kind string, more map[string]any) {
	more = map[string]any{"registryKey": text(e.RegistryKey), "registryHive": text(e.RegistryHive)}
	if e.RegistryValue == "" && e.RegistryValueType == "" {
		return "registryKey", more
	}
	more["registryValue"], more["registryValueType"] = text(e.RegistryValue), text(e.RegistryValueType)
	more["registryValueName"], more["mdeDeviceId"] = nil, text(machineID)
	return "registryValue", more
}

func file(name, folder, sha1, sha256 string) any {
	if cmp.Or(name, folder, sha1, sha256) == "" {
		return nil
	}
	return map[string]any{
		"fileName":      text(name),
		"filePath":      text(folder),
		"sha1":          text(sha1),
		"sha256":        text(sha256),
		"md5":           nil,
		"sha256Ac":      nil,
		"fileSize":      nil,
		"filePublisher": nil,
		"signer":        nil,
		"issuer":        nil,
	}
}

func account(e defendersim.Evidence) any {
	if cmp.Or(e.AccountName, e.DomainName, e.UserSID, e.AADUserID, e.UPN) == "" {
		return nil
	}
	return map[string]any{
		"accountName":               text(e.AccountName),
		"domainName":                text(e.DomainName),
		"userSid":                   text(e.UserSID),
		"azureAdUserId":             text(e.AADUserID),
		"userPrincipalName":         text(e.UPN),
		"displayName":               text(e.AccountName),
		"activeDirectoryObjectGuid": nil,
	}
}
