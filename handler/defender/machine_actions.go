package defender

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"cordon/handler/lenient"
	"cordon/handler/machine"
)

// wireAction is the machine action resource as far as Cordon reads it (MachineAction resource type page). The list
// sample of that page names the time of the last change differently from the entity; both are read.
type wireAction struct {
	ID             lenient.Text    `json:"id"`
	Type           lenient.Text    `json:"type"`
	Status         lenient.Text    `json:"status"`
	Scope          lenient.Text    `json:"scope"`
	MachineID      lenient.Text    `json:"machineId"`
	Requestor      lenient.Text    `json:"requestor"`
	RequestSource  lenient.Text    `json:"requestSource"`
	Comment        lenient.Text    `json:"requestorComment"`
	Created        lenient.Instant `json:"creationDateTimeUtc"`
	Updated        lenient.Instant `json:"lastUpdateDateTimeUtc"`
	UpdatedInLists lenient.Instant `json:"lastUpdateTimeUtc"`
	CancelledBy    lenient.Text    `json:"cancellationRequestor"`
	CancelComment  lenient.Text    `json:"cancellationComment"`
	ErrorHResult   lenient.Integer `json:"errorHResult"`
}

func (w wireAction) id() string { return string(w.ID) }

func (w wireAction) action() machine.Action {
	updated := time.Time(w.Updated)
	if updated.IsZero() {
		updated = time.Time(w.UpdatedInLists)
	}
	return machine.Action{
		ID:            string(w.ID),
		Type:          machine.ActionType(w.Type),
		Status:        machine.ParseActionStatus(string(w.Status)),
		Scope:         machine.Scope(w.Scope),
		MachineID:     machine.ID(string(w.MachineID)),
		Requestor:     string(w.Requestor),
		RequestSource: string(w.RequestSource),
		Comment:       string(w.Comment),
		Created:       time.Time(w.Created),
		Updated:       updated,
		CancelledBy:   string(w.CancelledBy),
		CancelComment: string(w.CancelComment),
		ErrorHResult:  int64(w.ErrorHResult),
	}
}

// ActionsSince lists the machine actions of all machines, in every state, created at since or later. Fresh ones may be
// missing for a while. A repeat is safe (List machine actions API page: up to 10,000 a page, 100 calls a minute and
// 1,500 an hour).
func (c *Client) ActionsSince(ctx context.Context, since time.Time) ([]machine.Action, error) {
	return c.actions(ctx, listActions("creationDateTimeUtc ge "+stamp(since)))
}

// ActionsOn lists the actions of one machine, like ActionsSince.
func (c *Client) ActionsOn(ctx context.Context, machineID string, since time.Time) ([]machine.Action, error) {
	k := listActions(fmt.Sprintf("machineId eq '%s' and creationDateTimeUtc ge %s", machineID, stamp(since)))
	if err := checkID(k, "machine", machineID); err != nil {
		return nil, err
	}
	return c.actions(ctx, k)
}

// CurrentActions lists what tells the state of all machines: the actions that are Pending or InProgress, and the
// isolations and releases, in every state, that were created at since or later; like ActionsSince.
func (c *Client) CurrentActions(ctx context.Context, since time.Time) ([]machine.Action, error) {
	return c.actions(ctx,
		listActions(fmt.Sprintf("status eq 'Pending' or status eq 'InProgress' or ((type eq '%s' or type eq '%s') "+
			"and creationDateTimeUtc ge %s)",
			machine.Isolate, machine.Unisolate, stamp(since))))
}

func listActions(filter string) call {
	return call{
		method:   http.MethodGet,
		endpoint: "/api/machineactions",
		path:     []string{"machineactions"},
		query:    url.Values{"$filter": {filter}},
		needs:    readMachines,
	}
}

func (c *Client) actions(ctx context.Context, k call) ([]machine.Action, error) {
	var found []machine.Action
	err := listAll(ctx, c, k, func(a wireAction) error {
		found = append(found, a.action())
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Action reads one machine action. A repeat is safe (Get machine action API page).
func (c *Client) Action(ctx context.Context, id string) (machine.Action, error) {
	k := call{
		method:   http.MethodGet,
		endpoint: "/api/machineactions/{id}",
		path:     []string{"machineactions", id},
		needs:    readMachines,
	}
	if err := checkID(k, "machine action", id); err != nil {
		return machine.Action{}, err
	}
	return c.actionOf(ctx, k)
}

// Act asks for a machine action and answers with the one that was created, or with one of its kind that was under way.
// Type and scope are held against machine.Catalogue first; an action without a scope ignores it. It is not idempotent:
// after an error whose Trouble is machine.UnknownFate the caller looks for the action before asking again. Nothing is
// sent after SendBy. The trouble is machine.AlreadyActive where the API refuses a second action of a kind, and
// machine.Unsupported where the machine does not know it (API pages "Isolate machine", "Release device from isolation",
// "Restrict app execution", "Remove app restriction", "Run antivirus scan" and "Collect investigation package": the
// permission of the action's Spec, 100 calls a minute and 1,500 an hour).
func (c *Client) Act(ctx context.Context, machineID string, r machine.Request) (machine.Action, error) {
	spec, known := machine.SpecOf(r.Type)
	k := call{
		method:   http.MethodPost,
		endpoint: "/api/machines/{id}/" + spec.Path,
		path:     []string{"machines", machineID, spec.Path},
		needs:    spec.Permission,
		look:     lookForAction,
	}
	// Keys are PascalCase and case-sensitive (Common REST API error codes page).
	body := map[string]string{"Comment": r.Comment}
	switch {
	case !known:
		k.endpoint = "/api/machines/{id}"
		return machine.Action{},
			unsent(k, machine.Refused, fmt.Errorf("%q is no machine action that can be asked for", r.Type))
	case spec.ScopeKey != "" && !slices.Contains(spec.Scopes, r.Scope):
		return machine.Action{},
			unsent(k, machine.Refused, fmt.Errorf("%s %q is none of %v", spec.ScopeKey, r.Scope, spec.Scopes))
	case spec.ScopeKey != "":
		body[spec.ScopeKey] = string(r.Scope)
	}
	k.body = body
	if err := checkID(k, "machine", machineID); err != nil {
		return machine.Action{}, err
	}
	if c.o.SendBy != nil && !r.SendBy.IsZero() {
		ctx = c.o.SendBy(ctx, r.SendBy)
	}
	action, err := c.actionOf(ctx, k)
	if err == nil && action.MachineID == "" {
		action.MachineID = machine.ID(machineID)
	}
	return action, err
}

// lookForAction is what to do about a machine action of unknown fate.
const lookForAction = "look for the machine action before asking again"

// CancelAction takes back a machine action that is not final, of a type of machine.Catalogue. A repeat is answered with
// an error and changes nothing (Cancel machine action API page: the permission of the action's type, 100 calls a minute
// and 1,500 an hour).
func (c *Client) CancelAction(ctx context.Context, id string, kind machine.ActionType,
	comment string) (machine.Action, error) {
	spec, known := machine.SpecOf(kind)
	k := call{
		method:   http.MethodPost,
		endpoint: "/api/machineactions/{id}/cancel",
		path:     []string{"machineactions", id, "cancel"},
		body:     map[string]string{"Comment": comment},
		needs:    spec.Permission,
		look:     lookForAction,
	}
	if !known {
		return machine.Action{},
			unsent(k, machine.Refused, fmt.Errorf("%q is no machine action that is taken back", kind))
	}
	if err := checkID(k, "machine action", id); err != nil {
		return machine.Action{}, err
	}
	return c.actionOf(ctx, k)
}

// actionOf sends a request that is answered with one machine action.
func (c *Client) actionOf(ctx context.Context, k call) (machine.Action, error) {
	answer, err := c.send(ctx, k)
	if err != nil {
		return machine.Action{}, err
	}
	found, err := one[wireAction](k, answer)
	return found.action(), err
}
