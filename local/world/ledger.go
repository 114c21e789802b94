package world

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/local/judge"
	"cordon/local/tables"
)

// Runs are all runs in the tables.
func (w *World) Runs() []judge.Run { return judge.Runs(w.Tables, "cordon") }

// Notice is a sequence of notices as it stands in the tables.
type Notice struct {
	Group string
	Seq   int
	State string
}

// MessageID is the Message-ID under which the notice is to be sent.
func (n Notice) MessageID() string {
	sum := sha256.Sum256([]byte(TenantID + "|" + n.Group))
	return fmt.Sprintf("cordon.%x.%d@%s", sum[:12], n.Seq, MailDomain)
}

// Notices are all notices in the tables.
func (w *World) Notices() []Notice {
	var all []Notice
	for _, row := range w.rows("cordonnotices", "seq:") {
		all = append(all, Notice{text(row, "Group"), number(row, "Seq"), text(row, "State")})
	}
	return all
}

// Unsent are the keys of the notices that the index of what is to be sent names.
func (w *World) Unsent() []string {
	var keys []string
	for _, row := range w.rows("cordonnotices", "") {
		if strings.HasSuffix(row.PartitionKey, "|due") {
			keys = append(keys, row.RowKey)
		}
	}
	return keys
}

// News is one event that people are told of, and the notice that tells it.
type News struct {
	Kind    string `json:"kind"`
	Machine string `json:"machine"`
	Seq     int    `json:"-"`
}

// News are all events in the tables.
func (w *World) News() []News {
	var all []News
	for _, row := range w.rows("cordonnotices", "entry:") {
		n := News{Seq: number(row, "Seq")}
		_ = json.Unmarshal([]byte(text(row, "Body")), &n) // what cannot be read tells nothing
		all = append(all, n)
	}
	return all
}

// Evidence is what the stand-ins recorded, whatever was played.
func (w *World) Evidence() judge.Evidence {
	e := judge.Evidence{
		Actions: judge.Actions(w.Defender.Actions()),
		Calls:   judge.Calls(w.Defender.Calls()),
		Runs:    w.Runs(),
		Mails:   judge.Mails(w.Mail.Mails()),
		Dead:    w.Dead(),
	}
	for _, n := range w.Notices() {
		if n.State == "sent" {
			e.Sent++
		}
	}
	return e
}

// Dead are the dead letters of all queues, with their reasons.
func (w *World) Dead() []string {
	var dead []string
	for _, queue := range []string{AlertQueue, NoticeQueue} {
		for _, r := range w.Bus.Records(queue) {
			if r.Reason != "" {
				dead = append(dead, fmt.Sprintf("message %s of %s: %s", r.MessageID, queue, r.Reason))
			}
		}
	}
	return dead
}

// lookedBefore writes the beginning of the ledger, as the first poll does.
func (w *World) lookedBefore(at time.Time) {
	w.Tables.PutRow(switchesTable, tables.Row{
		PartitionKey: TenantID,
		RowKey:       beginningKey,
		Properties:   map[string]any{"At": at.UTC().Format(time.RFC3339Nano)},
	})
}

// Beginning is since when the ledger knows alerts; zero: it has not looked.
func (w *World) Beginning() time.Time {
	for _, row := range w.rows(switchesTable, beginningKey) {
		if at, err := time.Parse(time.RFC3339Nano, text(row, "At")); err == nil {
			return at
		}
	}
	return time.Time{}
}

// HuntRan reports whether a hunt has had a turn.
func (w *World) HuntRan(name string) bool {
	for _, row := range w.rows("cordonhunts", name) {
		if text(row, "RanAt") != "" {
			return true
		}
	}
	return false
}

// Where the ledger keeps its beginning.
const (
	switchesTable = "cordonswitches"
	beginningKey  = "beginning"
)

// EraseRuns takes away the record of an alert's runs.
func (w *World) EraseRuns(alertID string) {
	for _, row := range w.rows("cordonalerts", "run:") {
		if row.Properties["AlertID"] == alertID {
			w.Tables.DeleteRow("cordonalerts", row.PartitionKey, row.RowKey)
		}
	}
}

// HasLatch reports whether the ledger says of a machine that it is isolated.
func (w *World) HasLatch(machineID string) bool {
	return slices.ContainsFunc(w.rows("cordonlatches", ""), func(row tables.Row) bool {
		return text(row, "MachineID") == machineID &&
			text(row, "State") == "achieved"
	})
}

// EraseLatches takes away what says that machines are isolated: of one, or of all if none is named.
func (w *World) EraseLatches(machineID string) {
	for _, row := range w.rows("cordonlatches", "") {
		if machineID == "" || row.Properties["MachineID"] == machineID {
			w.Tables.DeleteRow("cordonlatches", row.PartitionKey, row.RowKey)
		}
	}
}

// rows are the rows of a table whose keys begin in one way.
func (w *World) rows(table, prefix string) []tables.Row {
	var found []tables.Row
	for _, row := range w.Tables.Rows(table) {
		if strings.HasPrefix(row.RowKey, prefix) {
			found = append(found, row)
		}
	}
	return found
}

func text(row tables.Row, name string) string {
	value, _ := row.Properties[name].(string)
	return value
}

func number(row tables.Row, name string) int {
	value, _ := row.Properties[name].(int32)
	return int(value)
}
