package setup

// What a command reaches: it shares nothing with the processes of the app, and is given only what its settings were
// loaded for.

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"cordon/handler/alert"
	"cordon/handler/config"
	"cordon/handler/entra"
	"cordon/handler/ledger"
	"cordon/handler/ledger/runs"
	"cordon/handler/poll"
	"cordon/handler/queue"
)

// CommandBroker lets a command send to the alert queue; done closes it.
func CommandBroker(settings config.Config) (b *Broker, done func(context.Context), err error) {
	bus, err := CommandBus(settings)
	if err != nil {
		return nil, nil, err
	}
	b = &Broker{
		Client:  bus,
		Alerts:  settings.AlertQueue,
		Notices: settings.NoticeQueue,
	}
	return b, func(ctx context.Context) { CloseBus(ctx, bus) }, nil
}

// closeTime is how long a command waits for its connection to be closed.
const closeTime = 5 * time.Second

// CloseBus ends a command's connection; everything that counts was answered before.
func CloseBus(ctx context.Context, bus *queue.Client) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	_ = bus.Close(ctx)
}

// CommandBus is Bus for a command whose settings were loaded for config.Queues.
func CommandBus(settings config.Config) (*queue.Client, error) {
	transport, credential, err := commandCredential(settings, settings.ServiceBus.Namespace != "",
		settings.ServiceBus.Identity, BusClientID)
	if err != nil {
		return nil, err
	}
	return Bus(settings, credential, transport)
}

// CommandLedger is Ledger for a command whose settings were loaded for config.Ledger. Where no app has worked the
// ledger is refused: under a wrong tenant or prefix a pause would stop nothing, and what is held would seem to be
// nothing.
func CommandLedger(ctx context.Context, settings config.Config) (*ledger.Store, error) {
	store, err := EmptyLedger(settings)
	if err != nil {
		return nil, err
	}
	worked, err := store.Switches.Worked(ctx)
	if err == nil && !worked {
		err = fmt.Errorf("no app has worked under tenant %s in these tables, which begin with %q: "+
			"are CORDON_TENANT_ID, CORDON_TABLE_PREFIX and AzureWebJobsStorage those of the app? "+
			"An app that was never started has done nothing yet", settings.TenantID, settings.TablePrefix)
	}
	return store, err
}

// EmptyLedger is CommandLedger where no app need have worked.
func EmptyLedger(settings config.Config) (*ledger.Store, error) {
	transport, credential, err := commandCredential(settings, settings.Storage.TableURL != nil,
		settings.Storage.Identity, TablesClientID)
	if err != nil {
		return nil, err
	}
	return Ledger(settings, credential, transport, false)
}

// CommandAPI is the API of a command whose settings were loaded for config.Defender. store is its ledger; nil: it has
// none.
func CommandAPI(settings config.Config, store *runs.Store) (*API, error) {
	transport, tokens, err := appTokens(settings)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	client := Defender(settings, transport, tokens, nil, log)
	graph := NewAlerts(settings, transport, tokens, log)
	api := NewAPI(settings, client, graph, store)
	api.listed = poll.Defender(client)
	if settings.AlertSource == alert.Graph.String() {
		api.listed = poll.Graph(graph)
	}
	return api, nil
}

// CommandHunter asks Graph for a command, which shares nothing with the processes of the app.
func CommandHunter(settings config.Config) (Hunter, error) {
	transport, tokens, err := appTokens(settings)
	if err != nil {
		return Hunter{}, err
	}
	return NewHunter(settings, transport, tokens, slog.New(slog.DiscardHandler)), nil
}

// appTokens are the plain connection and the tokens of the app's own identity.
func appTokens(settings config.Config) (*http.Transport, *entra.Source, error) {
	transport, err := Transport(settings.CAFile)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := Certificate(settings)
	if err != nil {
		return nil, nil, err
	}
	tokens, err := NewSources(settings, certificate, transport).App()
	return transport, tokens, err
}

// commandCredential is nil for a service that is reached by keys: then nobody's identity need be known. Of an app
// registration the certificate is read only where it is used.
func commandCredential(
	settings config.Config,
	byToken bool,
	id config.Identity,
	setting string,
) (*http.Transport, azcore.TokenCredential, error) {
	transport, err := Transport(settings.CAFile)
	if err != nil || !byToken {
		return transport, nil, err
	}
	who := NewSources(settings, nil, transport)
	if !id.Managed {
		who.certificate, err = Certificate(settings)
		if err != nil {
			return nil, nil, err
		}
	}
	tokens, err := who.Of(id, setting)
	if err != nil {
		return nil, nil, err
	}
	return transport, tokens.Credential(), nil
}
