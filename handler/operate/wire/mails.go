package wire

import "time"

// MailsAsked selects mails by what became of them.
type MailsAsked struct {
	State string // sent, waiting, failed or dropped; empty: sent
	Limit int    // of a page; 0: the default
	After string // Next of the page before; empty: the first page
}

// Mails is a page of them: those that were sent or dropped newest first, the others by when they are due.
type Mails struct {
	Mails []Mail `json:"mails"`
	Next  string `json:"next,omitempty"` // "after" of the next page; empty: this is the last
}

// Mail is one mail to people, and what became of it.
type Mail struct {
	ID string `json:"id"`
	// State is waiting, failed (it is tried again), sent (the server took it) or dropped (a person gave it up).
	State string `json:"state"`
	About string `json:"about"` // its subject; before it is written for the first time, what it is about

	To      []string  `json:"to"`               // recipients; empty: not known here
	Due     time.Time `json:"due,omitzero"`     // when it is sent, or tried again; of what is sent, when it was due
	Sent    time.Time `json:"sent,omitzero"`    // when the server took it
	Dropped time.Time `json:"dropped,omitzero"` // when a person gave it up
	Sending bool      `json:"sending,omitzero"` // it is being sent now
	Tries   int       `json:"tries,omitzero"`   // how often sending it failed
	Tried   time.Time `json:"tried,omitzero"`   // when it failed last
	Why     string    `json:"why,omitempty"`    // what it failed of last
	Left    []string  `json:"left,omitempty"`   // who is still to get it, where the others have it
}

// MailOrder has mails sent at once that wait or have failed, or drops those that failed.
type MailOrder struct {
	Order
	Mails []string `json:"mails"` // ids, 1 to 100
}
