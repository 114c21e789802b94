package tables

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// response is one answer, on its own or as a part of a transaction's.
type response struct {
	status int
	header map[string]string
	body   []byte
}

// problem is a refusal in the service's terms.
type problem struct {
	status  int
	code    string
	message string
}

func refuse(status int, code, format string, args ...any) *problem {
	return &problem{status, code, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *problem {
	return refuse(http.StatusBadRequest, "InvalidInput", format, args...)
}

func failure(status int, code, message string) response {
	return (&problem{status, code, message}).response()
}

// at prefixes the message with the place of the failed action in its transaction, as the service does.
func (p *problem) at(index int) *problem {
	return &problem{p.status, p.code, fmt.Sprintf("%d:%s", index, p.message)}
}

func (p *problem) response() response {
	type message struct {
		Lang  string `json:"lang"`
		Value string `json:"value"`
	}
	type odataError struct {
		Code    string  `json:"code"`
		Message message `json:"message"`
	}
	// strings only: cannot fail
	body, _ := json.Marshal(map[string]odataError{"odata.error": {p.code, message{"en-US", p.message}}})
	return response{
		p.status, map[string]string{"x-ms-error-code": p.code, "Content-Type": contentType(minimalMetadata)}, body,
	}
}

func (f Fault) response() response {
	code := f.Code
	if code == "" {
		code = usualCode(f.Status)
	}
	return failure(f.Status, code, http.StatusText(f.Status))
}

func usualCode(status int) string {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "ServerBusy"
	case http.StatusGatewayTimeout:
		return "OperationTimedOut"
	default:
		return "InternalError"
	}
}

func (s *Server) write(w http.ResponseWriter, r *http.Request, answer response) {
	h := w.Header()
	h.Set("Date", s.now().UTC().Format(http.TimeFormat))
	h.Set("Server", "cordon-tables")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("x-ms-version", apiVersion)
	h.Set("x-ms-request-id", requestID())
	if id := r.Header.Get("x-ms-client-request-id"); id != "" {
		h.Set("x-ms-client-request-id", id)
	}
	for name, value := range answer.header {
		h.Set(name, value)
	}
	h.Set("Content-Length", strconv.Itoa(len(answer.body)))
	w.WriteHeader(answer.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(answer.body) // a client that went away needs no answer
	}
}

func requestID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails: crypto/rand ends the process instead
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// formatTime writes a time as the service does: UTC, up to seven digits after the point.
func formatTime(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.9999999Z")
}
