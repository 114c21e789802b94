package defender

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/handler/lenient"
	"cordon/handler/machine"
)

// wireMachine is the machine resource as far as Cordon reads it (Machine resource type page).
type wireMachine struct {
	ID               lenient.Text    `json:"id"`
	ComputerDNSName  lenient.Text    `json:"computerDnsName"`
	FirstSeen        lenient.Instant `json:"firstSeen"`
	LastSeen         lenient.Instant `json:"lastSeen"`
	OSPlatform       lenient.Text    `json:"osPlatform"`
	OSArchitecture   lenient.Text    `json:"osArchitecture"`
	Version          lenient.Text    `json:"version"`
	OSBuild          lenient.Integer `json:"osBuild"`
	HealthStatus     lenient.Text    `json:"healthStatus"`
	OnboardingStatus lenient.Text    `json:"onboardingStatus"`
	RiskScore        lenient.Text    `json:"riskScore"`
	ExposureLevel    lenient.Text    `json:"exposureLevel"`
	DeviceValue      lenient.Text    `json:"deviceValue"`
	RBACGroupName    lenient.Text    `json:"rbacGroupName"`
	Tags             lenient.Texts   `json:"machineTags"`
	AADDeviceID      lenient.Text    `json:"aadDeviceId"`
	LastIP           lenient.Text    `json:"lastIpAddress"`
	LastExternalIP   lenient.Text    `json:"lastExternalIpAddress"`
}

func (w wireMachine) id() string { return machine.ID(string(w.ID)) }

func (w wireMachine) machine() machine.Machine {
	return machine.Machine{
		ID:               w.id(),
		ComputerDNSName:  string(w.ComputerDNSName),
		OSPlatform:       string(w.OSPlatform),
		OSArchitecture:   string(w.OSArchitecture),
		Version:          string(w.Version),
		OSBuild:          int64(w.OSBuild),
		HealthStatus:     string(w.HealthStatus),
		OnboardingStatus: string(w.OnboardingStatus),
		RiskScore:        string(w.RiskScore),
		ExposureLevel:    string(w.ExposureLevel),
		DeviceValue:      string(w.DeviceValue),
		RBACGroupName:    string(w.RBACGroupName),
		Tags:             w.Tags,
		AADDeviceID:      string(w.AADDeviceID),
		LastIP:           string(w.LastIP),
		LastExternalIP:   string(w.LastExternalIP),
		FirstSeen:        time.Time(w.FirstSeen),
		LastSeen:         time.Time(w.LastSeen),
	}
}

const readMachines = "Machine.Read.All"

// idsInFilter is how many ids go into one filter; more are picked from the whole list. The API's framework takes 100
// nodes by default, of which each id needs four; which bound this API has is not documented.
const idsInFilter = 25

// listPage is the page size of machines and machine actions, the API's largest.
const listPage = 10000

// maxPages bounds lists, so that an API which ignores $skip is not read for ever.
const maxPages = 100

// Machines reads the machines with the given ids: one call for up to 25 different ones, or two for halves of them where
// the API refuses so long a filter, else one for every 10,000 machines of the tenant; no ids, no call. Ids that do not
// exist are missing from the answer, which has no order and no machine twice. A repeat is safe (List machines API page:
// permission Machine.Read.All, 100 calls a minute and 1,500 an hour; an empty list is answered with 404).
func (c *Client) Machines(ctx context.Context, ids []string) ([]machine.Machine, error) {
	k := call{
		method:   http.MethodGet,
		endpoint: "/api/machines",
		path:     []string{"machines"},
		query:    url.Values{},
		needs:    readMachines,
	}
	missing := make(map[string]bool, len(ids))
	for _, id := range ids {
		if err := checkID(k, "machine", id); err != nil {
			return nil, err
		}
		missing[machine.ID(id)] = true
	}
	switch {
	case len(missing) == 0:
		return nil, nil
	case len(missing) <= idsInFilter:
		return c.machinesOf(ctx, k, slices.Sorted(maps.Keys(missing)))
	}
	return c.machinesAmong(ctx, k, missing)
}

// machinesOf reads the machines with the ids by a filter. One that is refused is halved, for its length may be why.
func (c *Client) machinesOf(ctx context.Context, k call, ids []string) ([]machine.Machine, error) {
	k.query = url.Values{"$filter": {"id eq '" + strings.Join(ids, "' or id eq '") + "'"}}
	missing := make(map[string]bool, len(ids))
	for _, id := range ids {
		missing[id] = true
	}
	found, err := c.machinesAmong(ctx, k, missing)
	if !tooLong(err) || len(ids) == 1 {
		return found, err
	}
	found, err = c.machinesOf(ctx, k, ids[:len(ids)/2])
	if err != nil {
		return nil, err
	}
	rest, err := c.machinesOf(ctx, k, ids[len(ids)/2:])
	if err != nil {
		return nil, err
	}
	return append(found, rest...), nil
}

// tooLong reports whether a shorter filter might not be refused.
func tooLong(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Trouble() == machine.Refused &&
		(refused.Status == http.StatusBadRequest || refused.Status == http.StatusRequestURITooLong)
}

// machinesAmong picks the machines that are missing from a list.
func (c *Client) machinesAmong(ctx context.Context, k call, missing map[string]bool) ([]machine.Machine, error) {
	var found []machine.Machine
	err := listAll(ctx, c, k, func(m wireMachine) error {
		// Pages are cut anew for every call, so a machine may stand on two of them.
		if missing[m.id()] {
			delete(missing, m.id())
			found = append(found, m.machine())
		}
		return nil
	})
	trouble, _ := machine.TroubleOf(err)
	if err != nil && trouble != machine.NotFound {
		return nil, err
	}
	return found, nil
}

// MachinesNamed reads the machines that have a DNS name, or whose name begins with it and a dot, in any letter case; none
// is no error. Whether the service minds letter case is not documented, so the host's name is asked for as it is typed,
// in small and in capital letters. A repeat is safe (List machines API page: $filter on computerDnsName; startswith on
// it: OData queries page).
func (c *Client) MachinesNamed(ctx context.Context, name string) ([]machine.Machine, error) {
	k := call{
		method:   http.MethodGet,
		endpoint: "/api/machines",
		path:     []string{"machines"},
		needs:    readMachines,
	}
	if !isHostName.MatchString(name) {
		return nil, unsent(k, machine.Refused, fmt.Errorf("%.80q is no name of a machine", name))
	}
	host, _, _ := strings.Cut(name, ".")
	var filters []string
	for _, spelled := range slices.Compact([]string{host, strings.ToLower(host), strings.ToUpper(host)}) {
		filters = append(filters,
			fmt.Sprintf("computerDnsName eq '%s' or startswith(computerDnsName,'%s.')", spelled, spelled))
	}
	k.query = url.Values{"$filter": {strings.Join(filters, " or ")}}
	var found []machine.Machine
	err := listAll(ctx, c, k, func(w wireMachine) error {
		m := w.machine()
		first, _, _ := strings.Cut(m.ComputerDNSName, ".")
		if strings.EqualFold(m.ComputerDNSName, name) || strings.EqualFold(first, name) {
			found = append(found, m)
		}
		return nil
	})
	if trouble, _ := machine.TroubleOf(err); trouble == machine.NotFound {
		return nil, nil
	}
	return found, err
}

// isHostName keeps everything out of a filter that means something in it.
var isHostName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,255}$`)

// writeMachines is the application permission of tags.
const writeMachines = "Machine.ReadWrite.All"

// Tag puts a tag on a machine, or takes it off. A repeat is safe: a tag that is there stays once, one that is not there
// can be taken off (Add or remove machine tags API page: permission Machine.ReadWrite.All, 100 calls a minute and 1,500
// an hour).
func (c *Client) Tag(ctx context.Context, machineID, tag string, remove bool) error {
	action := "Add"
	if remove {
		action = "Remove"
	}
	k := call{
		method:   http.MethodPost,
		endpoint: "/api/machines/{id}/tags",
		path:     []string{"machines", machineID, "tags"},
		body:     map[string]string{"Value": tag, "Action": action},
		needs:    writeMachines,
		look:     "a repeat is safe",
	}
	if err := checkID(k, "machine", machineID); err != nil {
		return err
	}
	if strings.TrimSpace(tag) == "" {
		return unsent(k, machine.Refused, errors.New("the tag is empty"))
	}
	answer, err := c.send(ctx, k)
	if err != nil {
		return err
	}
	_, err = one[wireMachine](k, answer)
	return err
}

// listAll reads a list page after page until one is not full.
func listAll[T any](ctx context.Context, c *Client, k call, visit func(T) error) error {
	k.query.Set("$top", strconv.Itoa(listPage))
	for page := range maxPages {
		if page > 0 {
			k.query.Set("$skip", strconv.Itoa(page*listPage))
		}
		answer, err := c.send(ctx, k)
		if err != nil {
			return err
		}
		count, err := each(k, answer, visit)
		if err != nil || count < listPage {
			return err
		}
	}
	return &Error{
		Method:   k.method,
		Endpoint: k.endpoint,
		fate:     machine.Transient,
		cause:    fmt.Errorf("the list does not end after %d pages of %d", maxPages, listPage),
	}
}

// Machine reads one machine by its id. The error's Trouble is machine.NotFound if there is none. A repeat is safe (Get
// machine by ID API page). The endpoint takes names too; a name is never sent.
func (c *Client) Machine(ctx context.Context, id string) (machine.Machine, error) {
	k := call{
		method:   http.MethodGet,
		endpoint: "/api/machines/{id}",
		path:     []string{"machines", id},
		needs:    readMachines,
	}
	if err := checkID(k, "machine", id); err != nil {
		return machine.Machine{}, err
	}
	answer, err := c.send(ctx, k)
	if err != nil {
		return machine.Machine{}, err
	}
	found, err := one[wireMachine](k, answer)
	return found.machine(), err
}
