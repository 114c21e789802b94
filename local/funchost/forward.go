package funchost

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// forward passes the request on as it came and the answer back as it is. Any status is a success of the function; only
// a broken connection or a time-out fails it, and then the caller gets a 500.
func (h *Host) forward(w http.ResponseWriter, r *http.Request, in *instance, fn *function, body []byte) {
	if err := forwardable(r); err != nil {
		h.o.Logf("%s: %v: the handler is not asked", fn.name, err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	event, ans := in.call(fn, func(ctx context.Context, p *process, id string) (*answer, error) {
		req, err := forwardRequest(ctx, p.base, r, body, h.stamp(id))
		if err != nil {
			return nil, err
		}
		return p.send(req)
	})
	h.o.OnInvocation(event)
	if event.Err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	write(w, ans.status, ans.header, ans.body)
}

// contentType is what .NET's validating Add lets through; two headers are one value with a comma.
const contentType = `^[^\s/;,]+/[^\s/;,]+\s*(;([^,"]|"[^"]*")*)?$`

// forwardable refuses a body that the host cannot send on, and then no handler is called: one in chunks, whose header
// is copied and whose content is not, and one with a content type that .NET cannot read.
func forwardable(r *http.Request) error {
	if r.ContentLength < 0 {
		return fmt.Errorf("the body has no Content-Length")
	}
	types := strings.Join(r.Header.Values("Content-Type"), ",")
	if r.ContentLength > 0 && types != "" && !regexp.MustCompile(contentType).MatchString(types) {
		return fmt.Errorf("the Content-Type %.100q cannot be sent on", types)
	}
	return nil
}

// forwardRequest is the request for the handler. A caller's headers are kept, those included by which the host speaks.
func forwardRequest(ctx context.Context, base string, r *http.Request, body []byte, own stamp) (*http.Request, error) {
	target := base + forwardedPath(decodedPath(r.URL.EscapedPath()))
	if q := rebuiltQuery(r.URL.RawQuery); q != "" {
		target += "?" + q
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target, nil)
	if err != nil {
		return nil, err
	}
	if len(body) > 0 {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	headers := r.Header.Clone()
	own.add(headers)
	for name, values := range headers {
		if !lost(name, len(body) > 0) {
			req.Header[name] = []string{strings.Join(values, separator(name))}
		}
	}
	req.Host = r.Host
	return req, nil
}

// lost says which headers do not reach the handler. Those that .NET counts to the content are lost, all but the two of
// a body's own; it was seen for Content-Encoding. That those of the connection are lost too is assumed.
func lost(name string, hasBody bool) bool {
	switch name {
	case "Content-Type":
		return !hasBody
	case "Content-Encoding", "Content-Language", "Content-Location", "Content-Md5", "Content-Range",
		"Content-Disposition", "Allow", "Expires", "Last-Modified",
		"Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// separator stands between the values of a header that .NET's client writes on one line.
func separator(name string) string {
	switch name {
	case "User-Agent":
		return " "
	case "Cookie":
		return "; "
	}
	return ", "
}

// stamp is what the host says about itself in the headers of a request.
type stamp struct {
	id          string
	traceparent string // "" for none
}

func (h *Host) stamp(id string) stamp {
	s := stamp{id: id}
	if h.o.ApplicationInsights {
		s.traceparent = newTraceparent()
	}
	return s
}

// add puts the host's values behind those that a caller sent. A traceparent was seen on envelopes only; that forwarded
// requests have one too, and that a caller's own stays the only one, is read from .NET's client.
func (s stamp) add(to http.Header) {
	to.Add("X-Azure-Functions-HostVersion", hostVersion)
	to.Add("X-Azure-Functions-InvocationId", s.id)
	to.Add("User-Agent", "Azure-Functions-Host/"+hostVersion)
	if s.traceparent != "" && to.Get("traceparent") == "" {
		to.Set("traceparent", s.traceparent)
	}
}
