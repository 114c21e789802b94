package defendersim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

func (s *Sim) isolate(q *request) answer   { return s.act(q, Isolate, "Comment", "IsolationType") }
func (s *Sim) unisolate(q *request) answer { return s.act(q, Unisolate, "Comment") }

// act accepts an action, or meets an open one of its type.
func (s *Sim) act(q *request, kind string, members ...string) answer {
	given, bad := s.acting(q, members...)
	if bad != nil {
		return *bad
	}
	scope := given["IsolationType"]
	switch {
	case kind != Isolate:
	case scope == "":
		scope = "Full"
	case !slices.Contains([]string{"Full", "Selective", "UnManagedDevice"}, scope):
		return s.fail(http.StatusBadRequest, "InvalidInput", "The value of IsolationType is invalid.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.machine(q.id)
	switch {
	case m == nil:
		return s.noMachine(q.id)
	case !m.canIsolate(scope):
		return s.fail(http.StatusBadRequest, "OsPlatformNotSupported", "OS Platform "+m.OS+" isn't supported for this action.")
	}
	if open := s.open(m.ID, kind, q.at); open != nil {
		return s.duplicate(open, q.at)
	}
	a := s.accept(m, Action{Type: kind, Scope: scope, Requestor: q.claims.AppID, RequestSource: PublicAPI, Comment: given["Comment"]}, q.at)
	return actionAnswer(http.StatusCreated, a.view(q.at))
}

func (s *Sim) duplicate(open *action, now time.Time) answer {
	s.duplicates++
	if s.o.Duplicates == RejectDuplicates || s.o.Duplicates == AlternateDuplicates && s.duplicates%2 == 0 {
		return s.fail(http.StatusBadRequest, "ActiveRequestAlreadyExists", "Action is already in progress")
	}
	return actionAnswer(http.StatusCreated, open.view(now))
}

// acting reads the body of an acting request. Names are case-sensitive, and Comment is required (Common REST API error
// codes page: a name in another case is a body that is wrong, or a parameter that is missing).
func (s *Sim) acting(q *request, members ...string) (map[string]string, *answer) {
	bad := func(code, message string) (map[string]string, *answer) {
		a := s.fail(http.StatusBadRequest, code, message)
		return nil, &a
	}
	body, err := q.object()
	if err != nil {
		return bad("InvalidRequestBody", "Request body is incorrect.")
	}
	given := map[string]string{}
	for _, name := range members {
		if raw, ok := body[name]; ok {
			var text string
			if json.Unmarshal(raw, &text) != nil {
				return bad("InvalidRequestBody", "Request body is incorrect.")
			}
			given[name] = text
		}
	}
	if strings.TrimSpace(given["Comment"]) == "" {
		return bad("MissingRequiredParameter", "Parameter Comment is missing.")
	}
	for name := range body {
		if i := slices.IndexFunc(members, func(known string) bool { return strings.EqualFold(known, name) }); i >= 0 && members[i] != name {
			return bad("InvalidRequestBody", "Request body is incorrect.")
		}
	}
	return given, nil
}

func (s *Sim) cancel(q *request) answer {
	given, bad := s.acting(q, "Comment")
	if bad != nil {
		return *bad
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.actionAt[q.id]
	if !ok {
		return s.noAction(q.id)
	}
	a := s.actions[i]
	if status := a.view(q.at).Status; status.Final() {
		return s.fail(http.StatusBadRequest, "BadRequest", "Action is already "+string(status)+" and can't be cancelled")
	}
	a.cancel(q.claims.AppID, given["Comment"], q.at)
	return actionAnswer(http.StatusOK, a.view(q.at))
}

func (a *action) cancel(by, comment string, now time.Time) {
	a.CancelledBy, a.CancelComment, a.CancelledAt = by, comment, now
	a.replan(now, Change{Cancelled, now})
}
