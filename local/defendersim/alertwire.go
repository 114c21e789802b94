package defendersim

// alert writes the members of an alert, and two that are not documented, as the service adds such over time.
func (w *jsonWriter) alert(a *Alert, expanded bool) {
	w.always("id", a.ID)
	w.count("incidentId", a.IncidentID)
	w.count("investigationId", a.InvestigationID)
	w.text("assignedTo", a.AssignedTo)
	w.text("severity", a.Severity)
	w.text("status", a.Status)
	w.text("classification", a.Classification)
	w.text("determination", a.Determination)
	w.text("investigationState", a.InvestigationState)
	w.text("detectionSource", a.DetectionSource)
	w.text("detectorId", a.DetectorID)
	w.text("category", a.Category)
	w.text("threatFamilyName", a.ThreatFamily)
	w.text("title", a.Title)
	w.text("description", a.Description)
	w.time("alertCreationTime", a.Created)
	w.time("firstEventTime", a.FirstEvent)
	w.time("lastEventTime", a.LastEvent)
	w.time("lastUpdateTime", a.Updated)
	w.time("resolvedTime", a.Resolved)
	w.text("machineId", a.MachineID)
	w.text("computerDnsName", a.ComputerDNSName)
	w.text("rbacGroupName", a.RBACGroupName)
	w.text("aadTenantId", a.TenantID)
	w.text("threatName", a.ThreatName)
	w.texts("mitreTechniques", a.MitreTechniques)
	w.user(a.RelatedUser)
	w.comments(a.Comments)
	w.key("evidence")
	w.open('[')
	if expanded {
		for _, e := range a.Evidence {
			w.evidence(e)
		}
	}
	w.close(']')
	w.loggedOnUsers(a.RelatedUser)
	w.raw("futureField", `{"x":1}`)
}

func (w *jsonWriter) user(u User) {
	if u == (User{}) {
		w.null("relatedUser")
		return
	}
	w.key("relatedUser")
	w.open('{')
	w.text("userName", u.Name)
	w.text("domainName", u.Domain)
	w.close('}')
}

func (w *jsonWriter) loggedOnUsers(u User) {
	w.key("loggedOnUsers")
	w.open('[')
	if u != (User{}) {
		w.open('{')
		w.text("accountName", u.Name)
		w.text("domainName", u.Domain)
		w.close('}')
	}
	w.close(']')
}

func (w *jsonWriter) comments(comments []Comment) {
	w.key("comments")
	w.open('[')
	for _, c := range comments {
		w.open('{')
		w.always("comment", c.Text)
		w.text("createdBy", c.CreatedBy)
		w.time("createdTime", c.Created)
		w.close('}')
	}
	w.close(']')
}

func (w *jsonWriter) evidence(e Evidence) {
	w.open('{')
	w.text("entityType", e.Kind)
	w.time("evidenceCreationTime", e.Created)
	w.text("sha1", e.SHA1)
	w.text("sha256", e.SHA256)
	w.text("fileName", e.FileName)
	w.text("filePath", e.FilePath)
	w.count("processId", e.ProcessID)
	w.text("processCommandLine", e.CommandLine)
	w.time("processCreationTime", e.ProcessCreated)
	w.count("parentProcessId", e.ParentProcessID)
	w.time("parentProcessCreationTime", e.ParentCreated)
	w.text("parentProcessFileName", e.ParentFileName)
	w.text("parentProcessFilePath", e.ParentFilePath)
	w.text("ipAddress", e.IPAddress)
	w.text("url", e.URL)
	w.text("registryKey", e.RegistryKey)
	w.text("registryHive", e.RegistryHive)
	w.text("registryValueType", e.RegistryValueType)
	w.text("registryValue", e.RegistryValue)
	w.text("accountName", e.AccountName)
	w.text("domainName", e.DomainName)
	w.text("userSid", e.UserSID)
	w.text("aadUserId", e.AADUserID)
	w.text("userPrincipalName", e.UPN)
	w.text("detectionStatus", e.DetectionStatus)
	w.close('}')
}
