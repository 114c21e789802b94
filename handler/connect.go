package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"cordon/handler/config"
	"cordon/handler/defender"
	"cordon/handler/ledger"
	"cordon/handler/queue"
)

// openLedger makes the client of the ledger. The credential is used where no connection string is set; the transport where it
// trusts certificate authorities of the app's own, for else the library's is as good. With neighbours what is observed is
// indexed by machine and incident.
func openLedger(settings config.Config, credential azcore.TokenCredential, transport *http.Transport, neighbours bool) (*ledger.Store, error) {
	o := ledger.Options{ConnectionString: settings.Storage.ConnectionString.Reveal(), ServiceURL: text(settings.Storage.TableURL),
		Credential: credential, Prefix: settings.TablePrefix, Tenant: settings.TenantID, Neighbours: neighbours}
	if settings.CAFile != "" {
		o.Transport = &http.Client{Transport: transport}
	}
	return ledger.Open(o)
}

// openBus makes the client of the queues. The credential is used where no connection string is set.
func openBus(settings config.Config, credential azcore.TokenCredential, transport *http.Transport) (*queue.Client, error) {
	return queue.New(queue.Options{ConnectionString: settings.ServiceBus.ConnectionString.Reveal(), Namespace: settings.ServiceBus.Namespace,
		Credential: credential, RootCAs: transport.TLSClientConfig.RootCAs})
}

// commandBus is openBus for a command whose settings were loaded for config.Queues.
func commandBus(settings config.Config) (*queue.Client, error) {
	transport, credential, err := commandCredential(settings, settings.ServiceBus.Namespace != "", settings.ServiceBus.Identity, busClientID)
	if err != nil {
		return nil, err
	}
	return openBus(settings, credential, transport)
}

// commandLedger is openLedger for a command whose settings were loaded for config.Ledger. Where no app has worked the ledger is
// refused: under a wrong tenant or prefix a pause would stop nothing, and what is held would seem to be nothing.
func commandLedger(ctx context.Context, settings config.Config) (*ledger.Store, error) {
	transport, credential, err := commandCredential(settings, settings.Storage.TableURL != nil, settings.Storage.Identity, tablesClientID)
	if err != nil {
		return nil, err
	}
	store, err := openLedger(settings, credential, transport, false)
	if err != nil {
		return nil, err
	}
	worked, err := store.Worked(ctx)
	if err == nil && !worked {
		err = fmt.Errorf("no app has worked under tenant %s in these tables, which begin with %q: are CORDON_TENANT_ID, CORDON_TABLE_PREFIX and AzureWebJobsStorage those of the app? "+
			"An app that was never started has done nothing yet", settings.TenantID, settings.TablePrefix)
	}
	return store, err
}

// commandAPI is the Defender client of a command whose settings were loaded for config.Defender.
func commandAPI(settings config.Config) (*defender.Client, error) {
	transport, err := baseTransport(settings.CAFile)
	if err != nil {
		return nil, err
	}
	certificate, err := readCertificate(settings)
	if err != nil {
		return nil, err
	}
	tokens, err := newSources(settings, certificate, transport).app()
	if err != nil {
		return nil, err
	}
	return defenderClient(settings, transport, tokens, slog.New(slog.DiscardHandler)), nil
}

// commandCredential is nil for a service that is reached by keys: then nobody's identity need be known. Of an app registration the
// certificate is read only where it is used.
func commandCredential(settings config.Config, byToken bool, id config.Identity, setting string) (*http.Transport, azcore.TokenCredential, error) {
	transport, err := baseTransport(settings.CAFile)
	if err != nil || !byToken {
		return transport, nil, err
	}
	who := newSources(settings, nil, transport)
	if !id.Managed {
		if who.certificate, err = readCertificate(settings); err != nil {
			return nil, nil, err
		}
	}
	tokens, err := who.of(id, setting)
	if err != nil {
		return nil, nil, err
	}
	return transport, tokens.Credential(), nil
}
