package setup

import (
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"cordon/handler/config"
	"cordon/handler/ledger"
	"cordon/handler/ledger/rows"
	"cordon/handler/queue"
)

// Ledger makes the client of the ledger. The credential is used where no connection string is set; the transport where
// it trusts certificate authorities of the app's own, for else the library's is as good. With neighbours what is
// observed is indexed by machine and incident.
func Ledger(
	settings config.Config,
	credential azcore.TokenCredential,
	transport *http.Transport,
	neighbours bool,
) (*ledger.Store, error) {
	o := rows.Options{
		ConnectionString: settings.Storage.ConnectionString.Reveal(),
		ServiceURL:       text(settings.Storage.TableURL),
		Credential:       credential,
		Prefix:           settings.TablePrefix,
		Tenant:           settings.TenantID,
	}
	if settings.CAFile != "" {
		o.Transport = &http.Client{Transport: transport}
	}
	store, err := ledger.Open(o)
	if err != nil {
		return nil, err
	}
	store.Neighbours.Kept = neighbours
	return store, nil
}

// Bus makes the client of the queues. The credential is used where no connection string is set.
func Bus(
	settings config.Config,
	credential azcore.TokenCredential,
	transport *http.Transport,
) (*queue.Client, error) {
	return queue.New(queue.Options{
		ConnectionString: settings.ServiceBus.ConnectionString.Reveal(),
		Namespace:        settings.ServiceBus.Namespace,
		Credential:       credential,
		RootCAs:          transport.TLSClientConfig.RootCAs,
	})
}

func text(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.String()
}
