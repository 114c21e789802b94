package alertsim

import (
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"

	"cordon/local/defendersim"
	"cordon/local/internal/graphapi"
)

// object reads a body of JSON as members whose names keep their case, without annotations.
func (q *request) object() (map[string]json.RawMessage, graphapi.Refusal) {
	if kind, _, _ := mime.ParseMediaType(q.kind); kind != "application/json" {
		return nil,
			graphapi.No(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "A request is application/json.")
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(q.body, &members) != nil || members == nil {
		return nil, badRequest("Unable to read JSON request payload.")
	}
	return members, graphapi.Refusal{}
}

// settable are the values that an update may set, by member (Update alert page). The determinations are those of the
// page and those of the types: which of them the service takes is not known.
func (s *Sim) settable(member string) (values []string, ok bool) {
	switch member {
	case "status":
		return []string{"new", "inProgress", "resolved"}, true
	case "classification", "determination":
		return s.words.members[member], true
	case "assignedTo":
		return nil, true
	}
	return nil, false
}

// changes reads an update. Null takes an assignment away, and is refused of anything else; that is an assumption.
func (s *Sim) changes(q *request) (map[string]string, graphapi.Refusal) {
	members, no := q.object()
	if no.Status != 0 {
		return nil, no
	}
	given := map[string]string{}
	for name, raw := range members {
		if strings.HasPrefix(name, "@odata.") {
			continue
		}
		values, ok := s.settable(name)
		var value *string
		switch {
		case !ok:
			return nil, badRequest("The property '" + name + "' cannot be updated.")
		case json.Unmarshal(raw, &value) != nil,
			value == nil && values != nil,
			value != nil && values != nil && !slices.Contains(values, *value):
			return nil, badRequest("The value of '" + name + "' is not valid.")
		case value == nil:
			value = new(string)
		}
		given[name] = *value
	}
	if len(given) == 0 {
		return nil, badRequest("There is nothing to update.")
	}
	return given, no
}

// patch changes an alert and answers with it.
func (s *Sim) patch(q *request) (any, graphapi.Refusal) {
	given, no := s.changes(q)
	if no.Status != 0 {
		return nil, no
	}
	a, no := s.find(q)
	if no.Status != 0 {
		return nil, no
	}
	changed, no := s.apply(q, a, func(a *defendersim.Alert) {
		for name, value := range given {
			switch name {
			case "status":
				a.SetStatus(s.words.toDefender(name, value), q.at)
			case "classification":
				a.Classification = s.words.toDefender(name, value)
			case "determination":
				a.Determination = s.words.toDefender(name, value)
			case "assignedTo":
				a.AssignedTo = value
			}
		}
	})
	return s.entity(changed, q.newer), no
}

// comment adds a comment and answers with all of them (Create comment for alert page). Its author is the app's id: what
// stands there for an app is not documented.
func (s *Sim) comment(q *request) (any, graphapi.Refusal) {
	members, no := q.object()
	if no.Status != 0 {
		return nil, no
	}
	var kind, words string
	for name, raw := range members {
		switch {
		case name == "@odata.type" && json.Unmarshal(raw, &kind) == nil:
		case name == "comment" && json.Unmarshal(raw, &words) == nil:
		default:
			return nil, badRequest("The member '" + name + "' of the comment is not valid.")
		}
	}
	if strings.TrimPrefix(kind, "#") != "microsoft.graph.security.alertComment" || words == "" {
		return nil, badRequest("A comment has an @odata.type and a text.")
	}
	a, no := s.find(q)
	if no.Status != 0 {
		return nil, no
	}
	changed, no := s.apply(q, a, func(a *defendersim.Alert) {
		a.Comments = append(a.Comments, Comment{Text: words, CreatedBy: q.claims.AppID, Created: q.at})
	})
	return map[string]any{
		"@odata.context": contextBase + "('" + a.ID + "')/comments", "value": comments(changed.Comments),
	}, no
}

// apply changes an alert where it is: in the tenant or here. What can be changed is said in Defender's words.
func (s *Sim) apply(q *request, a Alert, change func(*defendersim.Alert)) (Alert, graphapi.Refusal) {
	if a.ofTenant == "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.change(a.ID, q.at, func(a *Alert) { s.words.change(a, change) }), graphapi.Refusal{}
	}
	if err := s.o.Tenant.UpdateAlert(a.ofTenant, change); err != nil {
		return a, graphapi.No(http.StatusNotFound, "ResourceNotFound", err.Error())
	}
	all := s.at(s.now())
	return all[slices.IndexFunc(all, func(one Alert) bool { return one.ofTenant == a.ofTenant })], graphapi.Refusal{}
}

// change makes a change that is said in Defender's words.
func (w words) change(a *Alert, change func(*defendersim.Alert)) {
	of := defendersim.Alert{
		Status:         w.toDefender("status", a.Status),
		Resolved:       a.Resolved,
		Classification: w.toDefender("classification", a.Classification),
		Determination:  w.toDefender("determination", a.Determination),
		AssignedTo:     a.AssignedTo,
		Comments:       a.Comments,
	}
	change(&of)
	a.Status, a.Resolved = w.toGraph("status", of.Status, false), of.Resolved
	a.Classification = w.toGraph("classification", of.Classification, false)
	a.Determination = w.toGraph("determination", of.Determination, false)
	a.AssignedTo, a.Comments = of.AssignedTo, of.Comments
}
