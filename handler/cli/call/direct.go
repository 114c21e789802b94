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
	"cordon/handler/desk/post"
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
		office: &operate.Office{
			Desk:    &desk.Desk{},
			Tenant:  settings.TenantID,
			Version: o.Version,
			Now:     time.Now,
		},
	}
	err = b.open(ctx, o)
	if err != nil {
		b.done()
		return nil, nil, err
	}
	b.office.Playbook = func() (wire.Playbook, error) {
		book, err := setup.Book(settings.Playbook)
		if err != nil {
			return wire.Playbook{}, err
		}
		return setup.Playbook(settings, book), nil
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
	done     func()
}

func (b *behind) open(ctx context.Context, o *Operator) error {
	needed := func(n config.Need) bool {
		return slices.Contains(b.needs, n)
	}
	var store *ledger.Store
	var err error
	if needed(config.Ledger) {
		store, err = setup.CommandLedger(ctx, b.settings)
		if err != nil {
			return err
		}
		here := setup.Desk(b.settings, store)
		here.Now = setup.SharedTime(store)
		here.Mails.Now = here.Now
		b.office = setup.Office(b.settings, store, here, o.Version)
		b.tellOperators(o.Getenv, store)
	}
	if needed(config.Defender) {
		api, err := setup.CommandAPI(b.settings, store.Runs)
		if err != nil {
			return err
		}
		b.office.Desk.API = api
		b.office.Desk.Actions = api
		b.office.Desk.Seen = api
	}
	if needed(config.Queues) {
		broker, done, err := setup.CommandBroker(b.settings)
		if err != nil {
			return err
		}
		b.done = func() { done(context.WithoutCancel(ctx)) }
		b.office.Desk.Queue = broker
		b.office.Post = &post.Office{Desk: b.office.Desk, Queue: broker}
		b.office.Letters = &setup.Letters{Broker: broker}
	}
	return nil
}

// tellOperators has the operators told of a pause, where the settings of mail are known: the app sends what is written
// down here.
func (b *behind) tellOperators(getenv func(string) string, store *ledger.Store) {
	settings, err := config.LoadFor(getenv, config.Mail)
	if err != nil {
		return
	}
	b.office.Desk.Teller = notice.New(notice.Options{
		Notices: store.Notices,
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
