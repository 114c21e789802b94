package deadletters

import (
	"time"

	"cordon/handler/deadletter"
	"cordon/handler/queue"
)

// view is a dead letter as JSON.
type view struct {
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

func (x *box) view(d queue.DeadLetter) view {
	v := view{
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

// read decodes a dead letter with the decoder of the function that answers its queue.
func (x *box) read(d queue.DeadLetter) deadletter.Reading {
	if x.queue == "notices" {
		return deadletter.ReadNotice(x.tenant, d.Number, d.Body)
	}
	return deadletter.ReadAlert(x.tenant, d.Number, d.Body)
}
