package setup

import (
	"time"

	"cordon/handler/archive"
	"cordon/handler/config"
	"cordon/handler/desk"
	"cordon/handler/desk/erasure"
	"cordon/handler/history"
	"cordon/handler/ledger"
	"cordon/handler/mailbox"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/playbook"
	"cordon/handler/playbook/deployed"
)

// Desk is what people may do and see with the ledger alone.
func Desk(settings config.Config, store *ledger.Store) *desk.Desk {
	return &desk.Desk{
		Runs:         store.Runs,
		Latches:      store.Latches,
		Held:         store.Held,
		Findings:     store.Findings,
		Switches:     store.Switches,
		Journal:      store.Journal,
		Mails:        Mailbox(settings, store),
		Operator:     Addresses(settings.OperatorMail),
		Now:          time.Now,
		Lift:         settings.IsolationLift,
		RecheckAfter: settings.RecheckAfter,
	}
}

// SharedTime is the time by the clock of the tables, once an answer told it: that of a person's computer may be wrong,
// and the app would give up an order from there before it is carried out, or never find it.
func SharedTime(store *ledger.Store) func() time.Time {
	return func() time.Time {
		now, known := store.ServiceTime()
		if !known {
			return time.Now()
		}
		return now
	}
}

// Office is the operator API over a desk. A catalogue of hunts that cannot be read is told by doctor and by RunHunts;
// here there are no hunts then.
func Office(
	settings config.Config,
	store *ledger.Store,
	d *desk.Desk,
	version string,
) *operate.Office {
	office := &operate.Office{
		Desk:    d,
		Notices: store.Notices,
		History: &history.History{
			Runs:    store.Runs,
			Lists:   store.Lists,
			Tallies: store.Tallies,
			Journal: store.Journal,
			Mails:   Mailbox(settings, store),
			Archive: &archive.Archive{Decisions: store.Decisions, Version: version},
			Now:     time.Now,
		},
		Eraser: &erasure.Eraser{
			Desk:      d,
			Decisions: store.Decisions,
			Findings:  store.Findings,
			Lists:     store.Lists,
		},
		Links: func(alertID string, incident int64, machineID string) wire.Links {
			return links(settings, alertID, incident, machineID)
		},
		Tenant:  settings.TenantID,
		Version: version,
		Hunts:   store.Hunts,
		Now:     time.Now,
	}
	catalogue, err := Hunts(settings)
	if err == nil {
		office.Catalogue = catalogue
	}
	return office
}

// Playbook is a playbook as it is deployed with some settings.
func Playbook(settings config.Config, book *playbook.Book) wire.Playbook {
	return deployed.Describe(book, deployed.Settings{
		Ceiling:    playbook.Mode(settings.Mode),
		StaleAfter: settings.StaleAfter,
	})
}

// SignIn says how to sign in at the app. Only an app on this computer says where tokens come from: of any other that
// follows from its cloud.
func SignIn(settings config.Config) wire.SignIn {
	s := wire.SignIn{
		Tenant: settings.TenantID,
		API:    settings.SignIn.ClientID,
		CLI:    settings.SignIn.CLIClientID,
		Cloud:  settings.Cloud,
	}
	if settings.SignIn.AppURL.Scheme == "http" { // which is refused but for loopback
		s.Authority = settings.AuthorityURL.String()
	}
	return s
}

// Mailbox is what became of mails. Whoever sends one has it in hand as long as a message is locked.
func Mailbox(settings config.Config, store *ledger.Store) *mailbox.Mailbox {
	return &mailbox.Mailbox{
		Notices: store.Notices,
		To:      Addresses(settings.MailTo),
		Now:     time.Now,
		Lock:    settings.MessageLock,
	}
}
