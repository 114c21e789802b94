package defendersim

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
)

//go:embed page/tenant.html page/style.css
var pageFiles embed.FS

// pagePolicy lets the page load its style sheet and nothing else.
const pagePolicy = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'"

// Page serves a page of the tenant as it is now: machines with their isolation and their actions, recent alerts, calls
// by endpoint. Links are relative, so it can be mounted under a prefix with http.StripPrefix. It only reads, needs no
// script, and asks for no login: serve it on loopback only.
func (s *Sim) Page() http.Handler {
	page := template.Must(template.ParseFS(pageFiles, "page/tenant.html"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		var out bytes.Buffer
		if err := page.Execute(&out, s.view(r.URL.Query().Get("refresh") != "off")); err != nil {
			http.Error(w, "The page could not be written: "+err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(out.Bytes())
	})
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, pageFiles, "page/style.css")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		mux.ServeHTTP(w, r)
	})
}
