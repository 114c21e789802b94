package answer

import (
	"encoding/json"
	"slices"
	"strings"

	"cordon/handler/alert"
	"cordon/handler/ledger/runs"
	"cordon/handler/outgoing"
	"cordon/handler/playbook"
)

// ownChange is what a change of the alert sets, and what was there before.
type ownChange struct {
	Was alert.Change `json:"was"`
	Set alert.Change `json:"set"`
}

// BeforeChange keeps what a change of the alert sets and what was there, for the row of the run that makes it.
func BeforeChange(a alert.Alert, c alert.Change) string {
	c.Comment, c.AssignedTo = "", "" // no rule reads them
	was := alert.Change{
		Status:         a.Status,
		Classification: a.Classification,
		Determination:  a.Determination,
	}
	text, err := outgoing.Encode(ownChange{was, c})
	if err != nil {
		return ""
	}
	return string(text)
}

// WithoutOwn gives the decision alert and machine as they would be without what the run itself changed of them. The
// rails see every tag that is there: what protects a machine protects it whoever put it on.
func WithoutOwn(run runs.Run, in *playbook.Input) {
	for _, state := range run.Steps {
		if !state.Begun {
			continue
		}
		kind, tag, _ := strings.Cut(strings.TrimPrefix(state.Key, "tag:"), ":")
		switch {
		case in.Machine != nil && strings.HasPrefix(state.Key, "tag:"):
			m := *in.Machine
			own := func(there string) bool { return strings.EqualFold(there, tag) }
			if slices.ContainsFunc(m.Tags, own) {
				in.OwnTags = append(in.OwnTags, tag)
			}
			m.Tags = slices.DeleteFunc(slices.Clone(m.Tags), own)
			if kind == "remove" && m.Tags != nil {
				m.Tags = append(m.Tags, tag)
			}
			in.Machine = &m
		case state.Before != "":
			var own ownChange
			if json.Unmarshal([]byte(state.Before), &own) != nil {
				continue
			}
			takeBack(&in.Alert.Status, own.Was.Status, own.Set.Status)
			takeBack(&in.Alert.Classification, own.Was.Classification, own.Set.Classification)
			takeBack(&in.Alert.Determination, own.Was.Determination, own.Set.Determination)
		}
	}
}

// takeBack makes a field what it was if it is what was set.
func takeBack[T ~string](field *T, was, set T) {
	if set != "" && strings.EqualFold(string(*field), string(set)) {
		*field = was
	}
}
