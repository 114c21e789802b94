package graph

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// MaxMail is the largest mail, in bytes of MIME, that SendMail is good for. Graph takes requests of 4 MB, which base64
// fills with three quarters as much; whether a MB has 1,000,000 or 1,048,576 bytes is not documented.
const MaxMail = 3_000_000

// SendMail sends a mail, composed as MIME, from a mailbox: its user principal name. The mail's sender must be the same
// address; its recipients are those of its header. It needs the application permission Mail.Send, or the role
// "Application Mail.Send" in Exchange for a scope that holds the mailbox. A copy stays in Sent Items
// (https://learn.microsoft.com/graph/api/user-sendmail).
//
// nil means that Graph accepted the mail (202), not that it was delivered: what cannot be comes back to the mailbox as
// a mail. Every other outcome is an *Error. After one whose fate is not known a repeat may send the mail twice.
func (c *Client) SendMail(ctx context.Context, mailbox string, mime []byte) error {
	if !strings.Contains(mailbox, "@") {
		return Unsent(errors.New("the mailbox has no address of the form name@domain; check CORDON_MAIL_FROM"), false)
	}
	target := c.o.Base.JoinPath("v1.0", "users", url.PathEscape(mailbox), "sendMail")
	body := make([]byte, base64.StdEncoding.EncodedLen(len(mime)))
	base64.StdEncoding.Encode(body, mime)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		target.String(),
		bytes.NewReader(body))
	if err != nil {
		// The error would show the mailbox.
		return Unsent(errors.New("the address is not usable; check CORDON_GRAPH_URL"), false)
	}
	request.Header.Set("Content-Type", "text/plain")
	request.Header.Set("Accept", "application/json")
	if err := c.enter(ctx); err != nil {
		return Unsent(fmt.Errorf("waiting for one of %d turns at the mailbox: %w", maxConcurrent, err), true)
	}
	defer c.leave()
	answer, err := c.o.HTTP.Do(request)
	if err != nil {
		return TransportError(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		return AnswerError(answer)
	}
	_, _ = io.CopyN(io.Discard, answer.Body, maxErrorBody) // so that the connection can be used again
	return nil
}
