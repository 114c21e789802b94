// Package anonymous gives what names people, machines and places in a decision a stand-in: the same name has the same
// one wherever it stands. What only a person would know for a name, such as that of somebody in a title, stays.
package anonymous

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"cordon/handler/alert"
	"cordon/handler/decided"
	"cordon/handler/outgoing"
)

// Of is a decision with stand-ins. patterns are the texts with * and ? of the playbook: a machine whose name fits some
// gets a stand-in that fits them too, so that it is decided about in the same way.
func Of(d decided.Decision, patterns []string) (decided.Decision, error) {
	is, err := copied(d)
	if err != nil {
		return is, err
	}
	n := &names{
		standIns: map[string]string{},
		counts:   map[kind]int{},
		patterns: patterns,
	}
	n.collect(&is.Facts)
	n.collectText(&is)
	is.AlertID = n.alertID(is.AlertID, is.Facts.Alert.MachineID)
	is.Run = alert.RunID(is.AlertID, is.Version)
	is.Facts.Alert.ID = is.AlertID
	if is.Facts.Alert.IncidentID != 0 {
		is.Facts.Alert.IncidentID = 1
	}
	silence(&is.Facts)
	for _, part := range []any{&is.Facts, &is.Steps} {
		each(reflect.ValueOf(part), "", func(_, text string) string { return n.replace(text) })
	}
	return is, nil
}

// copied is a decision that shares nothing with another.
func copied(d decided.Decision) (is decided.Decision, err error) {
	body, err := outgoing.Encode(d)
	if err == nil {
		err = json.Unmarshal(body, &is)
	}
	if err != nil {
		return is, fmt.Errorf("copy the decision of run %s: %w", d.Run, err)
	}
	return is, nil
}

// silence takes out what people wrote and no rule reads.
func silence(f *decided.Facts) {
	if f.Paused {
		f.PauseReason = "somebody, for a reason"
	}
	for i := range f.OpenActions {
		quiet(&f.OpenActions[i], i+1)
	}
	if f.Isolation != nil {
		quiet(&f.Isolation.Action, 0)
	}
	f.Alert.GraphID = ""
}

func quiet(a *decided.Action, number int) {
	a.ID = fmt.Sprintf("action-%d", number)
	a.Comment, a.CancelComment = "", ""
}

// alertID is the stand-in of an alert's id, which is that of a finding of the same hunt, or has the same machine's.
func (n *names) alertID(id, machineID string) string {
	switch api := alert.APIID(id); {
	case alert.IsFinding(id):
		parts := strings.SplitN(id, ":", 3)
		return alert.FindingID(parts[1], "1")
	case api != id:
		return alert.OnMachine("da1_1", n.replace(machineID))
	}
	return "da1_1"
}
