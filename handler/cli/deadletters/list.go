package deadletters

import (
	"io"
	"strconv"

	"cordon/handler/cli/call"
	"cordon/handler/deadletter"
	"cordon/handler/queue"
	"cordon/handler/terminal"
)

// listed is the JSON of list.
type listed struct {
	Queue       string `json:"queue"`
	DeadLetters []view `json:"deadLetters"`
	More        bool   `json:"more"` // there are others behind the limit
}

func (x *box) list() error {
	found, more, err := x.bus.DeadLetters(x.cmd.Context(), x.name, x.shown)
	if err != nil {
		return err
	}
	all := listed{
		Queue:       x.name,
		DeadLetters: []view{},
		More:        more,
	}
	for _, d := range found {
		all.DeadLetters = append(all.DeadLetters, x.view(d))
	}
	return x.Show(x.cmd, all, func(out io.Writer) error {
		return all.print(out, x.shown)
	})
}

func (l listed) print(out io.Writer, limit int) error {
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
	err := terminal.Table(out, call.CellShown, rows...)
	if err != nil {
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
