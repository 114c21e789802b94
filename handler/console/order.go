package console

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"cordon/handler/console/layout"
	"cordon/handler/console/orders"
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
		Reason:  asked.Get("reason"),
	}
	if r.Method == http.MethodPost && f.Command != "" {
		before, err := v.desk.Journal(r.Context(), wire.JournalAsked{Command: f.Command})
		if err == nil && len(before.Entries) > 0 {
			s.done(w, r, f)
			return nil
		}
	}
	f.Preview, err = o.Look(r.Context(), v.desk, asked)
	if err != nil {
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
	f.Command = strings.ToLower(rand.Text())
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
	if asked.Get("seen") != f.Seen {
		f.Changed = true
		return s.ask(w, r, v, http.StatusConflict, f)
	}
	outcome, err := f.Do(r.Context(), v.desk, wire.Order{Command: f.Command, Reason: f.Reason}, asked)
	if err != nil {
		f.Problem = s.problem(r, err)
		return s.ask(w, r, v, f.Problem.Status, f)
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
	if err != nil {
		return err
	}
	around.Title = f.Title
	around.Page = f
	s.write(w, r, status, "order", around)
	return nil
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
		SignIn: signIn(Base, p.Code == renew),
	}
	if r.ParseForm() == nil {
		f.Command = r.PostForm.Get("command")
		f.Seen = r.PostForm.Get("seen")
		f.Back = back(r.PostForm.Get("back"), r)
		f.Reason = r.PostForm.Get("reason")
		for name := range r.PostForm {
			if name != "command" && name != "seen" && name != "back" && name != "reason" {
				f.Hidden = append(f.Hidden, kept(r.PostForm, []string{name})...)
			}
		}
	}
	s.write(w, r, p.Status, "order", layout.Frame{Title: o.Title, Page: f})
}
