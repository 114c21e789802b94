package config

import "slices"

// Setting describes one setting. docs/settings.md and local.settings.json.example are held against these.
type Setting struct {
	Name     string
	Type     string // how a value is written, such as duration
	Unit     string // what its value is measured in, or bounded by
	Default  string // empty: none, or as Empty says
	Empty    string // what is so without a value, where Default does not say it
	Meaning  string
	Required bool // the program does not start without it, or without the setting that Empty names instead
	Secret   bool // its value is never shown

	shortest, longest string // of a duration
}

// Settings is the one table of all settings, in the order in which they are best read.
func Settings() []Setting {
	return slices.Concat(
		identitySettings(),
		signInSettings(),
		connectionSettings(),
		workSettings(),
		timingSettings(),
		peopleSettings(),
	)
}

// identitySettings are mode, cloud and who Cordon is.
func identitySettings() []Setting {
	return []Setting{
		one("CORDON_MODE", "observe, enforce",
			"ceiling over the playbook's mode: observe acts on no machine, enforce lets the playbook decide").
			byDefault("observe"),
		one("CORDON_CLOUD", "global, gcc, gcchigh, dod",
			"which cloud: sets the URLs and Graph's audience; outside global, set Defender's audience too").
			byDefault("global"),
		one("CORDON_TENANT_ID", "id",
			"the tenant of the app registration or identity; it begins every key of the ledger, in lower case").
			required(),
		one("CORDON_CLIENT_ID", "id",
			"client id of the app registration; without secret and certificate, of a user-assigned identity").
			orElse("the system-assigned identity; refused with a secret or a certificate"),
		one("CORDON_CLIENT_SECRET", "text",
			"value of a secret of the app registration").orElse("a certificate or a managed identity").secret(),
		one("CORDON_CLIENT_CERTIFICATE", "path",
			"PEM file with a certificate of the app registration and its key").orElse("a secret or a managed identity"),
		one("CORDON_AUTHORITY_URL", "URL", "where tokens come from").orElse("of the cloud"),
		one("CORDON_DEFENDER_URL", "URL",
			"base URL of the Defender for Endpoint API, such as a regional one").orElse("of the cloud"),
		one("CORDON_DEFENDER_AUDIENCE", "URI",
			"whom the Defender token is for, without /.default").orElse("of the cloud, documented for global only"),
		one("CORDON_GRAPH_URL", "URL", "base URL of Microsoft Graph").orElse("of the cloud"),
		one("CORDON_GRAPH_AUDIENCE", "URI", "whom the Graph token is for, without /.default").orElse("of the cloud"),
		one("CORDON_CA_FILE", "path",
			"PEM file of a certificate authority to trust as well as the system's").
			orElse("only the system's authorities"),
	}
}

// signInSettings are where people sign in. They belong together: without the first two nobody can.
func signInSettings() []Setting {
	const off = "sign-in and the operator API are off"
	return []Setting{
		one("CORDON_APP_URL", "URL",
			"where people reach the app: scheme and host; links and redirects are made of it and of nothing else").
			orElse(off),
		one("CORDON_SIGNIN_CLIENT_ID", "id",
			"client id of the app registration that people sign in to; never the one that acts").orElse(off),
		one("CORDON_SIGNIN_SECRET", "text",
			"value of a secret of that registration").orElse("a certificate or a managed identity").secret(),
		one("CORDON_SIGNIN_CERTIFICATE", "path",
			"PEM file with a certificate of that registration and its key").orElse("a secret or a managed identity"),
		one("CORDON_CLI_CLIENT_ID", "id",
			"client id of the app registration of the command line").
			orElse("people sign in with the Azure CLI"),
	}
}

// connectionSettings are the queues and the tables.
func connectionSettings() []Setting {
	return []Setting{
		one("ServiceBus", "connection string",
			"the Service Bus namespace, as the trigger uses it").
			orElse("ServiceBus__fullyQualifiedNamespace").required().secret(),
		one("ServiceBus__fullyQualifiedNamespace", "host name",
			"the Service Bus namespace, reached with tokens instead of a connection string").orElse("ServiceBus"),
		one("ServiceBus__credential", "managedidentity",
			"reach Service Bus with tokens of a managed identity, as the trigger does").
			orElse("the app's own identity"),
		one("ServiceBus__clientId", "id",
			"client id of a user-assigned identity for Service Bus, as for the trigger").
			orElse("with managedidentity, the system-assigned identity"),
		one("CORDON_ALERT_QUEUE", "name",
			"queue of alerts to answer, such as alerts; function.json names the setting").required(),
		one("CORDON_NOTICE_QUEUE", "name",
			"queue of notices to send, such as notices; function.json names the setting").required(),
		one("AzureWebJobsStorage", "connection string",
			"the storage account with the tables, or UseDevelopmentStorage=true").
			orElse("AzureWebJobsStorage__accountName").required().secret(),
		one("AzureWebJobsStorage__accountName", "name",
			"the storage account, reached with tokens instead of a connection string").orElse("AzureWebJobsStorage"),
		one("AzureWebJobsStorage__tableServiceUri", "URL",
			"the table service, instead of the account's name").orElse("of the account"),
		one("AzureWebJobsStorage__credential", "managedidentity",
			"reach the tables with tokens of a managed identity, as the host does").orElse("the app's own identity"),
		one("AzureWebJobsStorage__clientId", "id",
			"client id of a user-assigned identity for the tables, as for the host").
			orElse("with managedidentity, the system-assigned identity"),
		one("CORDON_TABLE_PREFIX", "name",
			"begins the name of every table; keeps several apps in one account apart").byDefault("cordon"),
	}
}

// workSettings are playbook, schedules and hunts.
func workSettings() []Setting {
	return []Setting{
		one("CORDON_PLAYBOOK", "path", "the playbook, relative to the app root").byDefault("playbook.yaml"),
		one("CORDON_ALERT_SOURCE", "defender, graph, both",
			"where alerts are read: the API of Defender for Endpoint, alerts_v2 of Microsoft Graph, or both").
			byDefault("defender"),
		one("CORDON_POLL_SCHEDULE", "schedule",
			"when alerts are polled, such as 0 * * * * *; function.json names the setting").
			orElse("PollAlerts does not run"),
		one("CORDON_FOLLOW_SCHEDULE", "schedule",
			"when machine actions are followed, such as 30 * * * * *; function.json names the setting").
			orElse("FollowActions does not run"),
		one("CORDON_HUNT_SCHEDULE", "schedule",
			"when Cordon checks which hunts are due, such as 0 */5 * * * *; function.json names the setting").
			orElse("RunHunts does not run"),
		one("CORDON_HUNTS", "path",
			"folder of the hunts, relative to the app root; has to be there if it is set").byDefault("hunts"),
	}
}

// timingSettings are how long things last.
func timingSettings() []Setting {
	return []Setting{
		lasting("CORDON_POLL_OVERLAP", "15m", "1m", "24h",
			"how much of the time before the watermark every poll reads again"),
		lasting("CORDON_POLL_LOOKBACK", "1h", "1m", "30d",
			"how far back the very first poll goes"),
		lasting("CORDON_SNAPSHOT_MAX_AGE", "2m", "1s", "1h",
			"how old an alert or machine that came with a message may be before it is read again"),
		lasting("CORDON_STALE_AFTER", "24h", "1m", "400d",
			"alerts older than this are not acted on"),
		lasting("CORDON_ISOLATION_LIFT", "7d", "10s", "30d",
			"how long an isolation stands before Defender lifts it by itself").forTests(),
		lasting("CORDON_RECHECK_AFTER", "120s", "1s", "10m",
			"wait before a machine action whose fate is unknown may be asked for again").forTests(),
		lasting("CORDON_LATCH_HOLD", "60s", "1s", "2m",
			"how long one invocation keeps a machine's latch; its request is sent within a third of that").forTests(),
		lasting("CORDON_MESSAGE_LOCK", "60s", "1s", "5m",
			"lock duration of the two queues, as it is set there"),
		lasting("CORDON_RETRY_AFTER", "5s", "100ms", "1m",
			"first pause before work that met trouble is tried again; later pauses are longer").forTests(),
		lasting("CORDON_SWEEP_AFTER", "10m", "1s", "1h",
			"how long a version of an alert may stand without an answer before it is enqueued again").forTests(),
		lasting("CORDON_RETENTION", "400d", "30d", "3650d",
			"how long runs and notices are kept after their last change"),
		lasting("CORDON_FACTS_RETENTION", "90d", "1d", "3650d",
			"how long it is kept what each run was decided on, no longer than CORDON_RETENTION; the decision and its "+
				"outcome stay as long as the run"),
		lasting("CORDON_NOTICE_WINDOW", "30s", "1s", "10m",
			"how long news of a machine is gathered into one mail"),
	}
}

// peopleSettings are mail, those who push, and what the host sets.
func peopleSettings() []Setting {
	return []Setting{
		one("CORDON_MAIL_FROM", "mail address", "sender of all mail").required(),
		one("CORDON_MAIL_TO", "mail addresses", "recipients of mail steps that name none").required(),
		one("CORDON_SMTP_URL", "URL",
			"mail server, such as smtp://user:password@host:587?tls=starttls").
			orElse("mail goes through Microsoft Graph").secret(),
		one("CORDON_WEBHOOK_SECRET", "text",
			"secret of those who push alerts to /api/alerts").
			in("at least 32 bytes").orElse("the function key is enough").secret(),
		one("CORDON_OPERATOR_MAIL", "mail addresses",
			"who hears that Cordon itself is unwell").orElse("CORDON_MAIL_TO"),
		one("CORDON_TIME_ZONE", "zone",
			"time zone of the times in mails, which have UTC beside it: a name of the tz database, such as "+
				"Europe/Berlin").byDefault("UTC"),
		one("CORDON_MAIL_ONLY_OUTCOMES", "true, false",
			"true: that an action is asked for, or failed and is asked for again, makes no mail; the mail about what "+
				"came of it tells it").byDefault("false"),
		one("FUNCTIONS_CUSTOMHANDLER_PORT", "number",
			"where the Functions host calls; the host sets it").byDefault("8080").in("port, 0 to 65535"),
		one("FUNCTIONS_APP_ROOT_PATH", "path", "folder with host.json; the host sets it").byDefault("."),
	}
}

// one describes a setting that may be left out.
func one(name, kind, meaning string) Setting {
	return Setting{Name: name, Type: kind, Meaning: meaning}
}

// lasting describes a duration.
func lasting(name, value, shortest, longest, meaning string) Setting {
	s := one(name, "duration", meaning).byDefault(value)
	s.Unit = shortest + " to " + longest
	s.shortest = shortest
	s.longest = longest
	return s
}

func (s Setting) forTests() Setting {
	s.Unit += "; less than the default is for tests"
	return s
}

func (s Setting) byDefault(value string) Setting { s.Default = value; return s }
func (s Setting) orElse(so string) Setting       { s.Empty = so; return s }
func (s Setting) in(unit string) Setting         { s.Unit = unit; return s }
func (s Setting) required() Setting              { s.Required = true; return s }
func (s Setting) secret() Setting                { s.Secret = true; return s }

// named finds a setting of the table.
func named(name string) Setting {
	all := Settings()
	return all[slices.IndexFunc(all, func(s Setting) bool { return s.Name == name })]
}
