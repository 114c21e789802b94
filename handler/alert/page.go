package alert

import "time"

// Window selects the alerts whose last update lies in [From, To).
type Window struct {
	From time.Time // UTC, by the API's clock
	To   time.Time // zero: no end, so that alerts dated in the future are seen too
	// page size, at most 10,000, and how many to leave out; Skip only makes sense with a fixed window
	Top, Skip int
}

// Page says what came of reading one page.
type Page struct {
	Count int       // entries of the page; Top of them means that there may be more
	More  bool      // the API says that there are more, whatever Count is
	Date  time.Time // the API's clock when it answered; zero if it did not say
}

// Stamp is as much of an alert as tells whether it changed.
type Stamp struct {
	ID      string
	Updated time.Time // its last update
}

// Envelope is a message with what the broker needs to know.
type Envelope struct {
	ID      string // the broker drops a second message with the same id within its window
	Message Message
	At      time.Time // when it becomes visible; zero: now
}
