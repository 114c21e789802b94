package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"cordon/handler/operate/wire"
)

// SignIn asks how to sign in, without a token.
func (c *Client) SignIn(ctx context.Context) (wire.SignIn, error) {
	anonymous := *c
	anonymous.Token = nil
	return get[wire.SignIn](ctx, &anonymous, "/signin", nil)
}

// Me says who asks, as the app sees it.
func (c *Client) Me(ctx context.Context) (wire.Me, error) {
	return get[wire.Me](ctx, c, "/me", nil)
}

// Overview counts the last 24 hours, and lists what is under way.
func (c *Client) Overview(ctx context.Context) (wire.Overview, error) {
	return get[wire.Overview](ctx, c, "/overview", nil)
}

// Isolated lists machines that are isolated.
func (c *Client) Isolated(ctx context.Context) (wire.Isolated, error) {
	return get[wire.Isolated](ctx, c, "/isolated", nil)
}

// Machine finds a machine by its id or its name.
func (c *Client) Machine(ctx context.Context, which string) (wire.Machine, error) {
	return get[wire.Machine](ctx, c, "/machine", url.Values{"machine": {which}})
}

// Machines finds machines of the record by how their name or id begins.
func (c *Client) Machines(ctx context.Context, prefix string) (wire.MachineNames, error) {
	return get[wire.MachineNames](ctx, c, "/machines", url.Values{"prefix": {prefix}})
}

// Run finds a run by its id, or the newest of an alert.
func (c *Client) Run(ctx context.Context, which string) (wire.Run, error) {
	return get[wire.Run](ctx, c, "/run", url.Values{"run": {which}})
}

// Runs reads a page of runs, newest first.
func (c *Client) Runs(ctx context.Context, q wire.RunsAsked) (wire.Runs, error) {
	query := page(q.Limit, q.After)
	for name, value := range map[string]string{
		"alert":    q.Alert,
		"machine":  q.Machine,
		"rule":     q.Rule,
		"outcome":  q.Outcome,
		"severity": q.Severity,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if q.Incident != 0 {
		query.Set("incident", strconv.FormatInt(q.Incident, 10))
	}
	setTime(query, "since", q.Since)
	setTime(query, "until", q.Until)
	return get[wire.Runs](ctx, c, "/runs", query)
}

// Counts says how many runs ended how.
func (c *Client) Counts(ctx context.Context, days int) (wire.Counts, error) {
	query := url.Values{}
	if days > 0 {
		query.Set("days", strconv.Itoa(days))
	}
	return get[wire.Counts](ctx, c, "/runs/counts", query)
}

// Decision finds how a run was decided, and on what.
func (c *Client) Decision(ctx context.Context, which string) (wire.Decision, error) {
	return get[wire.Decision](ctx, c, "/decision", url.Values{"run": {which}})
}

// Decisions reads a page of how runs were decided, and on what.
func (c *Client) Decisions(ctx context.Context, q wire.DecisionsAsked) (wire.Decisions, error) {
	query := page(q.Limit, q.After)
	setTime(query, "since", q.Since)
	setTime(query, "until", q.Until)
	return get[wire.Decisions](ctx, c, "/decisions", query)
}

// setTime puts a time into a query; zero is left out.
func setTime(query url.Values, name string, at time.Time) {
	if !at.IsZero() {
		query.Set(name, at.UTC().Format(time.RFC3339Nano))
	}
}

// page is a query for a page of a list.
func page(limit int, after string) url.Values {
	query := url.Values{}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	if after != "" {
		query.Set("after", after)
	}
	return query
}

// Held lists what rails hold.
func (c *Client) Held(ctx context.Context) (wire.Held, error) {
	return get[wire.Held](ctx, c, "/held", nil)
}

// Pause says whether acting is paused.
func (c *Client) Pause(ctx context.Context) (wire.Pause, error) {
	return get[wire.Pause](ctx, c, "/pause", nil)
}

// Playbook is the playbook that decides.
func (c *Client) Playbook(ctx context.Context) (wire.Playbook, error) {
	return get[wire.Playbook](ctx, c, "/playbook", nil)
}

// Hunts lists the hunts of the app.
func (c *Client) Hunts(ctx context.Context) (wire.Hunts, error) {
	return get[wire.Hunts](ctx, c, "/hunts", nil)
}

// Health says whether all that should happen does. An app that is unwell answers 503, which is an answer here: it is not
// asked again.
func (c *Client) Health(ctx context.Context) (report wire.Health, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	status, body, err := c.ask(ctx, c.once, request{
		method: http.MethodGet,
		path:   "/health",
		unwell: true,
	})
	if err == nil {
		err = c.read(body, &report)
	}
	report.OK = report.OK && status == http.StatusOK
	return report, err
}

// Doctor has the app check its own set-up.
func (c *Client) Doctor(ctx context.Context) (wire.Doctor, error) {
	return asked[wire.Doctor](ctx, c, longPatience, c.once, request{
		method: http.MethodGet,
		path:   "/doctor",
	})
}

// DeadLetters lists those of a queue; limit 0: the default.
func (c *Client) DeadLetters(ctx context.Context, queue string, limit int) (wire.DeadLetters, error) {
	query := url.Values{"queue": {queue}}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	return get[wire.DeadLetters](ctx, c, "/deadletters", query)
}

// DeadLetter reads one of them, with its text.
func (c *Client) DeadLetter(
	ctx context.Context,
	queue string,
	number int64,
) (wire.DeadLetter, error) {
	query := url.Values{
		"queue":  {queue},
		"number": {strconv.FormatInt(number, 10)},
	}
	return get[wire.DeadLetter](ctx, c, "/deadletter", query)
}

// Mails reads a page of mails by what became of them.
func (c *Client) Mails(ctx context.Context, q wire.MailsAsked) (wire.Mails, error) {
	query := page(q.Limit, q.After)
	if q.State != "" {
		query.Set("state", q.State)
	}
	return get[wire.Mails](ctx, c, "/mails", query)
}

// Journal reads a page of what people did by hand, or of what became of one command.
func (c *Client) Journal(ctx context.Context, q wire.JournalAsked) (wire.Journal, error) {
	query := page(q.Limit, q.After)
	if q.Command != "" {
		query.Set("command", q.Command)
	}
	return get[wire.Journal](ctx, c, "/journal", query)
}

// order gives a command that is answered with the results of what it named.
func (c *Client) order(ctx context.Context, path, command string, order any) (wire.Results, error) {
	return post(ctx, c, path, command, order, func(r wire.Results) bool {
		return r.Command == command
	})
}

// Release asks Defender to release machines.
func (c *Client) Release(ctx context.Context, o wire.ReleaseOrder) (wire.Results, error) {
	return c.order(ctx, "/release", o.Command, o)
}

// Cancel cancels a machine action.
func (c *Client) Cancel(ctx context.Context, o wire.CancelOrder) (wire.Results, error) {
	return c.order(ctx, "/cancel", o.Command, o)
}

// Continue goes on with what is held.
func (c *Client) Continue(ctx context.Context, o wire.HeldOrder) (wire.Results, error) {
	return c.order(ctx, "/held/continue", o.Command, o)
}

// Drop decides that what is held is not done.
func (c *Client) Drop(ctx context.Context, o wire.HeldOrder) (wire.Results, error) {
	return c.order(ctx, "/held/drop", o.Command, o)
}

// SetPause stops all acting, or lets it go on.
func (c *Client) SetPause(
	ctx context.Context,
	paused bool,
	o wire.PauseOrder,
) (wire.PauseResult, error) {
	path := "/resume"
	if paused {
		path = "/pause"
	}
	return post(ctx, c, path, o.Command, o, func(p wire.PauseResult) bool {
		return p.Paused == paused
	})
}

// Enqueue has alerts answered now.
func (c *Client) Enqueue(ctx context.Context, o wire.EnqueueOrder) (wire.Results, error) {
	return c.order(ctx, "/enqueue", o.Command, o)
}

// Replay sends dead letters again.
func (c *Client) Replay(ctx context.Context, o wire.DeadLetterOrder) (wire.Results, error) {
	return c.order(ctx, "/deadletters/replay", o.Command, o)
}

// Discard drops dead letters for good.
func (c *Client) Discard(ctx context.Context, o wire.DeadLetterOrder) (wire.Results, error) {
	return c.order(ctx, "/deadletters/drop", o.Command, o)
}

// Erase erases what runs were decided on.
func (c *Client) Erase(ctx context.Context, o wire.EraseOrder) (wire.Erased, error) {
	return post(ctx, c, "/erase", o.Command, o, func(e wire.Erased) bool {
		return e.Command == o.Command
	})
}

// SendMails has mails sent at once that wait or have failed.
func (c *Client) SendMails(ctx context.Context, o wire.MailOrder) (wire.Results, error) {
	return c.order(ctx, "/mails/send", o.Command, o)
}

// DropMails gives mails up that failed.
func (c *Client) DropMails(ctx context.Context, o wire.MailOrder) (wire.Results, error) {
	return c.order(ctx, "/mails/drop", o.Command, o)
}

// RunHunt asks a hunt's query now.
func (c *Client) RunHunt(ctx context.Context, o wire.HuntOrder) (wire.HuntRows, error) {
	found, err := post(ctx, c, "/hunts/run", o.Command, o, func(h wire.HuntRows) bool {
		return h.Hunt == o.Hunt
	})
	for _, row := range found.Rows {
		if err == nil && len(row) != len(found.Columns) {
			err = c.foreign("answered with a row of %d values for %d columns", len(row), len(found.Columns))
		}
	}
	return found, err
}
