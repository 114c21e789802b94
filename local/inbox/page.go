package inbox

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/mail"
	"slices"
	"strconv"
	"strings"
)

//go:embed page/list.html page/mail.html page/style.css
var files embed.FS

// The policies of what is served. The mail's own HTML may show its inline styles and images and nothing else: it runs
// no script, loads nothing and has no origin, in the frame as well as opened alone.
const (
	pagePolicy = "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'none'"
	mailPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'self'"
)

// maxPreview is the length of a preview in characters.
const maxPreview = 160

// Handler serves the inbox: "/" lists the mails, newest first; "/mail/{n}" shows one, "/mail/{n}/html" its HTML part
// and "/mail/{n}/raw" the source. All links are relative, so it can be mounted under a prefix with http.StripPrefix. It
// only reads, needs no script, and asks for no login: serve it on loopback only.
func (b *Inbox) Handler() http.Handler {
	pages := template.Must(template.ParseFS(files, "page/*.html"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		render(w, pages, "list.html", listPage(b.Mails(), r.URL.Query().Get("refresh") != "off"))
	})
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, files, "page/style.css")
	})
	mux.HandleFunc("GET /mail/{n}", b.one(func(w http.ResponseWriter, m Mail) {
		render(w, pages, "mail.html", mailPage(m))
	}))
	mux.HandleFunc("GET /mail/{n}/html", b.one(func(w http.ResponseWriter, m Mail) {
		w.Header().Set("Content-Security-Policy", mailPolicy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, m.HTML)
	}))
	mux.HandleFunc("GET /mail/{n}/raw", b.one(func(w http.ResponseWriter, m Mail) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(m.Raw)
	}))
	return guard(mux)
}

// guard sets the headers that every answer carries.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// one finds the mail that the path names.
func (b *Inbox) one(show func(http.ResponseWriter, Mail)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.PathValue("n"))
		m, ok := b.mail(n)
		if err != nil || !ok {
			http.Error(w, "There is no such mail. Mails are numbered from 1 in the order they came in.",
				http.StatusNotFound)
			return
		}
		show(w, m)
	}
}

func render(w http.ResponseWriter, pages *template.Template, name string, data any) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, data); err != nil {
		http.Error(w, "The page could not be written: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(out.Bytes())
}

// list is what the list page shows.
type list struct {
	Refresh bool
	Count   int
	Rows    []row
}

// row is one mail in the list.
type row struct {
	N                    int
	Subject, To, Preview string
	Day, Clock, ISO      string
}

func listPage(mails []Mail, refresh bool) list {
	l := list{Refresh: refresh, Count: len(mails)}
	for _, m := range slices.Backward(mails) {
		at := m.At.UTC()
		l.Rows = append(l.Rows, row{
			N: m.N, Subject: subject(m), To: strings.Join(m.To, ", "), Preview: preview(m.Text),
			Day: at.Format("2 Jan 2006"), Clock: at.Format("15:04:05"), ISO: at.Format("2006-01-02T15:04:05Z"),
		})
	}
	return l
}

func subject(m Mail) string {
	if s := strings.TrimSpace(m.Subject); s != "" {
		return s
	}
	return "(no subject)"
}

// preview is the beginning of a text on one line.
func preview(text string) string {
	line := []rune(strings.Join(strings.Fields(text[:min(len(text), 8*maxPreview)]), " "))
	switch {
	case len(line) == 0:
		return "(no text part)"
	case len(line) > maxPreview:
		return string(line[:maxPreview-1]) + "…"
	}
	return string(line)
}

// detail is one mail as its page shows it.
type detail struct {
	N           int
	Subject     string
	Facts       []fact
	HTML        bool
	Text        string
	Headers     []fact
	Size        string
	Clock, Date string
}

// fact is one named line.
type fact struct{ Name, Value string }

func mailPage(m Mail) detail {
	at := m.At.UTC()
	d := detail{
		N: m.N, Subject: subject(m), HTML: m.HTML != "", Text: m.Text, Headers: headers(m.Header),
		Size: size(len(m.Raw)), Date: at.Format("2 January 2006"), Clock: at.Format("15:04:05"),
	}
	from := m.From
	if header := decodeHeader(m.Header.Get("From")); header != "" {
		from = header
	}
	d.Facts = []fact{
		{"From", from}, {"To", strings.Join(m.To, ", ")}, {"Message-ID", m.MessageID}, {"Answers", m.InReplyTo},
	}
	d.Facts = slices.DeleteFunc(d.Facts, func(f fact) bool { return f.Value == "" })
	return d
}

func headers(h mail.Header) []fact {
	var all []fact
	for name, values := range h {
		for _, v := range values {
			all = append(all, fact{name, decodeHeader(v)})
		}
	}
	slices.SortStableFunc(all, func(a, b fact) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func size(n int) string {
	if n < 1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/1024)
}
