package judge

import (
	"strings"
	"time"

	"cordon/local/defendersim"
	"cordon/local/inbox"
	"cordon/local/tables"
)

// Actions are actions as the simulator recorded them.
func Actions(recorded []defendersim.Action) []Action {
	var all []Action
	for _, a := range recorded {
		action := Action{ID: a.ID, Type: a.Type, MachineID: a.MachineID}
		for _, c := range a.History {
			action.History = append(action.History, Change{Status: string(c.Status), At: c.At})
		}
		all = append(all, action)
	}
	return all
}

// Calls are calls as the simulator recorded them.
func Calls(recorded []defendersim.Call) []Call {
	var all []Call
	for _, c := range recorded {
		all = append(all, Call{Endpoint: c.Endpoint, Path: c.Path, Status: c.Status})
	}
	return all
}

// Mails are mails as they arrived.
func Mails(arrived []inbox.Mail) []Mail {
	var all []Mail
	for _, m := range arrived {
		all = append(all, Mail{ID: m.MessageID, At: m.At, Subject: m.Subject, Text: m.Text})
	}
	return all
}

// Runs are the runs in the tables, whose names begin with a prefix.
func Runs(in *tables.Server, prefix string) []Run {
	var runs []Run
	for _, row := range in.Rows(prefix + "alerts") {
		if !strings.HasPrefix(row.RowKey, "run:") {
			continue
		}
		text := func(name string) string {
			value, _ := row.Properties[name].(string)
			return value
		}
		version, _ := row.Properties["Version"].(int32)
		closed, _ := time.Parse(time.RFC3339Nano, text("ClosedAt")) // zero: it is not
		runs = append(runs, Run{
			AlertID:   text("AlertID"),
			Version:   int(version),
			State:     text("State"),
			Outcome:   text("Outcome"),
			Reason:    text("Reason"),
			MachineID: text("MachineID"),
			Severity:  text("Severity"),
			ChangedAt: row.Timestamp,
			ClosedAt:  closed,
		})
	}
	return runs
}
