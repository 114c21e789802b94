package feeds

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"cordon/handler/archive"
	"cordon/handler/console"
	"cordon/handler/desk"
	"cordon/handler/history"
	"cordon/handler/isolation"
	"cordon/handler/ledger"
	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/rows"
	"cordon/handler/mailbox"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/signin"
	"cordon/local/defendersim"
	"cordon/local/judge"
)

// Mails and console say the same of a machine whenever nothing is out of order, no message is on its way, and every
// mail that was to be sent is sent (so a mail's window is over): the newest mail that says whether the machine is
// isolated, as people got it, against the machine's page and the overview, as a reader's browser gets them. They may
// differ only in this:
//
//   - What Defender did since FollowActions read its actions last is in the console at once, and in a mail later:
//     unread.
//   - An action that failed is asked for again, which makes no mail of its own where the mail about the failure said
//     so: promised.
//   - What a person did in the portal is in the console, and in no mail as long as no alert was answered with it; the
//     console says then that it was not by Cordon: foreign.
//
// In Azure the console may be fifteen seconds behind besides, because people who look share what was read; here each
// look is fresh.

// looked is what mails and console are held by.
type looked struct {
	followed time.Time // when FollowActions read everything last
	taken    int       // how many mails are in said
	said     map[string]saying
	shown    string // what it was made of when the console was looked at last
}

// saying is the newest word of mails on a machine.
type saying struct {
	judge.Claim
	state isolation.State
	again bool // the mail promised another try
}

// site is the console over one world after another, as one reader's browser sees it. Its templates are read once.
type site struct {
	*world
	server *console.Server
	desk   *operate.Office
}

func newSite() *site {
	s := &site{}
	s.server = console.New(console.Options{
		Who: func(context.Context, *http.Request, signin.Use) (signin.Person, error) {
			return signin.Person{Name: "ann@contoso.com", ObjectID: "o-1", Roles: []wire.Role{wire.Reader}}, nil
		},
		As:      func(me wire.Me, by journal.Author) operate.Desk { return s.desk.As(me, by) },
		Version: "test",
		Log:     slog.New(slog.DiscardHandler),
		Now:     func() time.Time { return s.clock() },
	})
	return s
}

// enter puts the console over a world. It reads the ledger and the API without faults and unseen.
func (s *site) enter(w *world) error {
	store, err := ledger.Open(rows.Options{
		ConnectionString: w.tables.ConnectionString("127.0.0.1:1"),
		Prefix:           "t",
		Tenant:           tenant,
		Transport:        w.tables,
		Now:              w.clock,
	})
	if err != nil {
		return err
	}
	mails := &mailbox.Mailbox{Notices: store.Notices, Now: w.clock, Lock: messageLock}
	s.world = w
	s.desk = &operate.Office{
		Desk: &desk.Desk{
			API:      w.clean,
			Actions:  w.clean,
			Seen:     w.clean,
			Runs:     store.Runs,
			Latches:  store.Latches,
			Held:     store.Held,
			Findings: store.Findings,
			Switches: store.Switches,
			Journal:  store.Journal,
			Mails:    mails,
			Now:      w.clock,
			Lift:     isolationLift,
		},
		History: &history.History{
			Runs:    store.Runs,
			Lists:   store.Lists,
			Tallies: store.Tallies,
			Journal: store.Journal,
			Archive: &archive.Archive{Decisions: store.Decisions},
			Mails:   mails,
			Now:     w.clock,
		},
		Notices: store.Notices,
		Tenant:  tenant,
		Now:     w.clock,
	}
	w.site, w.said = s, map[string]saying{}
	return nil
}

// page is what the browser gets of an address.
func (s *site) page(target string) string {
	out := httptest.NewRecorder()
	s.server.ServeHTTP(out, httptest.NewRequest(http.MethodGet, console.Base+target, nil))
	if out.Code != http.StatusOK {
		s.broken("I8", "the page %s is answered %d", target, out.Code)
	}
	return out.Body.String()
}

var shownState = regexp.MustCompile(`data-machine="([^"]*)" data-state="([^"]*)"`)

// states are the machines of a page, and what it says of each.
func states(page string) map[string]isolation.State {
	all := map[string]isolation.State{}
	for _, found := range shownState.FindAllStringSubmatch(page, -1) {
		all[found[1]] = isolation.State(found[2])
	}
	return all
}

// judgeConsole holds the console against the mails, if the world is quiet and anything changed since the last look.
func (w *world) judgeConsole() {
	if w.site == nil || w.failed() || w.depth > 0 || !w.quiet() {
		return
	}
	w.readMails()
	made := w.changes()
	if made == w.shown {
		return
	}
	w.shown = made
	overview := states(w.site.page(""))
	for _, m := range w.sim.Machines() {
		page := w.site.page("/machine?machine=" + url.QueryEscape(m.ID))
		is, known := states(page)[m.ID]
		if !known {
			w.broken("I8", "the page of machine %d does not say whether it is isolated", w.machineAt[m.ID])
			return
		}
		if listed, found := overview[m.ID]; found && listed != is || !found && isIn(is) {
			w.broken("I8", "the page of machine %d says %q, the overview %q", w.machineAt[m.ID], is, listed)
		}
		said := w.said[m.ID]
		switch {
		case same(said.state, is):
			w.cover("mails and console agree: " + string(is))
		case w.unread(m.ID):
			w.cover("mails and console differ: unread")
		case said.again && is == isolation.Requested:
			w.cover("mails and console differ: promised")
		case w.foreign(m.ID) && strings.Contains(page, "not by Cordon"):
			w.cover("mails and console differ: foreign")
		default:
			w.broken("I8", "the newest mail about machine %d says %q (%q), the console %q", w.machineAt[m.ID],
				said.state, said.Outcome, is)
		}
	}
}

// isIn reports whether a machine is isolated, or about to be.
func isIn(s isolation.State) bool {
	return s == isolation.Isolated || s == isolation.Releasing || s == isolation.Requested || s == isolation.Unknown
}

// same reports whether a mail and the console say the same. That a release was asked for makes no mail: the machine is
// isolated as long as it is under way. Why a machine is not isolated is for the mail to say.
func same(mail, console isolation.State) bool {
	switch console {
	case isolation.Isolated, isolation.Releasing:
		return mail == isolation.Isolated
	case isolation.Requested, isolation.Unknown:
		return mail == isolation.Requested
	}
	return !isIn(mail)
}

// quiet reports whether nothing is out of order, waits in a queue, or is to be told.
func (w *world) quiet() bool {
	if !w.allWell() || w.bus.Counts(alertQueue).Active+w.bus.Counts(noticeQueue).Active > 0 {
		return false
	}
	unsent, err := w.site.desk.Notices.Unsent(context.Background())
	return err == nil && len(unsent) == 0
}

// readMails takes in what people got since the last look.
func (w *world) readMails() {
	for ; w.taken < len(w.mails); w.taken++ {
		m := w.mails[w.taken]
		for _, c := range judge.Claims(m.Text) {
			state, says := isolation.Of(c.Outcome)
			if says {
				w.said[c.MachineID] = saying{
					Claim: c,
					state: state,
					again: strings.Contains(m.Text, "Cordon asks for it again by itself"),
				}
			}
		}
	}
}

// changes stands for all that mails and console are made of.
func (w *world) changes() string {
	var all []string
	for _, a := range w.sim.Actions() {
		lift := ""
		if a.Status == defendersim.Succeeded && !w.apiNow().Before(lifted(a)) {
			lift = "over"
		}
		all = append(all, a.ID, string(a.Status), lift)
	}
	for _, row := range w.tables.Rows("tlatches") {
		all = append(all, fmt.Sprint(row.RowKey, row.Properties["State"], row.Properties["Episode"]))
	}
	return fmt.Sprint(w.taken, all)
}

// foreign reports whether the last that was asked for of the machine's isolation was asked for in the portal.
func (w *world) foreign(machineID string) bool {
	last := defendersim.Action{}
	for _, a := range w.sim.Actions() {
		if a.MachineID == machineID && !a.Created.Before(last.Created) {
			last = a
		}
	}
	return last.RequestSource == defendersim.Portal
}

// unread reports whether something became of the machine's isolation that FollowActions has not read.
func (w *world) unread(machineID string) bool {
	read := w.followed.Add(w.feed.Skew - w.feed.ListLag)
	return slices.ContainsFunc(w.sim.Actions(), func(a defendersim.Action) bool {
		return a.MachineID == machineID && (a.StatusAt(read) != a.Status ||
			a.Status == defendersim.Succeeded && read.Before(lifted(a)) && !w.apiNow().Before(lifted(a)))
	})
}
