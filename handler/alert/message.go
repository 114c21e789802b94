package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"cordon/handler/incoming"
)

// MessageFormat is the queue message format that this version writes and the newest that it reads.
const MessageFormat = 1

// MaxSnapshotBytes is the largest message body that may carry snapshots; above it they are left out and the responder
// reads alert and machine itself. The broker's limit is 256 KiB with headers.
const MaxSnapshotBytes = 200 << 10

// Message is one entry of the alert queue: a hint that a version of an alert may need an answer. It authorises nothing;
// the responder checks everything against the ledger and the API. Only AlertID is required, so that a portal or another
// system can ask for a run with {"alertId":"…"}.
type Message struct {
	Format  int    `json:"format,omitempty"` // 0 in a hand-written message: read as 1
	Tenant  string `json:"tenant,omitempty"`
	AlertID string `json:"alertId"`
	Version int    `json:"version,omitempty"` // 0: not known, the responder finds it out
	// why it was sent: new, changed, resent, retry, replay, pushed, asked, hunt
	Reason     string          `json:"reason,omitempty"`
	ObservedAt time.Time       `json:"observedAt,omitzero"`
	Attempt    int             `json:"attempt,omitempty"` // scheduled copies made so far for this version
	Alert      json.RawMessage `json:"alert,omitempty"`
	Machine    json.RawMessage `json:"machine,omitempty"`
}

// ErrUnknownFormat is returned by DecodeMessage for a message of a newer version of Cordon. The message is not wrong:
// it is put back for a while until that version runs here too.
var ErrUnknownFormat = errors.New("the message has a newer format than this version reads")

// DecodeMessage reads a queue message. Unknown members are ignored. An error other than ErrUnknownFormat says what is
// wrong and never becomes right by waiting.
func DecodeMessage(body []byte) (Message, error) {
	body = incoming.Document(body) // a person may have written it
	// The format is read alone first: a newer one may have changed the types of everything else.
	var format struct {
		Format int `json:"format"`
	}
	err := json.Unmarshal(body, &format)
	if err == nil && format.Format > MessageFormat {
		return Message{},
			fmt.Errorf("format %d, this version reads up to %d: %w", format.Format, MessageFormat, ErrUnknownFormat)
	}
	var m Message
	if err := json.Unmarshal(body, &m); err != nil {
		return Message{},
			fmt.Errorf("alert message of %d bytes is not a JSON object of the known form: %w", len(body), err)
	}
	if err := CheckID(m.AlertID); err != nil {
		return Message{}, fmt.Errorf("alert message: alertId: %w", err)
	}
	if m.Version < 0 || m.Attempt < 0 || m.Format < 0 {
		return Message{},
			fmt.Errorf("alert message: format %d, version %d and attempt %d must not be negative", m.Format, m.Version,
				m.Attempt)
	}
	return m, nil
}

// DecodeMessageFor is DecodeMessage in the app of a tenant. A message that names another tenant is wrong there.
func DecodeMessageFor(tenant string, body []byte) (Message, error) {
	m, err := DecodeMessage(body)
	if err == nil && m.Tenant != "" && m.Tenant != tenant {
		return Message{}, fmt.Errorf("message for tenant %q, this app answers for %q", m.Tenant, tenant)
	}
	return m, err
}

// Encode writes m, without its snapshots if it would pass MaxSnapshotBytes with them.
func (m Message) Encode() []byte {
	m.Format = MessageFormat
	body := mustMarshal(m)
	if len(body) > MaxSnapshotBytes {
		m.Alert, m.Machine = nil, nil
		body = mustMarshal(m)
	}
	return body
}

// MessageID is the id under which version v of an alert is queued. It is the same every time, so that the broker drops
// a repeat within its duplicate window. Scheduled copies and deliberate repeats append a suffix of their own.
func MessageID(tenant, alertID string, version int) string {
	return fmt.Sprintf("%s:v%d", QueueID(tenant, alertID), version)
}

// maxQueueID leaves room for suffixes below the broker's limit of 128 characters for a message id.
const maxQueueID = 80

// QueueID begins the message ids of something that belongs to a tenant. Where the two are too long for the broker their
// digest stands for them, so that the id stays the same every time.
func QueueID(tenant, what string) string {
	id := tenant + ":" + what
	if len(id) > maxQueueID {
		return SHA256([]byte(id))
	}
	return id
}

// RunID names the run of one version of an alert, in logs, machine action comments, mails and the ledger.
func RunID(alertID string, version int) string {
	return fmt.Sprintf("%s:v%d", alertID, version)
}

// SplitRunID undoes RunID; an id that is none has no alert.
func SplitRunID(id string) (alertID string, version int) {
	at := strings.LastIndex(id, ":v")
	if at < 0 {
		return "", 0
	}
	version, err := strconv.Atoi(id[at+2:])
	if err != nil {
		return "", 0
	}
	return id[:at], version
}

// maxIDLength bounds ids that come from outside; the vendor's alert ids have about 32 characters.
const maxIDLength = 128

// CheckID says why id cannot be an alert or machine id: empty, too long, or with characters that have a meaning in
// paths, queries or table keys. Ids come in by queue messages that anybody with send rights can write.
func CheckID(id string) error {
	switch {
	case id == "":
		return errors.New("is empty, an id is required")
	case len(id) > maxIDLength:
		return fmt.Errorf("has %d bytes, at most %d are allowed", len(id), maxIDLength)
	case strings.Trim(id, ".") == "":
		return fmt.Errorf("%q is not an id", id)
	}
	for _, r := range id {
		if r > unicode.MaxASCII || !(unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.:", r)) {
			return fmt.Errorf("%q has the character %q; letters, digits and - _ . : are allowed", id, r)
		}
	}
	return nil
}

// CheckMachine says why the machine that the alert names cannot be asked for; nil if it can, or if it names none.
func (a Alert) CheckMachine() error {
	if a.MachineID == "" || CheckID(a.MachineID) == nil {
		return nil
	}
	return fmt.Errorf("%.80q cannot be a machine's id; look at the alert in the portal", a.MachineID)
}

// UndecodableError says that a queue message cannot be read and never will be. Whoever answers the host fails the
// delivery, so that the broker sets the message aside as a dead letter.
type UndecodableError struct{ Err error }

func (e *UndecodableError) Error() string {
	return "undecodable message: " + e.Err.Error()
}
func (e *UndecodableError) Unwrap() error { return e.Err }

// Undecodable is always true; trigger finds it with errors.As.
func (e *UndecodableError) Undecodable() bool { return true }
