package funchost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

const (
	// maxRequest is the host's limit for a request body, in bytes, unless the setting bodyLimit names another.
	maxRequest = 104_857_600
	bodyLimit  = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
)

// front answers a request from outside. Only a matching route leads to a handler, and routes that could take a
// trigger's path were refused at start.
func (h *Host) front(w http.ResponseWriter, r *http.Request) {
	if !h.enter() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer h.work.Done()
	path, ok := splitPath(r.URL.EscapedPath())
	switch {
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	case len(path) == 0:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "The functions host is running.\n")
	case strings.EqualFold(path[0], "admin"):
		h.admin(w, r, path[1:])
	default:
		h.serve(w, r, path)
	}
}

// serve finds the function: a route that takes the path with another method is as unknown as no route.
func (h *Host) serve(w http.ResponseWriter, r *http.Request, path []string) {
	fn, params := h.match(r.Method, path)
	if fn == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	g := h.granted(r, fn.name)
	if !g.covers(fn.http.level) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, err := h.requestBody(r)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	in := h.groupOf(fn).pick()
	if fn.http.forward {
		h.forward(w, r, in, fn, body)
		return
	}
	if fn.http.level == levelAnonymous && h.o.Keys == nil {
		g = grant{}
	}
	env := httpEnvelope(fn, r, httpCall{params: params, grant: g, body: body}, h.o.Clock.Now())
	event, ans := in.call(fn, posting(fn, env))
	var out httpOutput
	if event.Err == nil {
		out, event.Err = ans.httpOutput(fn.http.output)
	}
	h.o.OnInvocation(event)
	if event.Err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	write(w, out.status, out.header, out.body)
}

func (h *Host) match(method string, path []string) (*function, map[string]string) {
	var best *function
	var bestParams map[string]string
	for _, fn := range h.fns {
		if fn.http == nil || fn.disabled || !fn.http.allows(method) {
			continue
		}
		params, ok := fn.http.route.match(path)
		if ok && (best == nil || fn.http.route.before(best.http.route)) {
			best, bestParams = fn, params
		}
	}
	return best, bestParams
}

// requestBody reads a body whole, whatever the function does with it. The host fails, and no handler is called, if the body
// is sent in chunks, is larger than the limit, or has a content type that .NET cannot read.
func (h *Host) requestBody(r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	types := strings.Join(r.Header.Values("Content-Type"), ", ")
	if r.ContentLength < 0 || types != "" && !regexp.MustCompile(`^[^\s/;,]+/[^\s/;,]+\s*(;[^,]*)?$`).MatchString(types) {
		return nil, fmt.Errorf("the host cannot send on a body of length %d and type %q", r.ContentLength, types)
	}
	limit := int64(maxRequest)
	if text := h.o.Settings[bodyLimit]; text != "" {
		var err error
		if limit, err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, err
		}
	}
	if r.ContentLength > limit {
		_, err := io.Copy(io.Discard, r.Body) // a caller that still sends would not see the answer
		return nil, errors.Join(fmt.Errorf("a body of %d bytes is larger than %d", r.ContentLength, limit), err)
	}
	return io.ReadAll(r.Body)
}

// forward passes the request on as it came and the answer back as it is. Any status is a success of the function; only a
// broken connection or a time-out fails it, and then the caller gets a 500.
func (h *Host) forward(w http.ResponseWriter, r *http.Request, in *instance, fn *function, body []byte) {
	event, ans := in.call(fn, func(ctx context.Context, p *process, id string) (*answer, error) {
		req, err := forwardRequest(ctx, p.base, r, body, id)
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

func forwardRequest(ctx context.Context, base string, r *http.Request, body []byte, id string) (*http.Request, error) {
	target := base + r.URL.EscapedPath()
	if q := joinedQuery(r.URL.RawQuery); q != "" {
		target += "?" + q
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target, nil)
	if err != nil {
		return nil, err
	}
	if len(body) > 0 {
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
	}
	req.Host = r.Host
	req.Header = r.Header.Clone()
	for _, lost := range []string{
		"Content-Encoding", "Content-Language", "Content-Location", "Content-Md5", "Content-Range", "Content-Disposition",
		"Allow", "Expires", "Last-Modified", "Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	} {
		req.Header.Del(lost)
	}
	agent := "Azure-Functions-Host/" + hostVersion
	if own := r.UserAgent(); own != "" {
		agent = own + " " + agent
	}
	req.Header.Set("User-Agent", agent)
	req.Header.Add("X-Azure-Functions-HostVersion", hostVersion)
	req.Header.Add("X-Azure-Functions-InvocationId", id)
	return req, nil
}

// joinedQuery is the query as the host rebuilds it: a name that came several times keeps its first place, its values
// joined with commas.
func joinedQuery(raw string) string {
	names, values := queryInOrder(raw)
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = queryEscape(name) + "=" + queryEscape(strings.Join(values[name], ","))
	}
	return strings.Join(parts, "&")
}

func queryEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// queryInOrder reads a query and keeps the order of names.
func queryInOrder(raw string) (names []string, values map[string][]string) {
	values = make(map[string][]string)
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if part == "" || errName != nil || errValue != nil {
			continue
		}
		if _, known := values[name]; !known {
			names = append(names, name)
		}
		values[name] = append(values[name], value)
	}
	return names, values
}

// write sends an answer to the caller, without the headers that belong to the connection behind it.
func write(w http.ResponseWriter, status int, header http.Header, body []byte) {
	for name, values := range header {
		switch name {
		case "Connection", "Keep-Alive", "Transfer-Encoding", "Trailer", "Upgrade", "Content-Length":
			continue
		}
		w.Header()[name] = values
	}
	if header.Get("Content-Type") == "" {
		w.Header()["Content-Type"] = nil // no guessing
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that has left is nobody's error
}
