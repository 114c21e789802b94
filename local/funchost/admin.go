package funchost

import (
	"encoding/json"
	"net/http"
	"strings"
)

// admin serves the part of the admin API that a local run needs. It wants the master key where keys are set.
func (h *Host) admin(w http.ResponseWriter, r *http.Request, path []string) {
	if !h.granted(r, "").covers(levelAdmin) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch route := r.Method + " " + strings.ToLower(strings.Join(path, "/")); {
	case route == "GET host/status":
		h.status(w)
	case route == "POST host/drain":
		h.DrainAll()
		w.WriteHeader(http.StatusAccepted)
	case route == "GET host/drain/status":
		h.drainStatus(w)
	case route == "GET host/ping", route == "POST host/ping":
		w.WriteHeader(http.StatusOK)
	case len(path) == 2 && strings.HasPrefix(route, "POST functions/"):
		h.runByHand(w, r, path[1])
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (h *Host) status(w http.ResponseWriter) {
	state := "Running"
	if h.ctx.Err() != nil {
		state = "Stopping"
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"id": h.id, "state": state, "version": hostVersion, "versionDetails": hostVersion,
		"processUptime": h.o.Clock.Now().Sub(h.started).Milliseconds(),
	})
}

// runByHand starts a function and answers 202 without waiting for it.
func (h *Host) runByHand(w http.ResponseWriter, r *http.Request, name string) {
	var fn *function
	for _, f := range h.fns {
		if strings.EqualFold(f.name, name) {
			fn = f
		}
	}
	if fn == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if fn.http != nil {
		writeJSON(w, http.StatusBadRequest,
			map[string]string{"error": fn.name + " is an HTTP function; call its route"})
		return
	}
	var request *struct{ Input string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, h.config.maxBody)).Decode(&request); err != nil ||
		request == nil {
		writeJSON(w, http.StatusBadRequest,
			map[string]string{"error": `the body must be a JSON object such as {"input":"text"}`})
		return
	}
	if !h.enter() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	go func() {
		defer h.work.Done()
		if err := h.trigger(fn, request.Input); err != nil {
			h.o.Logf("%s, run by hand: %v", fn.name, err)
		}
	}()
	w.WriteHeader(http.StatusAccepted)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := marshal(v)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	write(w, status, http.Header{"Content-Type": {"application/json; charset=utf-8"}}, body)
}
