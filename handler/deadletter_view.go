package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"cordon/handler/queue"
	"cordon/handler/terminal"
)

// How much of what strangers wrote is printed, in characters; of a body in JSON in bytes, which is all that the Standard
// tier takes.
const (
	cellShown = 100
	factShown = 600
	bodyShown = 4096
	bodyMost  = 256 << 10
)

// deadLetterView is a dead letter as JSON.
type deadLetterView struct {
	Number      int64     `json:"number"`
	ID          string    `json:"id"`
	SentAt      time.Time `json:"sentAt"`
	Deliveries  int       `json:"deliveries"`
	Bytes       int       `json:"bytes"`
	ContentType string    `json:"contentType,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Description string    `json:"description,omitempty"`
	Deferred    bool      `json:"deferred,omitempty"`
	Reading     *reading  `json:"reading,omitempty"` // left out: not read, the tenant is not known
}

func (x *deadLetters) view(d queue.DeadLetter) deadLetterView {
	v := deadLetterView{Number: d.Number, ID: d.ID, SentAt: d.EnqueuedAt, Deliveries: d.Deliveries, Bytes: len(d.Body), ContentType: d.ContentType,
		Reason: d.Reason, Description: d.Description, Deferred: d.Deferred}
	if x.tenant != "" {
		r := x.read(d)
		v.Reading = &r
	}
	return v
}

// deadLetterList is the JSON of list.
type deadLetterList struct {
	Queue       string           `json:"queue"`
	DeadLetters []deadLetterView `json:"deadLetters"`
	More        bool             `json:"more"` // there are others behind the limit
}

func (x *deadLetters) list(ctx context.Context) error {
	found, more, err := x.bus.DeadLetters(ctx, x.name, x.shown)
	if err != nil {
		return err
	}
	all := deadLetterList{Queue: x.name, DeadLetters: []deadLetterView{}, More: more}
	for _, d := range found {
		all.DeadLetters = append(all.DeadLetters, x.view(d))
	}
	if x.json {
		return terminal.JSON(x.out, all)
	}
	if len(found) == 0 {
		return x.say("queue %s has no dead letters", x.name)
	}
	rows := [][]string{{"NUMBER", "SENT", "DELIVERIES", "BYTES", "SET ASIDE FOR", "MESSAGE"}}
	for _, v := range all.DeadLetters {
		rows = append(rows, []string{strconv.FormatInt(v.Number, 10), stamp(v.SentAt), strconv.Itoa(v.Deliveries), strconv.Itoa(v.Bytes), v.Reason, v.Reading.short()})
	}
	if err := terminal.Table(x.out, cellShown, rows...); err != nil {
		return err
	}
	switch {
	case more && x.shown < queue.MaxDeadLetters:
		return x.say("there are more; --limit shows up to %d", queue.MaxDeadLetters)
	case more:
		return x.say("there are more")
	}
	return nil
}

func (r *reading) short() string {
	switch {
	case r == nil:
		return ""
	case r.Readable:
		return r.What
	default:
		return "unreadable: " + r.Why
	}
}

func (x *deadLetters) say(format string, args ...any) error {
	_, err := fmt.Fprintf(x.out, format+"\n", args...)
	return err
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// deadLetterDetail is the JSON of show. One of Body and BodyBase64 is set, unless the body is empty.
type deadLetterDetail struct {
	Queue string `json:"queue"`
	deadLetterView
	Ledger     *recorded `json:"ledger,omitempty"`
	Body       string    `json:"body,omitempty"`
	BodyBase64 string    `json:"bodyBase64,omitempty"` // a body that is no UTF-8
	BodyCut    bool      `json:"bodyCut,omitempty"`    // only its beginning is shown
}

func (x *deadLetters) show(ctx context.Context, number int64) error {
	found, err := x.bus.DeadLettersAt(ctx, x.name, number)
	if err != nil {
		return err
	}
	d, exists := found[number]
	if !exists {
		return fmt.Errorf("queue %s has no dead letter %d; cordon deadletter list shows those it has", x.name, number)
	}
	detail := deadLetterDetail{Queue: x.name, deadLetterView: x.view(d)}
	if detail.Reading.Readable {
		known := x.lookUp(ctx, *detail.Reading)
		detail.Ledger = &known
	}
	if !x.json {
		return x.describe(detail, d.Body)
	}
	body := d.Body[:min(len(d.Body), bodyMost)]
	if detail.BodyCut = len(body) < len(d.Body); utf8.Valid(body) {
		detail.Body = string(body)
	} else {
		detail.BodyBase64 = base64.StdEncoding.EncodeToString(body)
	}
	return terminal.JSON(x.out, detail)
}

func (x *deadLetters) describe(d deadLetterDetail, body []byte) error {
	rows := [][]string{{"queue", d.Queue}, {"number", strconv.FormatInt(d.Number, 10)}, {"message id", d.ID}, {"sent", stamp(d.SentAt)},
		{"deliveries", strconv.Itoa(d.Deliveries)}, {"set aside for", d.Reason}, {"description", d.Description}}
	if d.Deferred {
		rows = append(rows, []string{"state", "deferred: a receiver put it off; replay and drop take it all the same"})
	}
	if d.Reading.Readable {
		rows = append(rows, []string{"read now", "yes: " + d.Reading.What})
	} else {
		rows = append(rows, []string{"read now", "no: " + d.Reading.Why})
	}
	if l := d.Ledger; l != nil {
		rows = append(rows, l.rows()...)
	}
	rows = append(rows, []string{"body", fmt.Sprintf("%d bytes, %s", d.Bytes, cmp.Or(d.ContentType, "no content type"))})
	if err := terminal.Table(x.out, factShown, rows...); err != nil {
		return err
	}
	if len(body) == 0 {
		return nil
	}
	return x.say("\n%s", terminal.Plain(string(body), bodyShown))
}

func (l *recorded) rows() [][]string {
	if l.Unreadable != "" {
		return [][]string{{"ledger", "not read: " + l.Unreadable}}
	}
	said := l.State
	if l.RunID != "" {
		said = "run " + l.RunID + " is " + l.State
	}
	if l.Outcome != "" {
		said += ": " + l.Outcome
	}
	if l.Reason != "" {
		said += " (" + l.Reason + ")"
	}
	rows := [][]string{{"ledger", cmp.Or(said, "no run")}}
	if l.Newest > 0 {
		rows = append(rows, []string{"newest version", strconv.Itoa(l.Newest)})
	}
	return append(rows, []string{"replay", l.Replay})
}
