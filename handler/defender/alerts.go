package defender

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"cordon/handler/alert"
	"cordon/handler/lenient"
	"cordon/handler/machine"
)

// wireAlert is the alert resource as far as Cordon reads it (Alerts resource type page). Comments are not read.
type wireAlert struct {
	ID                 lenient.Text                `json:"id"`
	IncidentID         lenient.Integer             `json:"incidentId"`
	AssignedTo         lenient.Text                `json:"assignedTo"`
	Severity           lenient.Text                `json:"severity"`
	Status             lenient.Text                `json:"status"`
	Classification     lenient.Text                `json:"classification"`
	Determination      lenient.Text                `json:"determination"`
	InvestigationState lenient.Text                `json:"investigationState"`
	DetectionSource    lenient.Text                `json:"detectionSource"`
	DetectorID         lenient.Text                `json:"detectorId"`
	Category           lenient.Text                `json:"category"`
	ThreatFamily       lenient.Text                `json:"threatFamilyName"`
	ThreatName         lenient.Text                `json:"threatName"`
	Title              lenient.Text                `json:"title"`
	Description        lenient.Passage             `json:"description"`
	Created            lenient.Instant             `json:"alertCreationTime"`
	FirstEvent         lenient.Instant             `json:"firstEventTime"`
	LastEvent          lenient.Instant             `json:"lastEventTime"`
	Updated            lenient.Instant             `json:"lastUpdateTime"`
	Resolved           lenient.Instant             `json:"resolvedTime"`
	MachineID          lenient.Text                `json:"machineId"`
	ComputerDNSName    lenient.Text                `json:"computerDnsName"`
	RBACGroupName      lenient.Text                `json:"rbacGroupName"`
	MitreTechniques    lenient.Texts               `json:"mitreTechniques"`
	RelatedUser        lenient.Object[wireUser]    `json:"relatedUser"`
	Evidence           lenient.Items[wireEvidence] `json:"evidence"`
}

type wireUser struct {
	UserName   lenient.Text `json:"userName"`
	DomainName lenient.Text `json:"domainName"`
}

type wireEvidence struct {
	EntityType        lenient.Text    `json:"entityType"`
	SHA1              lenient.Text    `json:"sha1"`
	SHA256            lenient.Text    `json:"sha256"`
	FileName          lenient.Text    `json:"fileName"`
	FilePath          lenient.Passage `json:"filePath"`
	ProcessID         lenient.Integer `json:"processId"`
	CommandLine       lenient.Passage `json:"processCommandLine"`
	ParentProcessID   lenient.Integer `json:"parentProcessId"`
	ParentFileName    lenient.Text    `json:"parentProcessFileName"`
	ParentFilePath    lenient.Passage `json:"parentProcessFilePath"`
	IPAddress         lenient.Text    `json:"ipAddress"`
	URL               lenient.Passage `json:"url"`
	RegistryKey       lenient.Passage `json:"registryKey"`
	RegistryHive      lenient.Text    `json:"registryHive"`
	RegistryValueType lenient.Text    `json:"registryValueType"`
	RegistryValue     lenient.Passage `json:"registryValue"`
	AccountName       lenient.Text    `json:"accountName"`
	DomainName        lenient.Text    `json:"domainName"`
	UserSID           lenient.Text    `json:"userSid"`
	AADUserID         lenient.Text    `json:"aadUserId"`
	UPN               lenient.Text    `json:"userPrincipalName"`
	DetectionStatus   lenient.Text    `json:"detectionStatus"`
}

func (w wireAlert) id() string { return string(w.ID) }

func (w wireAlert) alert() alert.Alert {
	a := alert.Alert{
		ID:                 string(w.ID),
		IncidentID:         int64(w.IncidentID),
		Title:              string(w.Title),
		Description:        string(w.Description),
		Category:           string(w.Category),
		Severity:           alert.Severity(w.Severity),
		Status:             alert.Status(w.Status),
		Classification:     string(w.Classification),
		Determination:      string(w.Determination),
		DetectionSource:    string(w.DetectionSource),
		DetectorID:         string(w.DetectorID),
		ThreatFamily:       string(w.ThreatFamily),
		ThreatName:         string(w.ThreatName),
		MachineID:          machine.ID(string(w.MachineID)),
		ComputerDNSName:    string(w.ComputerDNSName),
		RBACGroupName:      string(w.RBACGroupName),
		MitreTechniques:    w.MitreTechniques,
		AssignedTo:         string(w.AssignedTo),
		InvestigationState: string(w.InvestigationState),
		RelatedUser: alert.User{
			Name:   string(w.RelatedUser.Value.UserName),
			Domain: string(w.RelatedUser.Value.DomainName),
		},
		Created:    time.Time(w.Created),
		FirstEvent: time.Time(w.FirstEvent),
		LastEvent:  time.Time(w.LastEvent),
		Updated:    time.Time(w.Updated),
		Resolved:   time.Time(w.Resolved),

		ServiceSource: alert.ForEndpoint, // the API has no others
	}
	for _, e := range w.Evidence {
		a.Evidence = append(a.Evidence, e.evidence())
	}
	return a
}

func (e wireEvidence) evidence() alert.Evidence {
	return alert.Evidence{
		Kind:              string(e.EntityType),
		SHA1:              string(e.SHA1),
		SHA256:            string(e.SHA256),
		FileName:          string(e.FileName),
		FilePath:          string(e.FilePath),
		ProcessID:         int64(e.ProcessID),
		CommandLine:       string(e.CommandLine),
		ParentProcessID:   int64(e.ParentProcessID),
		ParentFileName:    string(e.ParentFileName),
		ParentFilePath:    string(e.ParentFilePath),
		IPAddress:         string(e.IPAddress),
		URL:               string(e.URL),
		RegistryKey:       string(e.RegistryKey),
		RegistryHive:      string(e.RegistryHive),
		RegistryValueType: string(e.RegistryValueType),
		RegistryValue:     string(e.RegistryValue),
		AccountName:       string(e.AccountName),
		DomainName:        string(e.DomainName),
		UserSID:           string(e.UserSID),
		AADUserID:         string(e.AADUserID),
		UPN:               string(e.UPN),
		DetectionStatus:   string(e.DetectionStatus),
	}
}

const readAlerts = "Alert.Read.All"

// AlertPage lists the alerts of a window with their evidence and hands each to visit, in no order that the API
// promises. The answer is decoded as a stream, one alert in memory. On an error the alerts handed over before it are
// genuine; an error of visit ends the reading and is returned as it is. A repeat is safe. Permission Alert.Read.All, up
// to 10,000 alerts a page, 100 calls a minute and 1,500 an hour (Get alerts API page, read 2026-11).
func (c *Client) AlertPage(
	ctx context.Context,
	w alert.Window,
	visit func(alert.Alert) error,
) (alert.Page, error) {
	k := listAlerts(w)
	k.query.Set("$expand", "evidence")
	return alertPage(ctx, c, k, w, func(one wireAlert) error {
		return visit(one.alert())
	})
}

// AlertStamps reads a page of the alerts of a window like AlertPage, but of each only its id and the time of its last
// update, and without evidence: for looking through days of alerts ("List alerts API").
func (c *Client) AlertStamps(ctx context.Context, w alert.Window, visit func(alert.Stamp) error) (alert.Page, error) {
	return alertPage(ctx, c, listAlerts(w), w, func(one wireStamp) error {
		return visit(alert.Stamp{ID: string(one.ID), Updated: time.Time(one.Updated)})
	})
}

// wireStamp is what AlertStamps reads of an alert.
type wireStamp struct {
	ID      lenient.Text    `json:"id"`
	Updated lenient.Instant `json:"lastUpdateTime"`
}

func listAlerts(w alert.Window) call {
	filter := "lastUpdateTime ge " + stamp(w.From)
	if !w.To.IsZero() {
		filter += " and lastUpdateTime lt " + stamp(w.To)
	}
	query := url.Values{"$filter": {filter}, "$top": {strconv.Itoa(w.Top)}}
	if w.Skip > 0 {
		query.Set("$skip", strconv.Itoa(w.Skip))
	}
	return call{
		method:   http.MethodGet,
		endpoint: "/api/alerts",
		path:     []string{"alerts"},
		query:    query,
		needs:    readAlerts,
	}
}

func alertPage[T any](
	ctx context.Context,
	c *Client,
	k call,
	w alert.Window,
	visit func(T) error,
) (alert.Page, error) {
	if w.Top < 1 || w.Top > listPage || w.Skip < 0 {
		// The API would answer with a page of another size, which looks short or full when it is not.
		return alert.Page{},
			unsent(k, machine.Refused,
				fmt.Errorf("a page of %d alerts after %d cannot be asked for; 1 to %d can", w.Top, w.Skip, listPage))
	}
	answer, err := c.send(ctx, k)
	if err != nil {
		return alert.Page{}, err
	}
	page := alert.Page{Date: date(answer)}
	page.Count, err = each(k, answer, visit)
	return page, err
}

// Alert reads one alert with its evidence. The error's Trouble is machine.NotFound if there is none. A repeat is safe
// (Get alert information by ID API page).
func (c *Client) Alert(ctx context.Context, id string) (alert.Alert, error) {
	k := call{
		method:   http.MethodGet,
		endpoint: "/api/alerts/{id}",
		path:     []string{"alerts", id},
		needs:    readAlerts,
	}
	if err := checkID(k, "alert", id); err != nil {
		return alert.Alert{}, err
	}
	answer, err := c.send(ctx, k)
	if err != nil {
		return alert.Alert{}, err
	}
	found, err := one[wireAlert](k, answer)
	return found.alert(), err
}

// wireComments is what AlertComments reads of an alert.
type wireComments struct {
	ID       lenient.Text `json:"id"`
	Comments lenient.Items[struct {
		Comment lenient.Passage `json:"comment"`
	}] `json:"comments"`
}

func (w wireComments) id() string { return string(w.ID) }

// AlertComments reads what was written on an alert, in no order that the API promises; comments without text are left
// out. An answer over 16 MiB is an error. A repeat is safe (Get alert information by ID API page).
func (c *Client) AlertComments(ctx context.Context, id string) ([]string, error) {
	k := call{
		method:   http.MethodGet,
		endpoint: "/api/alerts/{id}",
		path:     []string{"alerts", id},
		needs:    readAlerts,
	}
	if err := checkID(k, "alert", id); err != nil {
		return nil, err
	}
	answer, err := c.send(ctx, k)
	if err != nil {
		return nil, err
	}
	found, err := one[wireComments](k, answer)
	if err != nil {
		return nil, err
	}
	var comments []string
	for _, each := range found.Comments {
		if each.Comment != "" {
			comments = append(comments, string(each.Comment))
		}
	}
	return comments, nil
}

const writeAlerts = "Alert.ReadWrite.All"

// wireChange is the body of an update. The samples of its page write the names like this.
type wireChange struct {
	Status         alert.Status `json:"status,omitempty"`
	AssignedTo     string       `json:"assignedTo,omitempty"`
	Classification string       `json:"classification,omitempty"`
	Determination  string       `json:"determination,omitempty"`
	Comment        string       `json:"comment,omitempty"`
}

// UpdateAlert changes what is set of an alert and answers with the alert as it is then. A repeat sets the same again,
// but adds the comment once more: after an error whose Trouble is machine.UnknownFate the caller reads AlertComments
// first (Update alert API page: permission Alert.ReadWrite.All, 100 calls a minute and 1,500 an hour; determinations as
// the Alerts resource type page spells them).
func (c *Client) UpdateAlert(ctx context.Context, id string, change alert.Change) (alert.Alert, error) {
	k := call{
		method:   http.MethodPatch,
		endpoint: "/api/alerts/{id}",
		path:     []string{"alerts", id},
		needs:    writeAlerts,
		look:     "read the alert and its comments before asking again",
		body: wireChange{
			Status:         change.Status,
			AssignedTo:     change.AssignedTo,
			Classification: change.Classification,
			Determination:  alert.Determination(change.Determination),
			Comment:        change.Comment,
		},
	}
	if err := checkID(k, "alert", id); err != nil {
		return alert.Alert{}, err
	}
	if change.IsZero() {
		return alert.Alert{}, unsent(k, machine.Refused, errors.New("the change changes nothing"))
	}
	answer, err := c.send(ctx, k)
	if err != nil {
		return alert.Alert{}, err
	}
	found, err := one[wireAlert](k, answer)
	return found.alert(), err
}
