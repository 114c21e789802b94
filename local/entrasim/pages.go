package entrasim

import (
	"html/template"
	"net/http"
	"net/url"
)

// pages are what people see. The one that sends an answer back by POST submits itself, as the real one's does.
var pages = template.Must(template.New("").Parse(`{{define "top"}}<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:34rem;padding:0 1rem}
button{font:inherit;display:block;width:100%;margin:.4rem 0;padding:.5rem;text-align:left}</style>
<h1>{{.Title}}</h1>{{end}}
{{define "choose"}}{{template "top" .}}
<p>A stand-in of Microsoft Entra ID on this machine: no password is asked for.</p>
<form method="post">{{with .Code}}<input type="hidden" name="user_code" value="{{.}}">{{end}}
{{range .People}}<button name="person" value="{{.Username}}">{{.Name}} &lt;{{.Username}}&gt;</button>
{{end}}<button name="person" value="">Cancel</button></form></html>{{end}}
{{define "code"}}{{template "top" .}}
<form><label>The code that your device shows <input name="user_code" autofocus></label><button>Next</button></form>
</html>{{end}}
{{define "text"}}{{template "top" .}}<p>{{.Text}}</p></html>{{end}}
{{define "post"}}<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Working</title>
<form method="post" action="{{.Action}}">{{range $name, $values := .Values}}{{range $values}}
<input type="hidden" name="{{$name}}" value="{{.}}">{{end}}{{end}}
<noscript><button>Continue</button></noscript></form><script>document.forms[0].submit()</script></html>{{end}}`))

// page is what a page shows.
type page struct {
	Title, Text, Code string
	People            []Person
	Action            string
	Values            url.Values
}

// choosePage asks who signs in; the code is a device's.
func (s *Sim) choosePage(w http.ResponseWriter, client App, code string) {
	show(w, http.StatusOK, "choose", page{
		Title:  "Sign in to " + client.called(),
		Code:   code,
		People: s.People(client.TenantID),
	})
}

func (s *Sim) codePage(w http.ResponseWriter) {
	show(w, http.StatusOK, "code", page{Title: "Enter code"})
}

func textPage(w http.ResponseWriter, text string) {
	show(w, http.StatusOK, "text", page{Title: "Sign in", Text: text})
}

// postPage sends values to a client by the browser.
func postPage(w http.ResponseWriter, action string, values url.Values) {
	show(w, http.StatusOK, "post", page{Action: action, Values: values})
}

// refusePage shows an error. That the status is an error too is assumed.
func (s *Sim) refusePage(w http.ResponseWriter, no refusal) {
	show(w, no.status, "text", page{
		Title: "Sorry, but we're having trouble signing you in.",
		Text:  no.says(s.options.Now(), newID(), newID()),
	})
}

func show(w http.ResponseWriter, status int, name string, p page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.Header().Set("X-Frame-Options", "DENY")
	w.WriteHeader(status)
	// The only failure is a client that has gone away.
	_ = pages.ExecuteTemplate(w, name, p)
}
