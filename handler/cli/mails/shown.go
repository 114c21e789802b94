package mails

import (
	"context"
	"fmt"
	"io"
	"strings"

	"cordon/handler/cli/call"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// listed are mails of several states.
type listed struct {
	Mails []wire.Mail `json:"mails"`
	More  bool        `json:"more,omitzero"` // there are more than were asked for
}

// read reads mails of some states, one after the other.
func read(ctx context.Context, desk operate.Desk, asked []string, limit int) (listed, error) {
	all := listed{Mails: []wire.Mail{}}
	known := map[string]bool{}
	for _, state := range asked {
		for after, more := "", true; more; more = after != "" {
			page, err := desk.Mails(ctx, wire.MailsAsked{
				State: state,
				Limit: min(limit+1-len(all.Mails), listPage),
				After: after,
			})
			if err != nil {
				return all, err
			}
			for _, m := range page.Mails {
				// One that was sent while the lists were read is in two of them.
				if !known[m.ID] {
					all.Mails = append(all.Mails, m)
				}
				known[m.ID] = true
			}
			if len(all.Mails) > limit {
				return listed{Mails: all.Mails[:limit], More: true}, nil
			}
			after = page.Next
		}
	}
	return all, nil
}

func printMails(w io.Writer, now call.Clock, all listed, asked []string) error {
	if len(all.Mails) == 0 {
		return call.Say(w, "no mail: %s", strings.Join(asked, ", "))
	}
	list := terminal.List{Heading: []string{"STATE", "WHEN", "MAIL"}, Cut: []int{2}}
	for _, m := range all.Mails {
		list.Rows = append(list.Rows, terminal.Entry{
			Cells: []string{m.State, when(now, m), m.ID},
			Below: below(now, m),
		})
	}
	if err := list.Write(w, call.FactShown); err != nil {
		return err
	}
	if all.More {
		return call.Say(w, "there are more; --limit shows up to %d", listMost)
	}
	return nil
}

func when(now call.Clock, m wire.Mail) string {
	switch {
	case !m.Sent.IsZero():
		return now.Age(m.Sent) + " ago"
	case !m.Dropped.IsZero():
		return now.Age(m.Dropped) + " ago"
	case m.Sending:
		return "now"
	case !m.Due.After(now.Now):
		return "soon"
	}
	return now.Age(m.Due)
}

// below is what is said of a mail: what it is about, who gets it, and what it failed of.
func below(now call.Clock, m wire.Mail) []string {
	lines := []string{m.About}
	if len(m.To) > 0 {
		lines = append(lines, "to: "+strings.Join(m.To, ", "))
	}
	if len(m.Left) > 0 {
		lines = append(lines, "still to get it: "+strings.Join(m.Left, ", "))
	}
	if m.Tries == 0 || m.State == "sent" {
		return lines
	}
	tried := fmt.Sprintf("failed %d times", m.Tries)
	if m.Tries == 1 {
		tried = "failed once"
	}
	if !m.Tried.IsZero() {
		tried += ", " + now.Age(m.Tried) + " ago"
	}
	if m.Why != "" {
		tried += ": " + m.Why
	}
	return append(lines, tried)
}
