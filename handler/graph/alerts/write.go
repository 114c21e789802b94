package alerts

import (
	"context"
	"errors"
	"net/http"

	"cordon/handler/alert"
	"cordon/handler/lenient"
	"cordon/handler/machine"
)

// wireChange is the body of an update, in Graph's words.
type wireChange struct {
	Status         string `json:"status,omitempty"`
	AssignedTo     string `json:"assignedTo,omitempty"`
	Classification string `json:"classification,omitempty"`
	Determination  string `json:"determination,omitempty"`
}

// wireComment is the body of a new comment.
type wireComment struct {
	Type    string `json:"@odata.type"`
	Comment string `json:"comment"`
}

// UpdateAlert changes what is set of an alert and answers with it as it is then, once for each of its machines. It
// needs the permission SecurityAlert.ReadWrite.All (https://learn.microsoft.com/graph/api/security-alert-update and
// security-alert-post-comments).
//
// Graph takes a comment by a call of its own. It is made first, and the rest is not asked for unless it succeeded. So
// whatever became of the two, the caller reads AlertComments, leaves out a comment that is there, and asks again: the
// rest may be set any number of times. It also has the answer tell the time of the last of the changes, and nothing is
// changed that could be taken for somebody else's change while the comment's fate is open.
func (c *Client) UpdateAlert(
	ctx context.Context,
	graphID string,
	change alert.Change,
) ([]alert.Alert, error) {
	k := alertCall(http.MethodPatch, graphID)
	if err := checkID(k, graphID); err != nil {
		return nil, err
	}
	if change.IsZero() {
		return nil, unsent(k, machine.Refused, errors.New("the change changes nothing"))
	}
	if change.Comment == "" {
		return c.set(ctx, k, change)
	}
	if err := c.comment(ctx, graphID, change.Comment); err != nil {
		return nil, err
	}
	changed, err := c.set(ctx, k, change)
	var failed *Error
	if errors.As(err, &failed) {
		// Half of the change is made: whoever asks anew, here or elsewhere, has to look first.
		failed.fate = machine.UnknownFate
	}
	return changed, err
}

// set changes all but the comment; where nothing else is to be changed it reads the alert.
func (c *Client) set(ctx context.Context, k call, change alert.Change) ([]alert.Alert, error) {
	body := wireChange{
		Status:         graphs(statuses, string(change.Status)),
		AssignedTo:     change.AssignedTo,
		Classification: graphs(classifications, change.Classification),
		Determination:  graphs(determinations, alert.Determination(change.Determination)),
	}
	if body == (wireChange{}) {
		return c.Alert(ctx, k.path[0])
	}
	k.body = body
	found, err := one[wireAlert](ctx, c, k)
	if err != nil {
		return nil, err
	}
	return found.alerts(), nil
}

// comment adds a comment. A repeat adds it again.
func (c *Client) comment(ctx context.Context, graphID, text string) error {
	k := alertCall(http.MethodPost, graphID)
	k.endpoint += "/comments"
	k.path = append(k.path, "comments")
	k.body = wireComment{"microsoft.graph.security.alertComment", text}
	return c.do(ctx, k, func(answer *http.Response) error {
		if answer.StatusCode == http.StatusNoContent {
			return nil
		}
		// The answer lists comments. All that counts is that it is Graph's and not the page of somebody on the way.
		d := lenient.Decoder(answer.Body, maxEntity)
		if err := lenient.Members(d, func(string) error { return d.SkipValue() }); err != nil {
			return unreadable(k, err)
		}
		return nil
	})
}
