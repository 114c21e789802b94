// Package layout turns what a page of the console shows into HTML: the frame that all pages share, the stylesheet, the
// script that refreshes pages, and how times and texts of others are written.
//
// Neighbours: handler/console says what pages show, and serves them.
package layout

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"cordon/handler/incoming"
	"cordon/handler/ledger/journal"
	"cordon/handler/notice/clock"
	"cordon/handler/operate/wire"
)

// Frame is what stands around each page.
type Frame struct {
	Title   string
	Here    string // name of the page; empty: it is in no menu
	Me      string // who looks; empty: nobody signed in
	May     bool   // that person may change things
	Pause   wire.Pause
	Did     []wire.Entry // what became of what the person has just done
	Refresh bool         // the page is worth looking at again
	Version string
	Page    any // what the page's own template is given
}

// Undone reports whether something of what the person has just done was not done, as far as that is known.
func (f Frame) Undone() bool {
	return slices.ContainsFunc(f.Did, func(e wire.Entry) bool { return e.State != string(journal.Done) })
}

// Became is what became of all of it, in short.
func (f Frame) Became() string {
	states := map[string]bool{}
	for _, e := range f.Did {
		states[e.State] = true
	}
	switch {
	case states[string(journal.Refused)] || states[string(journal.Failed)]:
		return "Not all of it was done"
	case states[string(journal.Unknown)]:
		return "It is not known whether all of it was done"
	case states[string(journal.Begun)]:
		return "Begun, and not all of it is confirmed yet: look again in a moment"
	}
	return "Done"
}

// Site is every page as a template. It is safe for concurrent use.
type Site struct {
	pages map[string]*template.Template
}

// New reads the templates of pages, each a file NAME.html.tmpl that defines "main". A mistake in one is a mistake of the
// program, and panics.
func New(files fs.FS, clock clock.Clock) *Site {
	site := &Site{pages: map[string]*template.Template{}}
	frame := template.Must(template.New("frame.html.tmpl").
		Funcs(functions(clock)).
		ParseFS(own, "frame.html.tmpl"))
	parts := template.Must(frame.ParseFS(files, "part_*.html.tmpl"))
	names, err := fs.Glob(files, "*.html.tmpl")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "part_") {
			continue
		}
		page := template.Must(template.Must(parts.Clone()).ParseFS(files, name))
		site.pages[strings.TrimSuffix(name, ".html.tmpl")] = page
	}
	return site
}

// policy is what browsers let a page do: nothing but show itself with what this app serves, and send forms to it.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// titleMost is how long a heading may be, in UTF-16 units: it is large, and others name machines and alerts. What it is
// about stands below it in full.
const titleMost = 200

// Write answers with a page. An error means that nothing was written.
func (s *Site) Write(
	w http.ResponseWriter,
	status int,
	name string,
	f Frame,
) error {
	page, there := s.pages[name]
	if !there {
		return fmt.Errorf("there is no page %q", name)
	}
	f.Title = incoming.Text(f.Title, titleMost)
	var body bytes.Buffer
	err := page.ExecuteTemplate(&body, "frame", f)
	if err != nil {
		return fmt.Errorf("write page %s: %w", name, err)
	}
	header := w.Header()
	guard(header)
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", policy)
	w.WriteHeader(status)
	// Whoever asked has gone if this fails.
	_, _ = w.Write(bytes.Map(visible, body.Bytes()))
	return nil
}

// visible leaves out what is not seen and changes how the rest is, wherever it came in.
func visible(r rune) rune {
	if incoming.Hidden(r) {
		return -1
	}
	return r
}

// guard keeps an answer from being used by other sites.
func guard(header http.Header) {
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// Asset answers with the stylesheet or the script; false: there is no such thing. They are the same for everybody.
func (s *Site) Asset(w http.ResponseWriter, at string) bool {
	kinds := map[string]string{
		"console.css": "text/css; charset=utf-8",
		"console.js":  "text/javascript; charset=utf-8",
	}
	name, below := strings.CutPrefix(at, Assets)
	kind, known := kinds[name]
	if !below || !known {
		return false
	}
	body, err := own.ReadFile(name)
	if err != nil {
		return false
	}
	header := w.Header()
	guard(header)
	header.Set("Content-Type", kind)
	// The address changes with what is in it.
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	// Whoever asked has gone if this fails.
	_, _ = w.Write(body)
	return true
}
