package console

import (
	"context"
	"io/fs"
	"net/http"

	"cordon/handler/console/orders"
	"cordon/handler/operate/wire"
)

// page is one page that people look at.
type page struct {
	name     string // its path below Base, and the name of its template
	title    string
	here     string // the page of the menu that it belongs to
	template string // empty: as the name
	refresh  bool
	// show is what the template is given. What a page cannot do without is an error.
	show func(ctx context.Context, v visit) (shown, error)
}

func pages() []page {
	return []page{
		{name: "", title: "Overview", here: "overview", template: "overview", refresh: true, show: overview},
		{name: "waiting", title: "Waiting for a person", here: "waiting", refresh: true, show: waiting},
		{name: "runs", title: "Runs", here: "runs", show: runs},
		{name: "run", title: "Run", here: "runs", show: run},
		{name: "machine", title: "Machine", show: oneMachine},
		{name: "rules", title: "Rules", here: "rules", show: rules},
		{name: "hunts", title: "Hunts", here: "hunts", show: hunts},
		{name: "mails", title: "Mails", here: "mails", show: mails},
		{name: "deadletters", title: "Dead letters", here: "deadletters", show: deadLetters},
		{name: "deadletter", title: "Dead letter", here: "deadletters", show: deadLetter},
		{name: "pauses", title: "Pause", here: "pauses", show: pauses},
		{name: "journal", title: "Journal", here: "journal", show: journalOf},
		{name: "health", title: "Health", here: "health", refresh: true, show: health},
		{name: "doctor", title: "Doctor", here: "health", show: doctor},
		{name: "find", show: find},
	}
}

// Pages are the paths of all pages, and of the pages on which orders are given.
func Pages() (pagePaths, orderPaths []string) {
	for _, p := range pages() {
		pagePaths = append(pagePaths, at(p.name))
	}
	for _, order := range orders.All() {
		orderPaths = append(orderPaths, at(order.Name))
	}
	return pagePaths, orderPaths
}

// files are the templates.
func files() fs.FS {
	below, err := fs.Sub(templates, "templates")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	return below
}

// show answers with a page.
func (s *Server) show(
	w http.ResponseWriter,
	r *http.Request,
	v visit,
	name string,
) error {
	p, there := s.pages[name]
	if !there {
		return wire.NewProblem(http.StatusNotFound, "not_found", "there is no such page")
	}
	is, err := p.show(r.Context(), v)
	if err != nil {
		return err
	}
	if is.to != "" {
		http.Redirect(w, r, is.to, http.StatusSeeOther)
		return nil
	}
	f, err := s.frame(r.Context(), v)
	if err != nil {
		return err
	}
	f.Title = p.title
	if is.title != "" {
		f.Title = is.title
	}
	f.Here = p.here
	f.Refresh = p.refresh
	f.Page = is.page
	template := p.template
	if template == "" {
		template = p.name
	}
	s.write(w, r, http.StatusOK, template, f)
	return nil
}

func at(name string) string {
	if name == "" {
		return Base
	}
	return Base + "/" + name
}
