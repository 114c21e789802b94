package defendersim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// acting reads the body of an acting request. Names are case-sensitive (Common REST API error codes page: a name in
// another case is a body that is wrong, or a parameter that is missing). The required members may not be empty.
func (s *Sim) acting(q *request, required []string, others ...string) (map[string]string, *answer) {
	bad := func(code, message string) (map[string]string, *answer) {
		a := s.fail(http.StatusBadRequest, code, message)
		return nil, &a
	}
	body, err := q.object()
	if err != nil {
		return bad("InvalidRequestBody", "Request body is incorrect.")
	}
	given, members := map[string]string{}, append(slices.Clone(required), others...)
	for _, name := range members {
		if raw, ok := body[name]; ok {
			var text string
			if json.Unmarshal(raw, &text) != nil {
				return bad("InvalidRequestBody", "Request body is incorrect.")
			}
			given[name] = text
		}
	}
	for _, name := range required {
		if strings.TrimSpace(given[name]) == "" {
			return bad("MissingRequiredParameter", "Parameter "+name+" is missing.")
		}
	}
	for name := range body {
		if i := slices.IndexFunc(members, func(known string) bool { return strings.EqualFold(known, name) }); i >= 0 &&
			members[i] != name {
			return bad("InvalidRequestBody", "Request body is incorrect.")
		}
	}
	return given, nil
}

func (s *Sim) cancel(q *request) answer {
	given, bad := s.acting(q, []string{"Comment"})
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
		return s.fail(http.StatusBadRequest, "BadRequest",
			"Action is already "+string(status)+" and can't be cancelled")
	}
	a.cancel(q.claims.AppID, given["Comment"], q.at)
	return actionAnswer(http.StatusOK, a.view(q.at))
}

func (a *action) cancel(by, comment string, now time.Time) {
	a.CancelledBy, a.CancelComment, a.CancelledAt = by, comment, now
	a.replan(now, Change{Cancelled, now})
}
