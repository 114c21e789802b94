package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"cordon/handler/incoming"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// answering answers a route for one person.
type answering func(r *http.Request, d operate.Desk) (reply, error)

func key(method, path string) string { return method + " " + path }

// answers are what answers the routes of package wire, but for those that anybody may ask.
func answers() map[string]answering {
	all := reading()
	for path, does := range writing() {
		all[key(http.MethodPost, path)] = does
	}
	return all
}

func reading() map[string]answering {
	all := map[string]answering{}
	for path, does := range map[string]answering{
		"/me":          told(operate.Desk.Me),
		"/overview":    told(operate.Desk.Overview),
		"/isolated":    told(operate.Desk.Isolated),
		"/held":        told(operate.Desk.Held),
		"/pause":       told(operate.Desk.Pause),
		"/playbook":    told(operate.Desk.Playbook),
		"/hunts":       told(operate.Desk.Hunts),
		"/doctor":      told(operate.Desk.Doctor),
		"/health":      tellHealth,
		"/machine":     tellMachine,
		"/machines":    tellMachines,
		"/run":         tellRun,
		"/runs":        tellRuns,
		"/runs/counts": tellCounts,
		"/decision":    tellDecision,
		"/decisions":   tellDecisions,
		"/deadletters": tellLetters,
		"/deadletter":  tellLetter,
		"/mails":       tellMails,
		"/journal":     tellJournal,
	} {
		all[key(http.MethodGet, path)] = does
	}
	return all
}

func writing() map[string]answering {
	return map[string]answering{
		"/release":            ordered(operate.Desk.Release),
		"/cancel":             ordered(operate.Desk.Cancel),
		"/held/continue":      ordered(operate.Desk.Continue),
		"/held/drop":          ordered(operate.Desk.Drop),
		"/pause":              ordered(pausing(true)),
		"/resume":             ordered(pausing(false)),
		"/enqueue":            ordered(operate.Desk.Enqueue),
		"/deadletters/replay": ordered(operate.Desk.Replay),
		"/deadletters/drop":   ordered(operate.Desk.Discard),
		"/erase":              ordered(operate.Desk.Erase),
		"/mails/send":         ordered(operate.Desk.SendMails),
		"/mails/drop":         ordered(operate.Desk.DropMails),
		"/hunts/run":          ordered(operate.Desk.RunHunt),
	}
}

// told answers what wants nothing but the question.
func told[T any](ask func(operate.Desk, context.Context) (T, error)) answering {
	return func(r *http.Request, d operate.Desk) (reply, error) {
		body, err := ask(d, r.Context())
		return reply{body: body}, err
	}
}

// ordered carries out the order in the body.
func ordered[O, T any](do func(operate.Desk, context.Context, O) (T, error)) answering {
	return func(r *http.Request, d operate.Desk) (reply, error) {
		var o O
		if err := read(r, &o); err != nil {
			return reply{}, err
		}
		body, err := do(d, r.Context(), o)
		return reply{body: body}, err
	}
}

func pausing(paused bool) func(operate.Desk, context.Context, wire.PauseOrder) (wire.PauseResult, error) {
	return func(d operate.Desk, ctx context.Context, o wire.PauseOrder) (wire.PauseResult, error) {
		return d.SetPause(ctx, paused, o)
	}
}

func tellHealth(r *http.Request, d operate.Desk) (reply, error) {
	report, err := d.Health(r.Context())
	answer := reply{body: report}
	if !report.OK {
		answer.status = http.StatusServiceUnavailable
	}
	return answer, err
}

func tellMachine(r *http.Request, d operate.Desk) (reply, error) {
	body, err := d.Machine(r.Context(), r.URL.Query().Get("machine"))
	return reply{body: body}, err
}

func tellMachines(r *http.Request, d operate.Desk) (reply, error) {
	body, err := d.Machines(r.Context(), r.URL.Query().Get("prefix"))
	return reply{body: body}, err
}

func tellRun(r *http.Request, d operate.Desk) (reply, error) {
	body, err := d.Run(r.Context(), r.URL.Query().Get("run"))
	return reply{body: body}, err
}

func tellLetters(r *http.Request, d operate.Desk) (reply, error) {
	limit, err := number(r, "limit")
	if err != nil {
		return reply{}, err
	}
	body, err := d.DeadLetters(
		r.Context(),
		r.URL.Query().Get("queue"),
		int(limit),
	)
	return reply{body: body}, err
}

func tellLetter(r *http.Request, d operate.Desk) (reply, error) {
	n, err := number(r, "number")
	if err != nil {
		return reply{}, err
	}
	body, err := d.DeadLetter(r.Context(), r.URL.Query().Get("queue"), n)
	return reply{body: body}, err
}

func tellMails(r *http.Request, d operate.Desk) (reply, error) {
	limit, err := number(r, "limit")
	if err != nil {
		return reply{}, err
	}
	body, err := d.Mails(r.Context(), wire.MailsAsked{
		State: r.URL.Query().Get("state"),
		Limit: int(limit),
		After: r.URL.Query().Get("after"),
	})
	return reply{body: body}, err
}

func tellJournal(r *http.Request, d operate.Desk) (reply, error) {
	limit, err := number(r, "limit")
	if err != nil {
		return reply{}, err
	}
	body, err := d.Journal(r.Context(), wire.JournalAsked{
		Command: r.URL.Query().Get("command"),
		Limit:   int(limit),
		After:   r.URL.Query().Get("after"),
	})
	return reply{body: body}, err
}

// number reads a number of the query; 0 if it is left out.
func number(r *http.Request, name string) (int64, error) {
	said := r.URL.Query().Get(name)
	if said == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(said, 10, 64)
	if err != nil || n < 1 {
		return 0, wire.NewProblem(http.StatusBadRequest, "query", name+" is no number above 0")
	}
	return n, nil
}

func tellDecision(r *http.Request, d operate.Desk) (reply, error) {
	body, err := d.Decision(r.Context(), r.URL.Query().Get("run"))
	return reply{body: body}, err
}

func tellDecisions(r *http.Request, d operate.Desk) (reply, error) {
	query := r.URL.Query()
	limit, err := number(r, "limit")
	if err != nil {
		return reply{}, err
	}
	asked := wire.DecisionsAsked{Limit: int(limit), After: query.Get("after")}
	asked.Since, asked.Until, err = between(query)
	if err != nil {
		return reply{}, err
	}
	body, err := d.Decisions(r.Context(), asked)
	return reply{body: body}, err
}

// between are the two times of a query; zero: they are left out.
func between(query url.Values) (since, until time.Time, err error) {
	since, err = moment(query, "since")
	if err == nil {
		until, err = moment(query, "until")
	}
	return since, until, err
}

// moment is a time in the query; zero: it is left out.
func moment(query url.Values, name string) (time.Time, error) {
	said := query.Get(name)
	if said == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, said)
	if err != nil {
		return time.Time{}, wire.NewProblem(http.StatusBadRequest, "query",
			fmt.Sprintf("%s: %.40q is no time; such as 2026-03-02T12:00:00Z", name, said))
	}
	return at, nil
}

func tellRuns(r *http.Request, d operate.Desk) (reply, error) {
	query := r.URL.Query()
	asked := wire.RunsAsked{
		Alert:    query.Get("alert"),
		Machine:  query.Get("machine"),
		Rule:     query.Get("rule"),
		Outcome:  query.Get("outcome"),
		Severity: query.Get("severity"),
		After:    query.Get("after"),
	}
	limit, err := number(r, "limit")
	if err != nil {
		return reply{}, err
	}
	asked.Limit = int(limit)
	asked.Incident, err = number(r, "incident")
	if err != nil {
		return reply{}, err
	}
	asked.Since, asked.Until, err = between(query)
	if err != nil {
		return reply{}, err
	}
	body, err := d.Runs(r.Context(), asked)
	return reply{body: body}, err
}

func tellCounts(r *http.Request, d operate.Desk) (reply, error) {
	days, err := number(r, "days")
	if err != nil {
		return reply{}, err
	}
	body, err := d.Counts(r.Context(), int(days))
	return reply{body: body}, err
}

// detailShown bounds what is said of an order that cannot be read, in characters.
const detailShown = 2000

// read reads the order in a body.
func read(r *http.Request, order any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return wire.NewProblem(http.StatusUnsupportedMediaType, "content_type", "an order is application/json")
	}
	from := json.NewDecoder(r.Body)
	from.DisallowUnknownFields()
	err = from.Decode(order)
	if err == nil {
		_, err = from.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.New("something follows the order")
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return wire.NewProblem(http.StatusRequestEntityTooLarge, "too_large",
			"an order is smaller than that; send several")
	}
	return wire.NewProblem(http.StatusBadRequest, "order",
		"the order cannot be read: "+incoming.Text(err.Error(), detailShown))
}
