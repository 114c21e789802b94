package deadletters

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// bodyShown is how many characters of a body are shown to people.
const bodyShown = 4096

func (f *flags) show(cmd *cobra.Command, desk operate.Desk, number int64, unread error) error {
	d, err := desk.DeadLetter(cmd.Context(), f.queue, number)
	if err != nil {
		return err
	}
	if unread != nil {
		d.Known = "not read: " + brief(unread)
	}
	return f.Show(cmd, d, func(w io.Writer) error {
		return printLetter(w, f.Clock(), f.queue, d)
	})
}

// brief is an error on one line: of a refused request only what the service said, of settings all that are wrong.
func brief(err error) string {
	var answer *azcore.ResponseError
	if errors.As(err, &answer) {
		return fmt.Sprintf("the table service answered %d %s", answer.StatusCode, answer.ErrorCode)
	}
	var wrong *config.Error
	if errors.As(err, &wrong) {
		var all []string
		for _, p := range wrong.Problems {
			all = append(all, p.Name+": "+p.Message)
		}
		return strings.Join(all, "; ")
	}
	return err.Error()
}

func printLetter(w io.Writer, now call.Clock, queue string, d wire.DeadLetter) error {
	rows := [][]string{
		{"queue", queue},
		{"number", strconv.FormatInt(d.Number, 10)},
		{"message id", d.ID},
		{"sent", now.Stamp(d.SentAt)},
		{"deliveries", strconv.Itoa(d.Deliveries)},
		{"set aside for", d.Reason},
		{"description", d.Description},
	}
	if d.Deferred {
		rows = append(rows, []string{"state", "deferred: a receiver put it off; replay and drop take it all the same"})
	}
	if d.Readable {
		rows = append(rows, []string{"read now", "yes: " + d.What})
	} else {
		rows = append(rows, []string{"read now", "no: " + d.Why})
	}
	if d.Known != "" {
		rows = append(rows, []string{"ledger", d.Known})
	}
	said := fmt.Sprintf("%d bytes, %s", d.Bytes, cmp.Or(d.ContentType, "no content type"))
	err := terminal.Pairs(w, call.FactShown, append(rows, []string{"body", said})...)
	if err != nil || d.Body == "" {
		return err
	}
	return call.Say(w, "\n%s", terminal.Plain(d.Body, bodyShown))
}
