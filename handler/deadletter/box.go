package deadletter

import (
	"context"
	"errors"
	"time"
)

// Letter is a message that was set aside. All text in it was written by whoever sent it or set it aside.
type Letter struct {
	Number      int64 // unique within the queue and never used again
	ID          string
	Body        []byte
	ContentType string
	Subject     string
	Reason      string
	Description string
	SentAt      time.Time
	Deliveries  int
	Deferred    bool
}

// Copy is what a letter is sent again as.
type Copy struct {
	ID          string
	Body        []byte
	ContentType string
	Subject     string
}

// Taken is what became of a letter that was to be sent again, or dropped.
type Taken struct {
	Number int64
	Done   bool
	Unsure bool   // it may be done all the same
	Text   string // a sentence
}

// Broker keeps dead letters. Its calls and what they promise are those of handler/queue.
type Broker interface {
	Letters(ctx context.Context, queue string, limit int) (found []Letter, more bool, err error)
	LettersAt(ctx context.Context, queue string, numbers ...int64) (map[int64]Letter, error)
	Replay(ctx context.Context, queue string, numbers []int64, again func(Letter) (Copy, error)) ([]Taken, error)
	Drop(ctx context.Context, queue string, numbers []int64) ([]Taken, error)
}

// The queues, as people name them.
const (
	Alerts  = "alerts"
	Notices = "notices"
)

// Read decodes a letter with the decoder of the function that answers its queue.
func Read(tenant, queue string, l Letter) Reading {
	if queue == Notices {
		return ReadNotice(tenant, l.Number, l.Body)
	}
	return ReadAlert(tenant, l.Number, l.Body)
}

// Again is the copy of a letter that can be read now. Its body is sent as it is: snapshots in it are believed for their
// digest only.
func Again(tenant, queue string, l Letter) (Copy, error) {
	r := Read(tenant, queue, l)
	if !r.Readable {
		return Copy{}, errors.New(r.Why)
	}
	return Copy{
		ID:          r.CopyID(),
		Body:        l.Body,
		ContentType: l.ContentType,
		Subject:     l.Subject,
	}, nil
}
