package chaos

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
)

// notice is a sequence of notices as it stands in the ledger.
type notice struct {
	group string
	seq   int
	state string
}

// id is the Message-ID under which the notice is to be sent.
func (n notice) id() string {
	sum := sha256.Sum256([]byte(tenantID + "|" + n.group))
	return fmt.Sprintf("cordon.%x.%d@%s", sum[:12], n.seq, mailDomain)
}

func (w *world) notices() []notice {
	var all []notice
	for _, row := range w.tables.Rows("cordonnotices") {
		if strings.HasPrefix(row.RowKey, "seq:") {
			seq, _ := row.Properties["Seq"].(int32)
			state, _ := row.Properties["State"].(string)
			group, _ := row.Properties["Group"].(string)
			all = append(all, notice{group, int(seq), state})
		}
	}
	return all
}

// news is one event that people are told of, and the notice that tells it.
type news struct {
	Kind    string `json:"kind"`
	Machine string `json:"machine"`
	seq     int
}

func (w *world) news() []news {
	var all []news
	for _, row := range w.tables.Rows("cordonnotices") {
		if !strings.HasPrefix(row.RowKey, "entry:") {
			continue
		}
		var n news
		body, _ := row.Properties["Body"].(string)
		_ = json.Unmarshal([]byte(body), &n) // what cannot be read tells nothing
		seq, _ := row.Properties["Seq"].(int32)
		n.seq = int(seq)
		all = append(all, n)
	}
	return all
}

// runRow is the record of a run.
type runRow struct {
	alertID, state, outcome, reason string
	version                         int
}

func (r runRow) final() bool { return r.state == "closed" || r.state == "parked" }

func (w *world) runs() []runRow {
	var all []runRow
	for _, row := range w.tables.Rows("cordonalerts") {
		if !strings.HasPrefix(row.RowKey, "run:") {
			continue
		}
		text := func(name string) string {
			value, _ := row.Properties[name].(string)
			return value
		}
		version, _ := row.Properties["Version"].(int32)
		all = append(all, runRow{alertID: text("AlertID"), version: int(version), state: text("State"), outcome: text("Outcome"), reason: text("Reason")})
	}
	return all
}

func (w *world) run(alertID string, version int) runRow {
	for _, r := range w.runs() {
		if r.alertID == alertID && r.version == version {
			return r
		}
	}
	return runRow{}
}
