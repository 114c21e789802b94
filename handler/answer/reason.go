package answer

import (
	"cmp"
	"errors"

	"cordon/handler/alert"
	"cordon/handler/playbook"
)

// Reason is why something is not done: in words for people, and as what tells it from other reasons. People hear of it
// once, however often the alert changes, so the cause has no ages and no numbers that differ at every look. Without a
// cause the words are the same every time.
type Reason struct{ Text, Cause string }

func (why Reason) cause() string {
	return cmp.Or(why.Cause, why.Text)
}

// Failure is what the API said, after words of ours.
func Failure(said string, err error) Reason {
	return Reason{said + err.Error(), said + CauseOf(err)}
}

// CauseOf is what an error says without what differs from one answer to the next, such as a correlation id.
func CauseOf(err error) string {
	var known interface{ Cause() string }
	if errors.As(err, &known) {
		return known.Cause()
	}
	return alert.Steady(err.Error())
}

// WhyOf is the reason that the playbook gave for a step's verdict.
func WhyOf(step playbook.Step) Reason {
	return Reason{step.Why, step.Cause}
}
