package main

import (
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"cordon/handler/config"
	"cordon/handler/entra"
	"cordon/handler/ledger"
	"cordon/handler/queue"
)

// tokenSource gets tokens of the app registration.
func tokenSource(settings config.Config, transport http.RoundTripper) (*entra.Source, error) {
	return entra.New(entra.Options{TenantID: settings.TenantID, ClientID: settings.ClientID, Secret: entra.Secret(settings.ClientSecret.Reveal()),
		AuthorityURL: settings.AuthorityURL.String(), HTTPClient: &http.Client{Transport: transport}})
}

// openLedger makes the client of the ledger. The credential is used where no connection string is set.
func openLedger(settings config.Config, credential azcore.TokenCredential) (*ledger.Store, error) {
	return ledger.Open(ledger.Options{ConnectionString: settings.Storage.ConnectionString.Reveal(), ServiceURL: text(settings.Storage.TableURL),
		Credential: credential, Prefix: settings.TablePrefix, Tenant: settings.TenantID})
}

// openBus makes the client of the queues. The credential is used where no connection string is set.
func openBus(settings config.Config, credential azcore.TokenCredential) (*queue.Client, error) {
	return queue.New(queue.Options{ConnectionString: settings.ServiceBus.ConnectionString.Reveal(), Namespace: settings.ServiceBus.Namespace, Credential: credential})
}

// commandBus is openBus for a command whose settings were loaded for config.Queues.
func commandBus(settings config.Config) (*queue.Client, error) {
	credential, err := commandCredential(settings, settings.ServiceBus.Namespace != "")
	if err != nil {
		return nil, err
	}
	return openBus(settings, credential)
}

// commandLedger is openLedger for a command whose settings were loaded for config.Ledger.
func commandLedger(settings config.Config) (*ledger.Store, error) {
	credential, err := commandCredential(settings, settings.Storage.TableURL != nil)
	if err != nil {
		return nil, err
	}
	return openLedger(settings, credential)
}

// commandCredential is nil for a service that is reached by keys: then the app registration need not be known.
func commandCredential(settings config.Config, byToken bool) (azcore.TokenCredential, error) {
	if !byToken {
		return nil, nil
	}
	transport, err := baseTransport(settings.CAFile)
	if err != nil {
		return nil, err
	}
	tokens, err := tokenSource(settings, transport)
	if err != nil {
		return nil, err
	}
	return tokens.Credential(), nil
}
