package servicebus

import (
	"fmt"
	"time"
)

// Fate is what became of a message.
type Fate string

// The fates. A message that is locked is Active or Deferred still.
const (
	Active       Fate = "active"
	Scheduled    Fate = "scheduled"
	Deferred     Fate = "deferred"
	Completed    Fate = "completed"     // taken from the queue by a receiver
	DeadLettered Fate = "dead-lettered" // and still there
	Removed      Fate = "removed"       // taken from the dead letters by a receiver
	Cancelled    Fate = "cancelled"     // scheduled, and cancelled before its time
	Duplicate    Fate = "duplicate"     // accepted, and dropped because its id was seen within the window
)

// Record is one message that a queue accepted. Body is shared with the broker: it is for reading only.
type Record struct {
	MessageID      string
	SequenceNumber int64 // 0 for a duplicate; a scheduled message gets another one when it becomes visible
	Body           []byte
	Subject        string
	AcceptedAt     time.Time
	ScheduledFor   time.Time // zero: for now
	Fate           Fate
	FateAt         time.Time
	Deliveries     int
	Reason         string // why it was dead-lettered
}

func (r *Record) become(fate Fate, at time.Time) { r.Fate, r.FateAt = fate, at }

// Counts is how many messages a queue holds now.
type Counts struct {
	Active       int // waiting or locked
	Scheduled    int
	Deferred     int
	DeadLettered int
}

func plural(n uint32, thing string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, thing)
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
