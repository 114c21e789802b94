package console

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"cordon/handler/console/layout"
	"cordon/handler/console/orders"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/signin"
)

// form is what the page of an order is given.
type form struct {
	orders.Order
	orders.Preview
	Command string
	Seen    string
	Back    string
	Reason  string
	Hidden  []hidden
	Changed bool          // since the person saw it; nothing was done
	Problem *wire.Problem // why it was not done
	InDoubt bool          // it may have been done all the same
	Again   bool          // the person has to sign in again
	SignIn  string
	Outcome orders.Outcome
	Done    bool // Outcome says what became of it
}

// GoOn is where an order that was done in part goes on; empty: it was done.
func (f form) GoOn() string {
	done := f.Outcome.Erased
	if done == nil || done.Next == "" {
		return ""
	}
	return layout.Link(f.Name, "machine", f.value("machine"), "user", f.value("user"), "after", done.Next)
}

// value is what the person said.
func (f form) value(name string) string {
	for _, h := range f.Hidden {
		if h.Name == name {
			return h.Value
		}
	}
	for _, in := range f.Inputs {
		if in.Name == name {
			return in.Value
		}
	}
	return ""
}

// hidden is a value that goes along with a form.
type hidden struct{ Name, Value string }

// order shows what would happen, or has it done. A form that is sent twice is done once: the command is made when the
// form is.
func (s *Server) order(
	w http.ResponseWriter,
	r *http.Request,
	v visit,
	o orders.Order,
) error {
	err := v.me.May(wire.Operator)
	if err != nil {
		return err
	}
	asked := v.query
	if r.Method == http.MethodPost {
		err := r.ParseForm()
		if err != nil {
			return wire.NewProblem(http.StatusBadRequest, "form", "the form cannot be read; go back and send it again")
		}
		asked = r.PostForm
	}
	f := form{
		Order:   o,
		Command: asked.Get("command"),
		Back:    back(asked.Get("back"), r),
		Reason:  r.PostForm.Get("reason"), // never of a link, which anybody may have written
	}
	if r.Method == http.MethodPost {
		before, err := given(r.Context(), v.desk, f.Command)
		switch {
		case err != nil:
			return s.troubled(w, r, v, f, err, true)
		case before:
			s.done(w, r, f)
			return nil
		}
	}
	f.Preview, err = o.Look(r.Context(), v.desk, asked)
	switch {
	case err != nil && r.Method == http.MethodPost:
		return s.troubled(w, r, v, f, err, false)
	case err != nil:
		return err
	}
	f.Seen, err = f.Preview.Seen()
	if err != nil {
		return err
	}
	f.Hidden = kept(asked, f.Kept)
	f.Inputs = filled(asked, f.Inputs)
	if r.Method == http.MethodPost {
		return s.carry(w, r, v, f, asked)
	}
	f.Command = newCommand()
	return s.ask(w, r, v, http.StatusOK, f)
}

// carry has an order done that the person saw as it is.
func (s *Server) carry(
	w http.ResponseWriter,
	r *http.Request,
	v visit,
	f form,
	asked url.Values,
) error {
	if asked.Get("seen") != f.Seen || f.Willing() == 0 {
		f.Changed = true
		return s.ask(w, r, v, http.StatusConflict, f)
	}
	outcome, err := f.Do(r.Context(), v.desk, wire.Order{Command: f.Command, Reason: f.Reason}, f.Wanted(asked))
	if err != nil {
		p := s.problem(r, err)
		inDoubt := p.Status >= http.StatusInternalServerError && p.Code != "hunt" // a query changes nothing
		if !inDoubt {
			f.Command = newCommand()
		}
		return s.troubled(w, r, v, f, p, inDoubt)
	}
	if outcome == (orders.Outcome{}) {
		s.done(w, r, f)
		return nil
	}
	f.Outcome = outcome
	f.Done = true
	return s.ask(w, r, v, http.StatusOK, f)
}

// ask shows the form.
func (s *Server) ask(
	w http.ResponseWriter,
	r *http.Request,
	v visit,
	status int,
	f form,
) error {
	around, err := s.frame(r.Context(), v)
	switch {
	case err == nil:
	case r.Method == http.MethodPost: // what a person wrote is not lost for what stands around it
		around = layout.Frame{Me: v.me.Name, May: v.may()}
	default:
		return err
	}
	around.Title = f.Title
	around.Page = f
	s.write(w, r, status, "order", around)
	return nil
}

// given reports whether a command was begun, whatever became of it. One that nobody gave is a refusal of the journal.
func given(ctx context.Context, desk operate.Desk, command string) (bool, error) {
	before, err := desk.Journal(ctx, wire.JournalAsked{Command: command})
	var p *wire.Problem
	if errors.As(err, &p) && p.Status < http.StatusInternalServerError {
		return false, nil
	}
	return len(before.Entries) > 0, err
}

func newCommand() string { return strings.ToLower(rand.Text()) }

// troubled shows a form once more that could not be carried out. What is in it is not lost.
func (s *Server) troubled(
	w http.ResponseWriter,
	r *http.Request,
	v visit,
	f form,
	err error,
	inDoubt bool,
) error {
	f.Problem = s.problem(r, err)
	f.InDoubt = inDoubt
	if f.Seen == "" {
		f.echo(r.PostForm)
	}
	return s.ask(w, r, v, f.Problem.Status, f)
}

// echo takes all that was sent as it is.
func (f *form) echo(posted url.Values) {
	f.Seen = posted.Get("seen")
	own := []string{"command", "seen", "back", "reason"}
	for _, name := range slices.Sorted(maps.Keys(posted)) {
		if !slices.Contains(own, name) {
			f.Hidden = append(f.Hidden, kept(posted, []string{name})...)
		}
	}
}

// done sends the person back to where he was, which says what became of it.
func (s *Server) done(w http.ResponseWriter, r *http.Request, f form) {
	join := "?"
	if strings.Contains(f.Back, "?") {
		join = "&"
	}
	http.Redirect(w, r, f.Back+join+"did="+url.QueryEscape(f.Command), http.StatusSeeOther)
}

// back is the page to which a person comes back: the one that says so, or the one that he comes from, if it is one of
// the console that gives no orders.
func back(said string, r *http.Request) string {
	if said == "" {
		from, err := url.Parse(r.Referer())
		if err == nil {
			said = from.RequestURI()
		}
	}
	at, err := url.Parse(said)
	if err != nil || !signin.OwnPath(said) {
		return Base
	}
	pagePaths, _ := Pages()
	for _, path := range pagePaths {
		if at.Path != path {
			continue
		}
		q := at.Query()
		q.Del("did")
		at.RawQuery = q.Encode()
		return at.RequestURI()
	}
	return Base
}

// kept are the values that say what an order is about.
func kept(asked url.Values, names []string) (all []hidden) {
	for _, name := range names {
		for _, value := range asked[name] {
			all = append(all, hidden{Name: name, Value: value})
		}
	}
	return all
}

// filled are the fields with what the person said.
func filled(asked url.Values, inputs []orders.Input) []orders.Input {
	for i, in := range inputs {
		if asked.Has(in.Name) {
			inputs[i].Value = asked.Get(in.Name)
		}
	}
	return inputs
}

// again shows a form once more whose sender has to sign in first. What is in it is not lost.
func (s *Server) again(
	w http.ResponseWriter,
	r *http.Request,
	o orders.Order,
	p *wire.Problem,
) {
	f := form{
		Order:  o,
		Again:  true,
		SignIn: s.signIn(Base, p.Code == renew),
	}
	if r.ParseForm() == nil {
		f.Command = r.PostForm.Get("command")
		f.Back = back(r.PostForm.Get("back"), r)
		f.Reason = r.PostForm.Get("reason")
		f.echo(r.PostForm)
	}
	s.write(w, r, p.Status, "order", layout.Frame{Title: o.Title, Page: f})
}
