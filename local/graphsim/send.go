package graphsim

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	netmail "net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
)

// refusal is an error answer of Graph; the zero value is none.
type refusal struct {
	status  int
	code    string
	message string
}

// sendMail handles a request, records it, and only then answers: a client that has an answer finds the call in Calls.
func (s *Sim) sendMail(w http.ResponseWriter, r *http.Request) {
	mailbox := r.PathValue("mailbox")
	fault := s.nextFault(r)
	done, no, retryAfter := s.enter(mailbox)
	defer done()
	body, err := s.read(w, r)
	switch {
	case fault.Status != 0:
		no, retryAfter = refusal{fault.Status, fault.Code, "Refused on request."}, fault.RetryAfter
	case no.status != 0:
	case err != nil:
		no = *err
	default:
		no = s.handle(r, mailbox, body)
	}
	call := Call{Mailbox: mailbox, Bytes: len(body), Status: no.status, Code: no.code}
	if call.Status == 0 && !fault.LoseAnswer {
		call.Status = http.StatusAccepted
	}
	s.record(call)
	if !wait(r, fault.Delay) {
		return
	}
	if fault.LoseAnswer {
		panic(http.ErrAbortHandler)
	}
	write(w, r, no, retryAfter)
}

// enter counts a request against the limits of its mailbox. Requests that are refused count too.
func (s *Sim) enter(mailbox string) (done func(), no refusal, retryAfter time.Duration) {
	now := s.o.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.box(mailbox)
	b.seen = slices.DeleteFunc(b.seen, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	b.open++
	b.most = max(b.most, b.open)
	switch {
	case s.o.PerMinute > 0 && len(b.seen) >= s.o.PerMinute:
		no, retryAfter = refusal{
			http.StatusTooManyRequests, "TooManyRequests", "Please retry again later.",
		}, b.seen[len(b.seen)-s.o.PerMinute].Add(time.Minute).Sub(now)
	case s.o.Concurrent > 0 && b.open > s.o.Concurrent:
		no = refusal{
			http.StatusTooManyRequests, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.",
		}
	}
	b.seen = append(b.seen, now)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		b.open--
	}, no, retryAfter
}

func (s *Sim) read(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	limited := r.Body
	if s.o.MaxRequest > 0 {
		limited = http.MaxBytesReader(w, r.Body, int64(s.o.MaxRequest))
	}
	body, err := io.ReadAll(limited)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		_, _ = io.Copy(io.Discard, r.Body)
		return body,
			&refusal{
				http.StatusRequestEntityTooLarge, "RequestBodyTooLarge", "The maximum request length supported is 4MB.",
			}
	}
	if err != nil {
		return body, &refusal{http.StatusBadRequest, "RequestBodyRead", "The request body cannot be read."}
	}
	return body, nil
}

// handle checks everything but the limits, and takes the mail.
func (s *Sim) handle(r *http.Request, mailbox string, body []byte) refusal {
	if no := s.authorize(r, mailbox); no.status != 0 {
		return no
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "text/plain" {
		return refusal{
			http.StatusBadRequest, "ErrorInvalidRequest",
			"This stand-in takes MIME only: Content-Type text/plain, the mail in base64.",
		}
	}
	raw, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(body)))
	if err != nil {
		return refusal{
			http.StatusBadRequest, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.",
		}
	}
	msg, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return refusal{http.StatusBadRequest, "ErrorMimeContentInvalid", "The MIME content is not valid."}
	}
	if from := msg.Header.Get("From"); from != "" {
		a, err := netmail.ParseAddress(from)
		if err != nil || !strings.EqualFold(a.Address, mailbox) {
			return refusal{
				http.StatusForbidden, "ErrorSendAsDenied",
				"The user account which was used to submit this request does not have the right to send mail on " +
					"behalf of the specified sending account., Cannot submit message.",
			}
		}
	}
	to, ok := s.recipients(msg.Header)
	if !ok {
		return refusal{
			http.StatusBadRequest, "ErrorInvalidRecipients",
			"At least one recipient is not valid., A message can't be sent because it contains no recipients.",
		}
	}
	if s.o.OwnHeaders {
		raw = ownHeaders(raw)
	}
	s.Add(mailbox, to, raw)
	return refusal{}
}

// authorize finds out whether the caller may send from the mailbox, and whether it is there.
func (s *Sim) authorize(r *http.Request, mailbox string) refusal {
	claims, no := s.claims(r)
	if no.status != 0 {
		return no
	}
	if s.o.Verify != nil {
		inEntra, inExchange := slices.Contains(claims.Roles, "Mail.Send"), has(s.o.RoleScope, mailbox)
		switch {
		case !inEntra && !inExchange:
			return refusal{
				http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.",
			}
		case !inExchange && s.o.AccessPolicy != nil && !has(s.o.AccessPolicy, mailbox):
			return refusal{
				http.StatusForbidden, "ErrorAccessDenied",
				"Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.",
			}
		}
	}
	if s.o.Mailboxes != nil && !has(s.o.Mailboxes, mailbox) {
		return refusal{
			http.StatusNotFound, "ErrorInvalidUser", fmt.Sprintf("The requested user '%s' is invalid.", mailbox),
		}
	}
	return refusal{}
}

// claims reads the caller's token. Without Verify there are none, and none are needed.
func (s *Sim) claims(r *http.Request) (Claims, refusal) {
	if s.o.Verify == nil {
		return Claims{}, refusal{}
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	claims, err := s.o.Verify(token)
	if !strings.EqualFold(scheme, "Bearer") || err != nil {
		return Claims{},
			refusal{
				http.StatusUnauthorized, "InvalidAuthenticationToken",
				"Lifetime validation failed, the token is expired.",
			}
	}
	if s.o.Audience != "" && strings.TrimSuffix(claims.Audience, "/") != strings.TrimSuffix(s.o.Audience, "/") {
		return Claims{},
			refusal{
				http.StatusUnauthorized, "InvalidAuthenticationToken",
				"Access token validation failure. Invalid audience.",
			}
	}
	return claims, refusal{}
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
	kept = append(kept, "Message-ID: <"+newID()+"@exchange.example>")
	return []byte(strings.Join(kept, "\r\n") + "\r\n\r\n" + string(body))
}

// wait lets real time pass and reports false if the client goes away first.
func wait(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
		return false
	case <-timer.C:
		return true
	}
}

// write answers with 202 and nothing, or with the error in Graph's envelope.
func write(w http.ResponseWriter, r *http.Request, no refusal, retryAfter time.Duration) {
	id := newID()
	w.Header().Set("request-id", id)
	w.Header().Set("client-request-id", id)
	if no.status == 0 {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((retryAfter+time.Second-1)/time.Second)))
	}
	if no.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate",
			`Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(no.status)
	// The only failure is a client that has gone away.
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"code":    no.code,
		"message": no.message,
		"innerError": map[string]string{
			"date":              time.Now().UTC().Format("2006-01-02T15:04:05"),
			"request-id":        id,
			"client-request-id": id,
		},
	}})
}

func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
