package oncall

import (
	"io"
	"strconv"
	"time"

	"cordon/handler/cli/call"
	"cordon/handler/deadletter"
	"cordon/handler/queue"
	"cordon/handler/terminal"
)

// deadLetterList is the JSON of list.
type deadLetterList struct {
	Queue       string           `json:"queue"`
	DeadLetters []deadLetterView `json:"deadLetters"`
	More        bool             `json:"more"` // there are others behind the limit
}

// deadLetterView is a dead letter as JSON.
type deadLetterView struct {
	Number      int64               `json:"number"`
	ID          string              `json:"id"`
	SentAt      time.Time           `json:"sentAt"`
	Deliveries  int                 `json:"deliveries"`
	Bytes       int                 `json:"bytes"`
	ContentType string              `json:"contentType,omitempty"`
	Reason      string              `json:"reason,omitempty"`
	Description string              `json:"description,omitempty"`
	Deferred    bool                `json:"deferred,omitempty"`
	Reading     *deadletter.Reading `json:"reading,omitempty"` // left out: not read, the tenant is not known
}

func (x *deadLetters) list() error {
	found, more, err := x.bus.DeadLetters(x.cmd.Context(), x.name, x.shown)
	if err != nil {
		return err
	}
	all := deadLetterList{Queue: x.name, DeadLetters: []deadLetterView{}, More: more}
	for _, d := range found {
		all.DeadLetters = append(all.DeadLetters, x.view(d))
	}
	return x.Show(x.cmd, all, func(out io.Writer) error { return all.print(out, x.shown) })
}

func (x *deadLetters) view(d queue.DeadLetter) deadLetterView {
	v := deadLetterView{
		Number:      d.Number,
		ID:          d.ID,
		SentAt:      d.EnqueuedAt,
		Deliveries:  d.Deliveries,
		Bytes:       len(d.Body),
		ContentType: d.ContentType,
		Reason:      d.Reason,
		Description: d.Description,
		Deferred:    d.Deferred,
	}
	if x.tenant != "" {
		r := x.read(d)
		v.Reading = &r
	}
	return v
}

func (l deadLetterList) print(out io.Writer, limit int) error {
	if len(l.DeadLetters) == 0 {
		return call.Say(out, "queue %s has no dead letters", l.Queue)
	}
	rows := [][]string{{"NUMBER", "SENT", "DELIVERIES", "BYTES", "SET ASIDE FOR", "MESSAGE"}}
	for _, v := range l.DeadLetters {
		rows = append(rows, []string{
			strconv.FormatInt(v.Number, 10),
			call.Stamp(v.SentAt),
			strconv.Itoa(v.Deliveries),
			strconv.Itoa(v.Bytes),
			v.Reason,
			inShort(v.Reading),
		})
	}
	if err := terminal.Table(out, call.CellShown, rows...); err != nil {
		return err
	}
	switch {
	case l.More && limit < queue.MaxDeadLetters:
		return call.Say(out, "there are more; --limit shows up to %d", queue.MaxDeadLetters)
	case l.More:
		return call.Say(out, "there are more")
	}
	return nil
}

func inShort(r *deadletter.Reading) string {
	switch {
	case r == nil:
		return ""
	case r.Readable:
		return r.What
	default:
		return "unreadable: " + r.Why
	}
}
