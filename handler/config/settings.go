package config

// Setting describes one setting. README and local.settings.json.example are held against these.
type Setting struct {
	Name     string
	Default  string // empty: none, or worked out as Meaning says
	Meaning  string
	Required bool // the program does not start without it, or without the setting that Meaning names instead
	Secret   bool // its value is never shown
}

// Settings is the one table of all settings, in the order in which they are best read.
func Settings() []Setting {
	return []Setting{
		{Name: "CORDON_MODE", Default: "observe", Meaning: "ceiling over the playbook's mode: observe acts on no machine, enforce lets the playbook decide"},
		{Name: "CORDON_CLOUD", Default: "global", Meaning: "global, gcc, gcchigh or dod: sets the URLs and Graph's audience; Defender's audience outside global has to be set"},
		{Name: "CORDON_TENANT_ID", Meaning: "id of the tenant of the app registration or identity; it begins every key of the record, in lower case", Required: true},
		{Name: "CORDON_CLIENT_ID", Meaning: "application (client) id of the app registration; without secret and certificate: of a user-assigned identity, or nothing for the system-assigned one"},
		{Name: "CORDON_CLIENT_SECRET", Meaning: "value of a secret of the app registration; without it and a certificate: a managed identity", Secret: true},
		{Name: "CORDON_CLIENT_CERTIFICATE", Meaning: "path of a PEM file with a certificate of the app registration and its key, instead of a secret"},
		{Name: "CORDON_AUTHORITY_URL", Meaning: "where tokens come from; default: of the cloud"},
		{Name: "CORDON_DEFENDER_URL", Meaning: "base URL of the Defender for Endpoint API, such as a regional one; default: of the cloud"},
		{Name: "CORDON_DEFENDER_AUDIENCE", Meaning: "whom the Defender token is for, without /.default; default: of the cloud, which is documented for global only"},
		{Name: "CORDON_GRAPH_URL", Meaning: "base URL of Microsoft Graph; default: of the cloud"},
		{Name: "CORDON_GRAPH_AUDIENCE", Meaning: "whom the Graph token is for, without /.default; default: of the cloud"},
		{Name: "CORDON_CA_FILE", Meaning: "PEM file of a certificate authority to trust besides the system's"},
		{Name: "ServiceBus", Meaning: "connection string of the Service Bus namespace, as the trigger uses it; or ServiceBus__fullyQualifiedNamespace", Required: true, Secret: true},
		{Name: "ServiceBus__fullyQualifiedNamespace", Meaning: "host name of the Service Bus namespace, to use tokens instead of a connection string"},
		{Name: "ServiceBus__credential", Meaning: "managedidentity: tokens of a managed identity, as for the trigger; default: of the app's own identity"},
		{Name: "ServiceBus__clientId", Meaning: "client id of a user-assigned identity to use for Service Bus, as for the trigger"},
		{Name: "CORDON_ALERT_QUEUE", Meaning: "queue of alerts to answer, such as alerts; function.json names the setting", Required: true},
		{Name: "CORDON_NOTICE_QUEUE", Meaning: "queue of notices to send, such as notices; function.json names the setting", Required: true},
		{Name: "AzureWebJobsStorage", Meaning: "connection string of the storage account with the tables, or UseDevelopmentStorage=true; or AzureWebJobsStorage__accountName", Required: true, Secret: true},
		{Name: "AzureWebJobsStorage__accountName", Meaning: "name of the storage account, to use tokens instead of a connection string"},
		{Name: "AzureWebJobsStorage__tableServiceUri", Meaning: "URL of the table service, instead of the account's name"},
		{Name: "AzureWebJobsStorage__credential", Meaning: "managedidentity: tokens of a managed identity, as for the host; default: of the app's own identity"},
		{Name: "AzureWebJobsStorage__clientId", Meaning: "client id of a user-assigned identity to use for the tables, as for the host"},
		{Name: "CORDON_TABLE_PREFIX", Default: "cordon", Meaning: "begins the name of every table; keeps several apps in one account apart"},
		{Name: "CORDON_PLAYBOOK", Default: "playbook.yaml", Meaning: "path of the playbook, relative to the app root"},
		{Name: "CORDON_POLL_SCHEDULE", Meaning: "when alerts are polled: NCRONTAB with six fields, UTC, such as 0 * * * * *; function.json names the setting, without it PollAlerts does not run"},
		{Name: "CORDON_FOLLOW_SCHEDULE", Meaning: "when machine actions are followed, such as 30 * * * * *; without it FollowActions does not run"},
		{Name: "CORDON_HUNT_SCHEDULE", Meaning: "when it is looked for hunts that are due, such as 0 */5 * * * *; without it RunHunts does not run"},
		{Name: "CORDON_HUNTS", Default: "hunts", Meaning: "folder of the hunting queries, relative to the app root"},
		{Name: "CORDON_POLL_OVERLAP", Default: "15m", Meaning: "how much of the time before the watermark every poll reads again, 1m to 24h"},
		{Name: "CORDON_POLL_LOOKBACK", Default: "1h", Meaning: "how far back the very first poll goes, 1m to 30d"},
		{Name: "CORDON_SNAPSHOT_MAX_AGE", Default: "2m", Meaning: "how old an alert or machine that travelled with a message may be before it is read again, 1s to 1h"},
		{Name: "CORDON_STALE_AFTER", Default: "24h", Meaning: "alerts older than this are not acted on, 1m to 400d"},
		{Name: "CORDON_ISOLATION_LIFT", Default: "7d", Meaning: "how long Defender lets an isolation stand before it lifts it by itself, 10s to 30d; less than the default is for tests"},
		{Name: "CORDON_RECHECK_AFTER", Default: "120s", Meaning: "wait before a machine action whose fate is not known may be asked for again, 1s to 10m; less than the default is for tests"},
		{Name: "CORDON_LATCH_HOLD", Default: "60s", Meaning: "how long one invocation holds a machine's latch; its request is sent within a third of that, 1s to 2m; less than the default is for tests"},
		{Name: "CORDON_MESSAGE_LOCK", Default: "60s", Meaning: "lock duration of the two queues, as it is set there, 1s to 5m"},
		{Name: "CORDON_RETRY_AFTER", Default: "5s", Meaning: "first pause before work that met trouble is tried again, later ones are longer, 100ms to 1m; less than the default is for tests"},
		{Name: "CORDON_SWEEP_AFTER", Default: "10m", Meaning: "how long a version of an alert may stand without an answer before it is enqueued again, 1s to 1h; less than the default is for tests"},
		{Name: "CORDON_RETENTION", Default: "400d", Meaning: "how long runs and notices are kept after their last change, 30d to 3650d"},
		{Name: "CORDON_NOTICE_WINDOW", Default: "30s", Meaning: "how long news of one incident is gathered into one mail, 1s to 10m"},
		{Name: "CORDON_MAIL_FROM", Meaning: "sender of all mail", Required: true},
		{Name: "CORDON_MAIL_TO", Meaning: "recipients of mail steps that name none, separated by commas", Required: true},
		{Name: "CORDON_SMTP_URL", Meaning: "mail server: smtp://user:password@host:587?tls=starttls; default: mail goes through Microsoft Graph", Secret: true},
		{Name: "CORDON_WEBHOOK_SECRET", Meaning: "secret of those who push alerts to /api/alerts, at least 32 bytes; without it the function key is enough", Secret: true},
		{Name: "CORDON_OPERATOR_MAIL", Meaning: "who hears that Cordon itself is unwell; default: CORDON_MAIL_TO"},
		{Name: "FUNCTIONS_CUSTOMHANDLER_PORT", Default: "8080", Meaning: "port on which the Functions host calls; the host sets it"},
		{Name: "FUNCTIONS_APP_ROOT_PATH", Default: ".", Meaning: "folder with host.json; the host sets it"},
	}
}

// cloud is what a national cloud sets; an empty audience is one that the vendor does not document.
type cloud struct {
	authority string
	defender  string
	audience  string // of Defender
	graph     string // URL and audience: scopes "MUST use the domain of the Microsoft Graph service root endpoint" of the cloud
	suffix    string // of the storage endpoints
}

// clouds are the clouds as "Microsoft Defender for Endpoint for US Government customers", "Supported Microsoft Defender for
// Endpoint APIs", "Microsoft Graph national cloud deployments" and "Access national cloud deployments with the Microsoft Graph
// SDKs" on learn.microsoft.com list them. The global Defender API still answers only to tokens for its former host.
func clouds() map[string]cloud {
	const (
		public, government = "https://login.microsoftonline.com", "https://login.microsoftonline.us"
		governmentAPI      = "https://api-gov.securitycenter.microsoft.us"
		publicGraph        = "https://graph.microsoft.com"
	)
	return map[string]cloud{
		"global":  {public, "https://api.security.microsoft.com", "https://api.securitycenter.microsoft.com", publicGraph, "core.windows.net"},
		"gcc":     {public, "https://api-gcc.securitycenter.microsoft.us", "", publicGraph, "core.windows.net"},
		"gcchigh": {government, governmentAPI, "", "https://graph.microsoft.us", "core.usgovcloudapi.net"},
		"dod":     {government, governmentAPI, "", "https://dod-graph.microsoft.us", "core.usgovcloudapi.net"},
	}
}
