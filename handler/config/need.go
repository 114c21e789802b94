package config

import (
	"errors"
	"slices"
)

// Need is a part of the settings that a command cannot do without.
type Need int

// The needs. What is reached with tokens instead of keys needs to know who the app is too, unless the connection names
// a managed identity of its own.
const (
	Tenant   Need = iota // whose alerts are answered
	Queues               // the Service Bus namespace and the names of the queues
	Ledger               // the storage account with the tables, and the tenant that begins every key
	Deciding             // what a decision goes by besides the playbook
	Defender             // the Defender for Endpoint API, what it does by itself, and the app registration
	Hunting              // Microsoft Graph's hunting and the app registration
	Alerts               // Microsoft Graph's alerts and the app registration
	Mail                 // sender, recipients and the way that mail goes
)

// LoadFor is Load for a command that needs only some of the settings: what is wrong with others, or missing, is no
// error and leaves those fields of the Config unusable. Serving needs all of them: it uses Load.
func LoadFor(getenv func(string) string, needs ...Need) (Config, error) {
	c, err := Load(getenv)
	var all *Error
	if !errors.As(err, &all) {
		return c, err
	}
	var wanted []string
	for _, n := range needs {
		wanted = append(wanted, n.settings(c)...)
	}
	left := slices.DeleteFunc(slices.Clone(all.Problems), func(p Problem) bool {
		return !slices.Contains(wanted, p.Name)
	})
	if len(left) == 0 {
		return c, nil
	}
	return c, &Error{left}
}

// settings are the names of what a need takes in, given how the services are reached.
func (n Need) settings(c Config) []string {
	tokens := []string{
		"CORDON_CLOUD", "CORDON_TENANT_ID", "CORDON_CLIENT_ID", "CORDON_CLIENT_SECRET", "CORDON_CLIENT_CERTIFICATE",
		"CORDON_AUTHORITY_URL", "CORDON_CA_FILE",
	}
	var names []string
	switch n {
	case Tenant:
		return []string{"CORDON_TENANT_ID"}
	case Queues:
		names = []string{
			"ServiceBus", "ServiceBus__fullyQualifiedNamespace", "ServiceBus__credential", "ServiceBus__clientId",
			"CORDON_ALERT_QUEUE", "CORDON_NOTICE_QUEUE",
		}
		if c.ServiceBus.Namespace == "" || c.ServiceBus.Identity.Managed {
			return append(names, "CORDON_CA_FILE")
		}
	case Deciding:
		return []string{"CORDON_MODE", "CORDON_STALE_AFTER", "CORDON_ISOLATION_LIFT"}
	case Defender:
		names = []string{
			"CORDON_DEFENDER_URL", "CORDON_DEFENDER_AUDIENCE", "CORDON_ISOLATION_LIFT", "CORDON_ALERT_SOURCE",
		}
		if c.AlertSource != "defender" {
			names = append(names, "CORDON_GRAPH_URL", "CORDON_GRAPH_AUDIENCE")
		}
	case Hunting, Alerts:
		names = []string{"CORDON_GRAPH_URL", "CORDON_GRAPH_AUDIENCE"}
	case Ledger:
		names = []string{
			"CORDON_TENANT_ID", "AzureWebJobsStorage", "AzureWebJobsStorage__accountName",
			"AzureWebJobsStorage__tableServiceUri",
			"AzureWebJobsStorage__credential", "AzureWebJobsStorage__clientId", "CORDON_TABLE_PREFIX",
		}
		if c.Storage.TableURL == nil || c.Storage.Identity.Managed {
			return append(names, "CORDON_CA_FILE")
		}
	case Mail:
		names = []string{
			"CORDON_MAIL_FROM", "CORDON_MAIL_TO", "CORDON_OPERATOR_MAIL", "CORDON_SMTP_URL", "CORDON_CA_FILE",
			"CORDON_TIME_ZONE", "CORDON_MAIL_ONLY_OUTCOMES",
		}
		if !c.SMTPURL.IsZero() {
			return names
		}
		names = append(names, "CORDON_GRAPH_URL", "CORDON_GRAPH_AUDIENCE")
	}
	return append(names, tokens...)
}
