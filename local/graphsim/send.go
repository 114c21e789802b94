package graphsim

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"cordon/local/internal/graphapi"
)

// sendMail handles a request, records it, and only then answers: a client that has an answer finds the call in Calls.
func (s *Sim) sendMail(w http.ResponseWriter, r *http.Request) {
	mailbox := r.PathValue("mailbox")
	fault := graphapi.Next(s.faults(), r)
	done, no, retryAfter := s.enter(mailbox)
	defer done()
	body, unread := s.read(w, r)
	switch {
	case fault.Status != 0:
		no, retryAfter = fault.Refusal(), fault.RetryAfter
	case no.Status != 0:
	case unread.Status != 0:
		no = unread
	default:
		no = s.handle(r, mailbox, body)
	}
	call := Call{Mailbox: mailbox, Bytes: len(body), Status: no.Status, Code: no.Code}
	if call.Status == 0 && !fault.LoseAnswer {
		call.Status = http.StatusAccepted
	}
	s.record(call)
	if !graphapi.Wait(r, fault.Delay) {
		return
	}
	if fault.LoseAnswer {
		panic(http.ErrAbortHandler)
	}
	if no.Status != 0 {
		graphapi.Refuse(w, no, retryAfter)
		return
	}
	graphapi.Identify(w)
	w.WriteHeader(http.StatusAccepted)
}

// enter counts a request against the limits of its mailbox. Requests that are refused count too.
func (s *Sim) enter(mailbox string) (done func(), no graphapi.Refusal, retryAfter time.Duration) {
	now := s.o.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.box(mailbox)
	b.seen = slices.DeleteFunc(b.seen, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	b.open++
	b.most = max(b.most, b.open)
	switch {
	case s.o.PerMinute > 0 && len(b.seen) >= s.o.PerMinute:
		no, retryAfter = graphapi.No(
			http.StatusTooManyRequests, "TooManyRequests", "Please retry again later.",
		), b.seen[len(b.seen)-s.o.PerMinute].Add(time.Minute).Sub(now)
	case s.o.Concurrent > 0 && b.open > s.o.Concurrent:
		no = graphapi.No(
			http.StatusTooManyRequests, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.",
		)
	}
	b.seen = append(b.seen, now)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		b.open--
	}, no, retryAfter
}

func (s *Sim) read(w http.ResponseWriter, r *http.Request) ([]byte, graphapi.Refusal) {
	limited := r.Body
	if s.o.MaxRequest > 0 {
		limited = http.MaxBytesReader(w, r.Body, int64(s.o.MaxRequest))
	}
	body, err := io.ReadAll(limited)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		_, _ = io.Copy(io.Discard, r.Body)
		return body,
			graphapi.No(
				http.StatusRequestEntityTooLarge, "RequestBodyTooLarge", "The maximum request length supported is 4MB.",
			)
	}
	if err != nil {
		return body, graphapi.No(http.StatusBadRequest, "RequestBodyRead", "The request body cannot be read.")
	}
	return body, graphapi.Refusal{}
}

// handle checks everything but the limits, and takes the mail.
func (s *Sim) handle(r *http.Request, mailbox string, body []byte) graphapi.Refusal {
	if no := s.authorize(r, mailbox); no.Status != 0 {
		return no
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "text/plain" {
		return graphapi.No(
			http.StatusBadRequest, "ErrorInvalidRequest",
			"This stand-in takes MIME only: Content-Type text/plain, the mail in base64.",
		)
	}
	raw, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(body)))
	if err != nil {
		return graphapi.No(
			http.StatusBadRequest, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.",
		)
	}
	msg, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return graphapi.No(http.StatusBadRequest, "ErrorMimeContentInvalid", "The MIME content is not valid.")
	}
	if from := msg.Header.Get("From"); from != "" {
		a, err := netmail.ParseAddress(from)
		if err != nil || !strings.EqualFold(a.Address, mailbox) {
			return graphapi.No(
				http.StatusForbidden, "ErrorSendAsDenied",
				"The user account which was used to submit this request does not have the right to send mail on "+
					"behalf of the specified sending account., Cannot submit message.",
			)
		}
	}
	to, ok := s.recipients(msg.Header)
	if !ok {
		return graphapi.No(
			http.StatusBadRequest, "ErrorInvalidRecipients",
			"At least one recipient is not valid., A message can't be sent because it contains no recipients.",
		)
	}
	if s.o.OwnHeaders {
		raw = ownHeaders(raw)
	}
	s.Add(mailbox, to, raw)
	return graphapi.Refusal{}
}

// authorize finds out whether the caller may send from the mailbox, and whether it is there.
func (s *Sim) authorize(r *http.Request, mailbox string) graphapi.Refusal {
	claims, no := s.o.gate().Claims(r)
	if no.Status != 0 {
		return no
	}
	if s.o.Verify != nil {
		inEntra, inExchange := slices.Contains(claims.Roles, "Mail.Send"), has(s.o.RoleScope, mailbox)
		switch {
		case !inEntra && !inExchange:
			return graphapi.No(
				http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.",
			)
		case !inExchange && s.o.AccessPolicy != nil && !has(s.o.AccessPolicy, mailbox):
			return graphapi.No(
				http.StatusForbidden, "ErrorAccessDenied",
				"Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.",
			)
		}
	}
	if s.o.Mailboxes != nil && !has(s.o.Mailboxes, mailbox) {
		return graphapi.No(
			http.StatusNotFound, "ErrorInvalidUser", fmt.Sprintf("The requested user '%s' is invalid.", mailbox),
		)
	}
	return graphapi.Refusal{}
}

func has(mailboxes []string, mailbox string) bool {
	return slices.ContainsFunc(mailboxes, func(m string) bool { return strings.EqualFold(m, mailbox) })
}

// recipients are everybody in To, Cc and Bcc; false if there is nobody, or one that cannot be.
func (s *Sim) recipients(h netmail.Header) ([]string, bool) {
	var all []string
	for _, name := range []string{"To", "Cc", "Bcc"} {
		if h.Get(name) == "" {
			continue
		}
		list, err := h.AddressList(name)
		if err != nil {
			return nil, false
		}
		for _, a := range list {
			if s.o.InvalidRecipient != nil && s.o.InvalidRecipient(a.Address) {
				return nil, false
			}
			all = append(all, a.Address)
		}
	}
	return all, len(all) > 0
}

// ownHeaders does to a mail's header what Exchange was seen to do.
func ownHeaders(raw []byte) []byte {
	header, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	var kept []string
	keeping := true
	for line := range strings.SplitSeq(string(header), "\r\n") {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") { // else it belongs to the line before
			name, _, _ := strings.Cut(strings.ToLower(line), ":")
			keeping = name != "message-id" && name != "auto-submitted" && !strings.HasPrefix(name, "x-")
		}
		if keeping {
			kept = append(kept, line)
		}
	}
	kept = append(kept, "Message-ID: <"+graphapi.NewID()+"@exchange.example>")
	return []byte(strings.Join(kept, "\r\n") + "\r\n\r\n" + string(body))
}
