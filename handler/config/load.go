package config

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// raw is the settings as they are written; the tags tie the fields to the names in Settings.
type raw struct {
	Mode              string `env:"CORDON_MODE"`
	AlertSource       string `env:"CORDON_ALERT_SOURCE"`
	Cloud             string `env:"CORDON_CLOUD"`
	TenantID          string `env:"CORDON_TENANT_ID"`
	ClientID          string `env:"CORDON_CLIENT_ID"`
	ClientSecret      Secret `env:"CORDON_CLIENT_SECRET"`
	ClientCertificate string `env:"CORDON_CLIENT_CERTIFICATE"`
	AuthorityURL      string `env:"CORDON_AUTHORITY_URL"`
	DefenderURL       string `env:"CORDON_DEFENDER_URL"`
	DefenderAudience  string `env:"CORDON_DEFENDER_AUDIENCE"`
	GraphURL          string `env:"CORDON_GRAPH_URL"`
	GraphAudience     string `env:"CORDON_GRAPH_AUDIENCE"`
	CAFile            string `env:"CORDON_CA_FILE"`
	AppURL            string `env:"CORDON_APP_URL"`
	SignInClientID    string `env:"CORDON_SIGNIN_CLIENT_ID"`
	SignInSecret      Secret `env:"CORDON_SIGNIN_SECRET"`
	SignInCertificate string `env:"CORDON_SIGNIN_CERTIFICATE"`
	CLIClientID       string `env:"CORDON_CLI_CLIENT_ID"`
	ServiceBus        Secret `env:"ServiceBus"`
	ServiceBusHost    string `env:"ServiceBus__fullyQualifiedNamespace"`
	ServiceBusAs      string `env:"ServiceBus__credential"`
	ServiceBusClient  string `env:"ServiceBus__clientId"`
	AlertQueue        string `env:"CORDON_ALERT_QUEUE"`
	NoticeQueue       string `env:"CORDON_NOTICE_QUEUE"`
	Storage           Secret `env:"AzureWebJobsStorage"`
	StorageAccount    string `env:"AzureWebJobsStorage__accountName"`
	StorageTables     string `env:"AzureWebJobsStorage__tableServiceUri"`
	StorageAs         string `env:"AzureWebJobsStorage__credential"`
	StorageClient     string `env:"AzureWebJobsStorage__clientId"`
	TablePrefix       string `env:"CORDON_TABLE_PREFIX"`
	Playbook          string `env:"CORDON_PLAYBOOK"`
	PollSchedule      string `env:"CORDON_POLL_SCHEDULE"`
	FollowSchedule    string `env:"CORDON_FOLLOW_SCHEDULE"`
	HuntSchedule      string `env:"CORDON_HUNT_SCHEDULE"`
	Hunts             string `env:"CORDON_HUNTS"`
	PollOverlap       string `env:"CORDON_POLL_OVERLAP"`
	PollLookback      string `env:"CORDON_POLL_LOOKBACK"`
	SnapshotMaxAge    string `env:"CORDON_SNAPSHOT_MAX_AGE"`
	StaleAfter        string `env:"CORDON_STALE_AFTER"`
	IsolationLift     string `env:"CORDON_ISOLATION_LIFT"`
	RecheckAfter      string `env:"CORDON_RECHECK_AFTER"`
	LatchHold         string `env:"CORDON_LATCH_HOLD"`
	MessageLock       string `env:"CORDON_MESSAGE_LOCK"`
	RetryAfter        string `env:"CORDON_RETRY_AFTER"`
	SweepAfter        string `env:"CORDON_SWEEP_AFTER"`
	Retention         string `env:"CORDON_RETENTION"`
	FactsRetention    string `env:"CORDON_FACTS_RETENTION"`
	NoticeWindow      string `env:"CORDON_NOTICE_WINDOW"`
	MailFrom          string `env:"CORDON_MAIL_FROM"`
	MailTo            string `env:"CORDON_MAIL_TO"`
	SMTPURL           Secret `env:"CORDON_SMTP_URL"`
	OperatorMail      string `env:"CORDON_OPERATOR_MAIL"`
	TimeZone          string `env:"CORDON_TIME_ZONE"`
	OnlyOutcomes      string `env:"CORDON_MAIL_ONLY_OUTCOMES"`
	WebhookSecret     Secret `env:"CORDON_WEBHOOK_SECRET"`
	Port              string `env:"FUNCTIONS_CUSTOMHANDLER_PORT"`
	FunctionsRootPath string `env:"FUNCTIONS_APP_ROOT_PATH"`
}

// Load reads the settings from getenv, which gives an empty text for what is not set. An error is always an *Error and
// names everything that is wrong; nothing should start then. The Config that comes with an error holds what is right,
// so that what it names (the playbook, the mail server) can be checked in the same go.
func Load(getenv func(string) string) (Config, error) {
	p := &problems{}
	values := map[string]string{}
	lost := map[string]bool{}
	for _, s := range Settings() {
		value := strings.TrimSpace(getenv(s.Name))
		if strings.HasPrefix(value, vaultReference) {
			lost[s.Name] = true
			if !ofChannel(s.Name) {
				p.add(s.Name, unresolved)
			}
			value = ""
		}
		if value == "" {
			value = s.Default
		}
		values[s.Name] = value
	}
	var r raw
	err := env.ParseWithOptions(&r, env.Options{Environment: values})
	if err != nil {
		p.parsing(err)
	}
	c := r.check(p)
	c.HuntsNamed = strings.TrimSpace(getenv("CORDON_HUNTS")) != ""
	c.MailUnresolved = lost[smtpSetting]
	c.WebhookUnresolved = lost[webhookSetting]
	c.SignInUnresolved = lost[signInSetting]
	if len(p.found) > 0 {
		p.sort()
		return c, &Error{p.found}
	}
	return c, nil
}

// parsing notes what the environment parser could not read. Its texts may hold values, so only the name is taken.
func (p *problems) parsing(err error) {
	var all env.AggregateError
	if !errors.As(err, &all) {
		p.add("settings", "they cannot be read")
		return
	}
	for _, one := range all.Errors {
		name := "settings"
		var pe env.ParseError
		if errors.As(one, &pe) {
			f, ok := reflect.TypeFor[raw]().FieldByName(pe.Name)
			if ok {
				name = f.Tag.Get("env")
			}
		}
		p.add(name, "its value cannot be read")
	}
}

// sort puts the problems into the order of the table, settings of other versions last.
func (p *problems) sort() {
	table := Settings()
	rank := func(x Problem) int {
		i := slices.IndexFunc(table, func(s Setting) bool {
			return s.Name == x.Name
		})
		if i >= 0 {
			return i
		}
		return len(table)
	}
	slices.SortStableFunc(p.found, func(a, b Problem) int {
		return rank(a) - rank(b)
	})
}
