package respond

import (
	"context"

	"cordon/handler/alert"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// People are told once that a step is not done, however often the alert changes. Only what they were told last counts: what was
// so, was otherwise meanwhile and is so again is news.

// tell records an event for everybody whom the plan's mail steps name; without a mail step nobody is told.
func (r *Responder) tell(ctx context.Context, w *work, e notice.Event) error {
	for _, step := range w.plan.Steps {
		if step.Kind != playbook.Mail {
			continue
		}
		e.To, e.Note = step.To, step.Text
		if err := r.Teller.Tell(ctx, notice.Group(w.alert, step.To), e); err != nil {
			return err
		}
	}
	w.note(w.news(e))
	return nil
}

// tellOnce tells that the step is not done, unless people know so from an earlier version of the alert, whatever incident that
// was in.
func (r *Responder) tellOnce(ctx context.Context, w *work, kind notice.Kind, why reason) error {
	e := r.event(w, kind)
	e.Detail, e.Cause = why.text, why.cause
	return r.tellNews(ctx, w, e)
}

// tellNews tells an event unless people know it from an earlier version of the alert.
func (r *Responder) tellNews(ctx context.Context, w *work, e notice.Event) error {
	if w.known(&e) {
		return nil
	}
	return r.tell(ctx, w, e)
}

// known reports whether an earlier version of the alert told the same, and nothing else of it since. If it did not, the event gets
// the number that makes it news to whoever was told it before.
func (w *work) known(e *notice.Event) bool {
	news := w.news(*e)
	known, times := w.record.Told(w.run, news)
	if known {
		w.note(news)
	}
	e.Times = times
	return known
}

// news stands for an event in what the run keeps of what people were told.
func (w *work) news(e notice.Event) string {
	e.Times = 0
	said := e.Key()
	for _, step := range w.plan.Steps {
		if step.Kind == playbook.Mail {
			said += " " + step.Key() // to others it is news
		}
	}
	return alert.SHA256([]byte(e.MachineID + ":" + e.Step))[:8] + "=" + alert.SHA256([]byte(said))[:16]
}

// note has the run keep what people were told, with its next write that ends or puts off something.
func (w *work) note(news string) { w.told = append(w.told, news) }
