// Package deadletter says what the handler would make of a dead letter if it were delivered now, what the ledger knows
// of what it asks for, and so what sending it again would come to. It decodes with the decoders of the services that
// answer the two queues. It takes nothing from a queue.
package deadletter

import (
	"errors"
	"fmt"

	"cordon/handler/alert"
	"cordon/handler/notice"
)

// Reading is what the handler would make of a dead letter if it were delivered now.
type Reading struct {
	Readable bool   `json:"readable"`
	Why      string `json:"why,omitempty"`  // why not
	What     string `json:"what,omitempty"` // what it asks for, in words

	AlertID string `json:"alertId,omitempty"`
	Version int    `json:"version,omitempty"` // 0: the message names none
	Group   string `json:"group,omitempty"`
	Seq     int    `json:"seq,omitempty"`

	copyID string
}

// CopyID is the message id under which it is sent again. The number of a dead letter is never used again, so the id is
// fresh; and it is the same for a second try, so that the broker drops the copy of a replay that was interrupted after
// the first one.
func (r Reading) CopyID() string { return r.copyID }

// ReadAlert reads the dead letter of a number on the alert queue.
func ReadAlert(tenant string, number int64, body []byte) Reading {
	m, err := alert.DecodeMessageFor(tenant, body)
	if err != nil {
		return unreadable(err)
	}
	what := "alert " + m.AlertID
	if m.Version > 0 {
		what += fmt.Sprintf(", version %d", m.Version)
	}
	return Reading{
		Readable: true,
		What:     what,
		AlertID:  m.AlertID,
		Version:  m.Version,
		copyID:   copyOf(alert.MessageID(tenant, m.AlertID, m.Version), number),
	}
}

// ReadNotice reads the dead letter of a number on the notice queue.
func ReadNotice(tenant string, number int64, body []byte) Reading {
	m, err := notice.DecodeMessage(tenant, body)
	if err != nil {
		return unreadable(err)
	}
	return Reading{
		Readable: true,
		What:     fmt.Sprintf("notice %s, sequence %d", m.Group, m.Seq),
		Group:    m.Group,
		Seq:      m.Seq,
		copyID:   copyOf(notice.MessageID(tenant, m.Group, m.Seq), number),
	}
}

func unreadable(err error) Reading {
	if errors.Is(err, alert.ErrUnknownFormat) {
		return Reading{Why: err.Error() + "; use the cordon of the version that wrote it"}
	}
	return Reading{Why: err.Error()}
}

func copyOf(id string, number int64) string {
	return fmt.Sprintf("%s:replay:%d", id, number)
}
