package respond

import (
	"errors"

	"cordon/handler/alert"
	"cordon/handler/playbook"
)

// reason is why something is not done: in words for people, and as what tells it from other reasons. People hear of it once,
// however often the alert changes, so the cause has no ages and no numbers that differ at every look. Without a cause the words
// are the same every time.
type reason struct{ text, cause string }

// failure is what the API said, after words of ours.
func failure(said string, err error) reason { return reason{said + err.Error(), said + causeOf(err)} }

// causeOf is what an error says without what differs from one answer to the next, such as a correlation id.
func causeOf(err error) string {
	var known interface{ Cause() string }
	if errors.As(err, &known) {
		return known.Cause()
	}
	return alert.Steady(err.Error())
}

// whyOf is the reason that the playbook gave for a step's verdict.
func whyOf(step playbook.Step) reason { return reason{step.Why, step.Cause} }
