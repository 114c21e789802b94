package deadletters

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"cordon/handler/app/setup"
	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/deadletter"
	"cordon/handler/terminal"
)

const (
	bodyShown      = 4096             // characters of a body are shown to people
	bodyMost       = 256 << 10        // bytes of a body are in JSON: all that the Standard tier takes
	ledgerPatience = 20 * time.Second // how long the ledger is waited for, without which show is still of use
)

// detailed is the JSON of show. One of Body and BodyBase64 is set, unless the body is empty.
type detailed struct {
	Queue string `json:"queue"`
	view
	Ledger     *deadletter.Known `json:"ledger,omitempty"`
	Body       string            `json:"body,omitempty"`
	BodyBase64 string            `json:"bodyBase64,omitempty"` // a body that is no UTF-8
	BodyCut    bool              `json:"bodyCut,omitempty"`    // only its beginning is shown
}

func (x *box) show(number int64) error {
	ctx := x.cmd.Context()
	found, err := x.bus.DeadLettersAt(ctx, x.name, number)
	if err != nil {
		return err
	}
	d, exists := found[number]
	if !exists {
		return fmt.Errorf("queue %s has no dead letter %d; cordon deadletter list shows those it has", x.name, number)
	}
	detail := detailed{Queue: x.name, view: x.view(d)}
	if detail.Reading.Readable {
		known := x.lookUp(ctx, *detail.Reading)
		detail.Ledger = &known
	}
	body := d.Body[:min(len(d.Body), bodyMost)]
	detail.BodyCut = len(body) < len(d.Body)
	if utf8.Valid(body) {
		detail.Body = string(body)
	} else {
		detail.BodyBase64 = base64.StdEncoding.EncodeToString(body)
	}
	return x.Show(x.cmd, detail, func(out io.Writer) error {
		return detail.print(out, d.Body)
	})
}

// lookUp asks the ledger. That it cannot be asked is an answer too.
func (x *box) lookUp(ctx context.Context, r deadletter.Reading) deadletter.Known {
	settings, err := config.LoadFor(x.Getenv, config.Ledger)
	if err != nil {
		return deadletter.Known{Unreadable: brief(err)}
	}
	ctx, cancel := context.WithTimeout(ctx, ledgerPatience)
	defer cancel()
	store, err := setup.CommandLedger(ctx, settings)
	if err != nil {
		return deadletter.Known{Unreadable: brief(err)}
	}
	known, err := deadletter.Ask(ctx, store.Runs, store.Notices, r)
	if err != nil {
		return deadletter.Known{Unreadable: brief(err)}
	}
	return known
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

func (d detailed) print(out io.Writer, body []byte) error {
	rows := [][]string{
		{"queue", d.Queue},
		{"number", strconv.FormatInt(d.Number, 10)},
		{"message id", d.ID},
		{"sent", call.Stamp(d.SentAt)},
		{"deliveries", strconv.Itoa(d.Deliveries)},
		{"set aside for", d.Reason},
		{"description", d.Description},
	}
	if d.Deferred {
		rows = append(rows, []string{"state", "deferred: a receiver put it off; replay and drop take it all the same"})
	}
	if d.Reading.Readable {
		rows = append(rows, []string{"read now", "yes: " + d.Reading.What})
	} else {
		rows = append(rows, []string{"read now", "no: " + d.Reading.Why})
	}
	if d.Ledger != nil {
		rows = append(rows, rowsOf(*d.Ledger)...)
	}
	said := fmt.Sprintf("%d bytes, %s", d.Bytes, cmp.Or(d.ContentType, "no content type"))
	err := terminal.Pairs(out, call.FactShown, append(rows, []string{"body", said})...)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return nil
	}
	return call.Say(out, "\n%s", terminal.Plain(string(body), bodyShown))
}

func rowsOf(k deadletter.Known) [][]string {
	if k.Unreadable != "" {
		return [][]string{{"ledger", "not read: " + k.Unreadable}}
	}
	said := k.State
	if k.RunID != "" {
		said = "run " + k.RunID + " is " + k.State
	}
	if k.Outcome != "" {
		said += ": " + k.Outcome
	}
	if k.Reason != "" {
		said += " (" + k.Reason + ")"
	}
	rows := [][]string{{"ledger", cmp.Or(said, "no run")}}
	if k.Newest > 0 {
		rows = append(rows, []string{"newest version", strconv.Itoa(k.Newest)})
	}
	return append(rows, []string{"replay", k.Replay})
}
