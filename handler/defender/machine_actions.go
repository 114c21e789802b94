package defender

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"cordon/handler/machine"
)

// wireAction is the machine action resource as far as Cordon reads it (MachineAction resource type page). The list
// sample of that page names the time of the last change differently from the entity; both are read.
type wireAction struct {
	ID             text    `json:"id"`
	Type           text    `json:"type"`
	Status         text    `json:"status"`
	Scope          text    `json:"scope"`
	MachineID      text    `json:"machineId"`
	Requestor      text    `json:"requestor"`
	RequestSource  text    `json:"requestSource"`
	Comment        text    `json:"requestorComment"`
	Created        instant `json:"creationDateTimeUtc"`
	Updated        instant `json:"lastUpdateDateTimeUtc"`
	UpdatedInLists instant `json:"lastUpdateTimeUtc"`
	CancelledBy    text    `json:"cancellationRequestor"`
	CancelComment  text    `json:"cancellationComment"`
	ErrorHResult   integer `json:"errorHResult"`
}

func (w wireAction) id() string { return string(w.ID) }

func (w wireAction) action() machine.Action {
	updated := time.Time(w.Updated)
	if updated.IsZero() {
		updated = time.Time(w.UpdatedInLists)
	}
	return machine.Action{
		ID: string(w.ID), Type: machine.ActionType(w.Type), Status: machine.ParseActionStatus(string(w.Status)), Scope: machine.Scope(w.Scope),
		MachineID: string(w.MachineID), Requestor: string(w.Requestor), RequestSource: string(w.RequestSource), Comment: string(w.Comment),
		Created: time.Time(w.Created), Updated: updated, CancelledBy: string(w.CancelledBy), CancelComment: string(w.CancelComment),
		ErrorHResult: int64(w.ErrorHResult),
	}
}

// ActionsSince lists the machine actions of all machines, in every state, created at since or later. Fresh ones may be
// missing for a while. A repeat is safe (List machine actions API page: up to 10,000 a page, 100 calls a minute and 1,500
// an hour).
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

// OpenActions lists the actions of all machines that are Pending or InProgress, like ActionsSince.
func (c *Client) OpenActions(ctx context.Context) ([]machine.Action, error) {
	return c.actions(ctx, listActions("status eq 'Pending' or status eq 'InProgress'"))
}

func listActions(filter string) call {
	return call{method: http.MethodGet, endpoint: "/api/machineactions", path: []string{"machineactions"}, query: url.Values{"$filter": {filter}}, needs: readMachines}
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
	k := call{method: http.MethodGet, endpoint: "/api/machineactions/{id}", path: []string{"machineactions", id}, needs: readMachines}
	if err := checkID(k, "machine action", id); err != nil {
		return machine.Action{}, err
	}
	return c.actionOf(ctx, k)
}

// actOnIsolation is the application permission of isolating, releasing and taking either back.
const actOnIsolation = "Machine.Isolate"

// The bodies of acting requests. Keys are PascalCase and case-sensitive (Common REST API error codes page).
type (
	isolateBody struct{ Comment, IsolationType string }
	commentBody struct{ Comment string }
)

// Isolate asks for the isolation of a machine and answers with the action that was created or was under way. It is not
// idempotent: after an error whose Trouble is machine.UnknownFate the caller looks for the action before asking again.
// Nothing is sent after sendBy; a zero time means no such bound (Isolate machine API page: permission Machine.Isolate, 100
// calls a minute and 1,500 an hour).
func (c *Client) Isolate(ctx context.Context, machineID string, scope machine.Scope, comment string, sendBy time.Time) (machine.Action, error) {
	return c.act(ctx, "isolate", machineID, isolateBody{Comment: comment, IsolationType: string(scope)}, sendBy)
}

// Release asks for the end of a machine's isolation. Like Isolate it is not idempotent (Release device from isolation API
// page).
func (c *Client) Release(ctx context.Context, machineID, comment string, sendBy time.Time) (machine.Action, error) {
	return c.act(ctx, "unisolate", machineID, commentBody{Comment: comment}, sendBy)
}

func (c *Client) act(ctx context.Context, verb, machineID string, body any, sendBy time.Time) (machine.Action, error) {
	k := call{method: http.MethodPost, endpoint: "/api/machines/{id}/" + verb, path: []string{"machines", machineID, verb}, body: body, needs: actOnIsolation}
	if err := checkID(k, "machine", machineID); err != nil {
		return machine.Action{}, err
	}
	if c.o.SendBy != nil && !sendBy.IsZero() {
		ctx = c.o.SendBy(ctx, sendBy)
	}
	action, err := c.actionOf(ctx, k)
	if err == nil && action.MachineID == "" {
		action.MachineID = machineID
	}
	return action, err
}

// CancelAction takes back an isolation or a release that is not final. A repeat is answered with an error and changes
// nothing (Cancel machine action API page: the permission of the action's type, 100 calls a minute and 1,500 an hour).
func (c *Client) CancelAction(ctx context.Context, id, comment string) (machine.Action, error) {
	k := call{method: http.MethodPost, endpoint: "/api/machineactions/{id}/cancel", path: []string{"machineactions", id, "cancel"}, body: commentBody{Comment: comment}, needs: actOnIsolation}
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
