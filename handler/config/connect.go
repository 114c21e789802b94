package config

import (
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	server "cordon/handler/mail"
)

// developmentStorage is what UseDevelopmentStorage=true stands for. Account and key are the emulator's published ones
// ("Use the Azurite emulator for local Azure Storage development"); they open nothing else.
const developmentStorage = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;" +
	"AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;" +
	"TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;"

// serviceURL checks a base URL: https, or http to this machine, without anything that does not belong into one.
func serviceURL(p *problems, name, value string) *url.URL {
	if value == "" {
		return nil // the cloud is wrong, which has been noted
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		p.add(name, "%s is no URL: expected https://host", quote(value))
	case u.User != nil:
		p.add(name, "it holds a name or password: expected https://host")
	case u.RawQuery != "" || u.Fragment != "":
		p.add(name, "it holds a query or fragment: expected https://host, without a key or a signature")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		p.add(name, "%s is not https: expected https://host; http is for 127.0.0.1 and localhost only", quote(value))
	}
	return u
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// serviceBus picks between connection string and namespace, as the Functions host does for its trigger.
func (r raw) serviceBus(p *problems) ServiceBus {
	const expected = "Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…"
	bus := ServiceBus{ConnectionString: r.ServiceBus, Namespace: r.ServiceBusHost}
	switch {
	case r.ServiceBusHost != "" && !r.ServiceBus.IsZero():
		p.add("ServiceBus", "ServiceBus__fullyQualifiedNamespace is set too: expected only one of them")
	case r.ServiceBusHost != "":
		if !hostName(r.ServiceBusHost) {
			p.add("ServiceBus__fullyQualifiedNamespace",
				"%s is no host name: expected one such as name.servicebus.windows.net", quote(r.ServiceBusHost))
		}
		bus.Identity = connectionIdentity(p, "ServiceBus", r.ServiceBusAs, r.ServiceBusClient)
	case r.ServiceBus.IsZero():
		p.add("ServiceBus", "it is not set: expected a connection string, %s, or ServiceBus__fullyQualifiedNamespace",
			expected)
	default:
		parts := connectionString(r.ServiceBus.Reveal())
		if !strings.HasPrefix(strings.ToLower(parts["endpoint"]), "sb://") ||
			parts["sharedaccesskey"] == "" && parts["sharedaccesssignature"] == "" {
			p.add("ServiceBus", "it is no connection string of a Service Bus namespace: expected %s", expected)
		} else if parts["entitypath"] != "" {
			p.add("ServiceBus",
				"it is the connection string of one queue (EntityPath): expected the one of the namespace, %s",
				expected)
		}
		noIdentity(p, "ServiceBus", "ServiceBus__fullyQualifiedNamespace", r.ServiceBusAs, r.ServiceBusClient)
	}
	return bus
}

// connectionIdentity reads whose tokens a connection uses. A client id alone means a managed identity, as it does to
// the host.
func connectionIdentity(p *problems, connection, credential, clientID string) Identity {
	if credential != "" && !strings.EqualFold(credential, "managedidentity") {
		p.add(connection+"__credential",
			"%s is not known: expected managedidentity, or nothing for the app's own identity", quote(credential))
	}
	if clientID != "" {
		checkGUID(p, connection+"__clientId", clientID,
			"expected the client id, not the object id, of a user-assigned identity")
	}
	return Identity{Managed: credential != "" || clientID != "", ClientID: clientID}
}

// noIdentity notes an identity beside a connection string, which would be passed over.
func noIdentity(p *problems, connection, instead, credential, clientID string) {
	for _, x := range [][2]string{{"credential", credential}, {"clientId", clientID}} {
		if x[1] != "" {
			p.add(connection+"__"+x[0],
				"%s is a connection string, which needs no identity: expected %s instead of it, or this setting "+
					"left out", connection, instead)
		}
	}
}

func hostName(s string) bool {
	return len(s) <= 253 && regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`).MatchString(s)
}

// storage picks between connection string and account, as the Functions host does.
func (r raw) storage(p *problems, of cloud) Storage {
	const expected = "DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…"
	byToken := r.StorageAccount != "" || r.StorageTables != ""
	switch {
	case byToken && !r.Storage.IsZero():
		p.add("AzureWebJobsStorage",
			"AzureWebJobsStorage__accountName or __tableServiceUri is set too: expected only one of them")
	case byToken:
		return Storage{
			TableURL: r.tableURL(p, of),
			Identity: connectionIdentity(p, "AzureWebJobsStorage", r.StorageAs, r.StorageClient),
		}
	case r.Storage.IsZero():
		p.add("AzureWebJobsStorage",
			"it is not set: expected a connection string, %s, UseDevelopmentStorage=true, or "+
				"AzureWebJobsStorage__accountName", expected)
	default:
		noIdentity(p, "AzureWebJobsStorage", "AzureWebJobsStorage__accountName", r.StorageAs, r.StorageClient)
		return Storage{ConnectionString: storageConnection(p, r.Storage, expected)}
	}
	return Storage{}
}

// tableURL is where the tables of an account are; nil if its name is wrong.
func (r raw) tableURL(p *problems, of cloud) *url.URL {
	if r.StorageTables != "" {
		return serviceURL(p, "AzureWebJobsStorage__tableServiceUri", r.StorageTables)
	}
	if !regexp.MustCompile(`^[a-z0-9]{3,24}$`).MatchString(r.StorageAccount) {
		p.add("AzureWebJobsStorage__accountName",
			"%s is no name of a storage account: expected 3 to 24 small letters and digits", quote(r.StorageAccount))
		return nil
	}
	return &url.URL{Scheme: "https", Host: r.StorageAccount + ".table." + of.suffix}
}

func storageConnection(p *problems, s Secret, expected string) Secret {
	parts := connectionString(s.Reveal())
	if strings.EqualFold(parts["usedevelopmentstorage"], "true") {
		return NewSecret(developmentStorage)
	}
	named := parts["accountname"] != "" || parts["tableendpoint"] != ""
	signed := parts["accountkey"] != "" || parts["sharedaccesssignature"] != ""
	if !named || !signed {
		p.add("AzureWebJobsStorage",
			"it is no connection string of a storage account: expected %s or UseDevelopmentStorage=true", expected)
	}
	return s
}

// connectionString splits name=value;name=value; names in lower case.
func connectionString(s string) map[string]string {
	parts := map[string]string{}
	for part := range strings.SplitSeq(s, ";") {
		name, value, ok := strings.Cut(part, "=")
		if ok {
			parts[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
		}
	}
	return parts
}

// addresses reads mail addresses separated by commas.
func addresses(p *problems, name, value, expected string) []mail.Address {
	if value == "" {
		p.add(name, "it is not set: expected %s", expected)
		return nil
	}
	list, err := mail.ParseAddressList(value)
	if err != nil || strings.ContainsAny(value, "\r\n") {
		p.add(name, "%s is no list of mail addresses: expected %s", quote(value), expected)
		return nil
	}
	out := make([]mail.Address, len(list))
	for i, a := range list {
		out[i] = *a
	}
	return out
}

// smtpURL checks the address of a mail server as the mail client reads it. None means Graph.
func smtpURL(p *problems, s Secret) Secret {
	const expected = "expected smtp://user:password@host:587?tls=starttls, smtps://host, or nothing for mail " +
		"through Microsoft Graph"
	if s.IsZero() {
		return s
	}
	scheme, _, _ := strings.Cut(s.Reveal(), "://")
	if scheme != "smtp" && scheme != "smtps" {
		p.add(smtpSetting, "it is no URL of a mail server: %s", expected)
		return Secret{}
	}
	_, err := server.Parse(s.Reveal())
	if err != nil { // it quotes no password
		p.add(smtpSetting, "%s", strings.TrimPrefix(err.Error(), "SMTP URL: "))
		return Secret{}
	}
	return s
}
