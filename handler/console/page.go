package console

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"sync"

	"cordon/handler/console/layout"
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

// shown is what a page shows.
type shown struct {
	title string // empty: the page's
	page  any
	to    string // another page, which shows what was asked for; empty: this one does
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

func at(name string) string {
	if name == "" {
		return Base
	}
	return Base + "/" + name
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

// frame is what stands around every page.
func (s *Server) frame(ctx context.Context, v visit) (f layout.Frame, err error) {
	f.Me = v.me.Name
	f.May = v.may()
	f.Pause, err = v.desk.Pause(ctx)
	command := v.query.Get("did")
	if err != nil || command == "" {
		return f, err
	}
	done, err := v.desk.Journal(ctx, wire.JournalAsked{Command: command})
	var p *wire.Problem
	if errors.As(err, &p) && p.Status < http.StatusInternalServerError {
		return f, nil // a command that is none says nothing
	}
	f.Did = done.Entries
	return f, err
}

// part is a part of a page that may be missing without the rest.
type part[T any] struct {
	Is      T
	Trouble string // why it is missing; empty: it is not
}

// fill asks for parts of a page, all at the same time.
func fill(asks ...func()) {
	var all sync.WaitGroup
	for _, ask := range asks {
		all.Go(ask)
	}
	all.Wait()
}

// into asks for one part.
func into[T any](p *part[T], ask func() (T, error)) func() {
	return func() {
		is, err := ask()
		p.Is = is
		if err != nil {
			p.Trouble = err.Error()
		}
	}
}

// choice is one of the values that a field can have.
type choice struct {
	Value  string
	Chosen bool
}

func choices(chosen string, all ...string) (found []choice) {
	if chosen != "" && !slices.Contains(all, chosen) {
		all = append(all, chosen)
	}
	for _, value := range all {
		found = append(found, choice{Value: value, Chosen: value == chosen})
	}
	return found
}

// missing says that a page was asked for without what it is about.
func missing(what string) error {
	return wire.NewProblem(http.StatusBadRequest, "query", fmt.Sprintf("the address names no %s", what))
}
