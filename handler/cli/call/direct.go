package call

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"cordon/handler/app/setup"
	"cordon/handler/config"
	"cordon/handler/desk"
	"cordon/handler/ledger"
	"cordon/handler/ledger/journal"
	"cordon/handler/notice"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// direct is the operator API in this process, with what its settings reach of what it needs.
func (o *Operator) direct(ctx context.Context, needs []config.Need) (operate.Desk, func(), error) {
	settings, err := config.LoadFor(o.Getenv, needs...)
	if err != nil {
		return nil, nil, err
	}
	b := &behind{
		settings: settings,
		needs:    needs,
		done:     func() {},
		getenv:   o.Getenv,
		office: &operate.Office{
			Desk: &desk.Desk{
				Now:          time.Now,
				Lift:         settings.IsolationLift,
				RecheckAfter: settings.RecheckAfter,
			},
			Tenant:  settings.TenantID,
			Version: o.Version,
			Now:     time.Now,
		},
	}
	// Who lists hunts asks for what is wrong with them; to all others they do not matter.
	b.office.Catalogue, _ = setup.Hunts(settings)
	for _, open := range []func(context.Context) error{b.openLedger, b.openDefender, b.openQueues} {
		if err := open(ctx); err != nil {
			b.done()
			return nil, nil, err
		}
	}
	me := wire.Me{Name: o.By, Tenant: settings.TenantID}
	by := journal.Author{Name: o.By, Client: "cordon --direct " + o.Version}
	return b.office.As(me, by), b.done, nil
}

// behind is what stands behind the app, as it is opened for one command.
type behind struct {
	settings config.Config
	needs    []config.Need
	office   *operate.Office
	store    *ledger.Store
	done     func()
	getenv   func(string) string
}

func (b *behind) needed(n config.Need) bool { return slices.Contains(b.needs, n) }

func (b *behind) openLedger(ctx context.Context) (err error) {
	if !b.needed(config.Ledger) {
		return nil
	}
	b.store, err = setup.CommandLedger(ctx, b.settings)
	if err != nil {
		return err
	}
	d := b.office.Desk
	d.Runs = b.store.Runs
	d.Latches = b.store.Latches
	d.Held = b.store.Held
	d.Findings = b.store.Findings
	d.Switches = b.store.Switches
	d.Journal = b.store.Journal
	b.office.Notices = b.store.Notices
	b.office.Hunts = b.store.Hunts
	b.tellOperators()
	return nil
}

// tellOperators has the operators told of a pause, where the settings of mail are known: the app sends what is written
// down here.
func (b *behind) tellOperators() {
	settings, err := config.LoadFor(b.getenv, config.Mail)
	if err != nil {
		return
	}
	b.office.Desk.Operator = setup.Addresses(settings.OperatorMail)
	b.office.Desk.Teller = notice.New(notice.Options{
		Notices: b.store.Notices,
		Queue:   later{},
		Log:     slog.New(slog.DiscardHandler),
		Now:     time.Now,
		Window:  settings.NoticeWindow,
	})
}

// later leaves a notice to the app, which sends what it finds overdue.
type later struct{}

// SendNotice implements notice.Queue.
func (later) SendNotice(context.Context, string, []byte, time.Time) error {
	return errors.New("the app sends it when it is found overdue")
}

func (b *behind) openDefender(context.Context) error {
	if !b.needed(config.Defender) {
		return nil
	}
	api, err := setup.CommandAPI(b.settings, b.store.Runs)
	b.office.Desk.API = api
	b.office.Desk.Actions = api
	return err
}

func (b *behind) openQueues(context.Context) error {
	if !b.needed(config.Queues) {
		return nil
	}
	broker, done, err := setup.CommandBroker(b.settings)
	if err != nil {
		return err
	}
	b.done = func() { done(context.Background()) }
	b.office.Desk.Queue = broker
	b.office.Letters = &setup.Letters{Broker: broker}
	return nil
}
