package funchost

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// front answers a request from outside. Only a matching route leads to a handler, and routes that could take a
// trigger's path as it is written were refused at start. What host.json adds to answers is added to the host's own too.
func (h *Host) front(w http.ResponseWriter, r *http.Request) {
	h.config.answers.add(w.Header(), r)
	if !h.enter() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer h.work.Done()
	path, ok := splitPath(decodedPath(r.URL.EscapedPath()))
	switch {
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	case len(path) == 0:
		h.home(w)
	case strings.EqualFold(path[0], "admin"):
		h.admin(w, r, path[1:])
	default:
		h.serve(w, r, path)
	}
}

// homepage is what anybody sees at / unless a setting switches it off. The real one has 150 KB.
const homepage = "<!DOCTYPE html><title>Functions host</title><p>Your Functions app is up and running.\n"

// home shows the page. Where it is switched off, the answer is an empty 204 (HomepageMiddleware.cs).
func (h *Host) home(w http.ResponseWriter) {
	if strings.EqualFold(h.o.Settings["AzureWebJobsDisableHomepage"], "true") {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	write(w, http.StatusOK, http.Header{"Content-Type": {"text/html"}}, []byte(homepage))
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
		h.o.Logf("%s: %v: the handler is not asked", fn.name, err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	in := h.groupOf(fn).pick()
	if fn.http.forward {
		h.forward(w, r, in, fn, body)
		return
	}
	if r.ContentLength < 0 {
		body = nil // without a length the envelope has no Body
	}
	if fn.http.level == levelAnonymous && h.o.Keys == nil {
		g = grant{}
	}
	env := httpEnvelope(fn, r, httpCall{params: params, grant: g, body: body}, h.o.Clock.Now())
	event, ans := in.call(fn, h.posting(fn, env))
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

// requestBody reads a body whole, whatever the method and the type, and whatever the function does with it. One above
// the limit is not kept: it is only read to its end, because a caller that still sends would not see the answer.
func (h *Host) requestBody(r *http.Request) ([]byte, error) {
	limit := h.config.maxBody
	if r.ContentLength <= limit {
		body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
		if err != nil || int64(len(body)) <= limit {
			return body, err
		}
	}
	_, err := io.Copy(io.Discard, r.Body)
	return nil, errors.Join(fmt.Errorf("a body is larger than %d bytes", limit), err)
}

// write sends an answer to the caller, without the headers that belong to the connection behind it.
func write(w http.ResponseWriter, status int, header http.Header, body []byte) {
	for name, values := range header {
		switch name {
		case "Connection", "Keep-Alive", "Transfer-Encoding", "Trailer", "Upgrade", "Content-Length":
			continue
		}
		w.Header()[name] = values // a Server of the handler's own replaces the host's
	}
	if header.Get("Content-Type") == "" {
		w.Header()["Content-Type"] = nil // no guessing
	}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(len(body))) // also where the handler sent chunks
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that has left is nobody's error
}
