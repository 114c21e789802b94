package config

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/handler/config/zone"
)

// check turns the written settings into a Config and notes what is wrong with them.
func (r raw) check(p *problems) Config {
	c := Config{
		Mode:           oneOf(p, "CORDON_MODE", r.Mode, "observe", "enforce"),
		AlertSource:    oneOf(p, "CORDON_ALERT_SOURCE", r.AlertSource, "defender", "graph", "both"),
		Cloud:          oneOf(p, "CORDON_CLOUD", r.Cloud, "global", "gcc", "gcchigh", "dod"),
		TenantID:       tenant(p, r.TenantID),
		ClientSecret:   r.ClientSecret,
		WebhookSecret:  webhookSecret(p, r.WebhookSecret),
		CAFile:         r.CAFile,
		AlertQueue:     queueName(p, "CORDON_ALERT_QUEUE", r.AlertQueue),
		NoticeQueue:    queueName(p, "CORDON_NOTICE_QUEUE", r.NoticeQueue),
		TablePrefix:    tablePrefix(p, r.TablePrefix),
		PollSchedule:   checkSchedule(p, "CORDON_POLL_SCHEDULE", r.PollSchedule),
		FollowSchedule: checkSchedule(p, "CORDON_FOLLOW_SCHEDULE", r.FollowSchedule),
		HuntSchedule:   checkSchedule(p, "CORDON_HUNT_SCHEDULE", r.HuntSchedule),
		PollOverlap:    duration(p, "CORDON_POLL_OVERLAP", r.PollOverlap),
		PollLookback:   duration(p, "CORDON_POLL_LOOKBACK", r.PollLookback),
		SnapshotMaxAge: duration(p, "CORDON_SNAPSHOT_MAX_AGE", r.SnapshotMaxAge),
		StaleAfter:     duration(p, "CORDON_STALE_AFTER", r.StaleAfter),
		IsolationLift:  duration(p, "CORDON_ISOLATION_LIFT", r.IsolationLift),
		RecheckAfter:   duration(p, "CORDON_RECHECK_AFTER", r.RecheckAfter),
		LatchHold:      duration(p, "CORDON_LATCH_HOLD", r.LatchHold),
		MessageLock:    duration(p, "CORDON_MESSAGE_LOCK", r.MessageLock),
		RetryAfter:     duration(p, "CORDON_RETRY_AFTER", r.RetryAfter),
		SweepAfter:     duration(p, "CORDON_SWEEP_AFTER", r.SweepAfter),
		Retention:      duration(p, "CORDON_RETENTION", r.Retention),
		FactsRetention: duration(p, "CORDON_FACTS_RETENTION", r.FactsRetention),
		NoticeWindow:   duration(p, "CORDON_NOTICE_WINDOW", r.NoticeWindow),
		Port:           port(p, r.Port),
		AppRoot:        r.FunctionsRootPath,
	}
	c.PollEvery = longestGap(c.PollSchedule)
	c.FollowEvery = longestGap(c.FollowSchedule)
	c.HuntEvery = longestGap(c.HuntSchedule)
	c.Playbook, c.Hunts = inRoot(c.AppRoot, r.Playbook), inRoot(c.AppRoot, r.Hunts)
	if c.RecheckAfter < c.LatchHold {
		p.add("CORDON_RECHECK_AFTER",
			"%s is shorter than CORDON_LATCH_HOLD (%s): whoever holds a latch may still be sending then",
			r.RecheckAfter, r.LatchHold)
	}
	if c.AlertQueue == c.NoticeQueue && c.AlertQueue != "" {
		p.add("CORDON_NOTICE_QUEUE", "%q is the queue of alerts too: notices need a queue of their own", r.NoticeQueue)
	}
	r.checkIdentity(p, &c)
	c.SignIn = r.signIn(p)
	r.checkCloud(p, &c)
	r.checkMail(p, &c)
	c.ServiceBus = r.serviceBus(p)
	c.Storage = r.storage(p, clouds()[c.Cloud])
	return c
}

func inRoot(root, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root, path)
}

// checkIdentity finds out who the app is: an app registration by secret or certificate, or else a managed identity.
func (r raw) checkIdentity(p *problems, c *Config) {
	c.ClientCertificate = certificateFile(p, "CORDON_CLIENT_CERTIFICATE", r.ClientCertificate)
	registered := !r.ClientSecret.IsZero() || r.ClientCertificate != ""
	if !r.ClientSecret.IsZero() && r.ClientCertificate != "" {
		p.add("CORDON_CLIENT_CERTIFICATE", "CORDON_CLIENT_SECRET is set too: expected only one of them")
	}
	c.ClientID = r.ClientID
	const expected = "expected the application (client) id, such as 00000000-0000-0000-0000-000000000000"
	switch {
	case r.ClientID == "" && registered:
		p.add("CORDON_CLIENT_ID", "it is not set: %s of the app registration", expected)
	case r.ClientID != "":
		checkGUID(p, "CORDON_CLIENT_ID", r.ClientID, expected+" of the app registration or of a user-assigned identity")
	}
}

func (r raw) checkCloud(p *problems, c *Config) {
	of := clouds()[c.Cloud]
	c.AuthorityURL = serviceURL(p, "CORDON_AUTHORITY_URL", cmp.Or(r.AuthorityURL, of.authority))
	c.DefenderURL = serviceURL(p, "CORDON_DEFENDER_URL", cmp.Or(r.DefenderURL, of.defender))
	c.GraphURL = serviceURL(p, "CORDON_GRAPH_URL", cmp.Or(r.GraphURL, of.graph))
	c.DefenderAudience = audience(p, "CORDON_DEFENDER_AUDIENCE", cmp.Or(r.DefenderAudience, of.audience))
	c.GraphAudience = audience(p, "CORDON_GRAPH_AUDIENCE", cmp.Or(r.GraphAudience, of.graph))
	if c.DefenderAudience == "" && c.Cloud != "" {
		p.add("CORDON_DEFENDER_AUDIENCE",
			"it has to be set in the cloud %s, whose audience the vendor does not document; %s is the likely one",
			c.Cloud, of.defender)
	}
}

func audience(p *problems, name, value string) string {
	if strings.ContainsAny(value, " \t\r\n") {
		p.add(name, "%s is no audience: expected one URI, such as %s", quote(value), clouds()["global"].audience)
	}
	return strings.TrimSuffix(value, "/.default")
}

func (r raw) checkMail(p *problems, c *Config) {
	if from := addresses(p, "CORDON_MAIL_FROM", r.MailFrom,
		"the sender's address, such as cordon@example.com"); len(from) == 1 {
		c.MailFrom = from[0]
	} else if len(from) > 1 {
		p.add("CORDON_MAIL_FROM", "%s are several addresses: expected the sender's one", quote(r.MailFrom))
	}
	c.MailTo = addresses(p, "CORDON_MAIL_TO", r.MailTo, "addresses separated by commas, such as soc@example.com")
	c.OperatorMail = slices.Clone(c.MailTo)
	if r.OperatorMail != "" {
		c.OperatorMail = addresses(p, "CORDON_OPERATOR_MAIL", r.OperatorMail,
			"addresses separated by commas, or nothing for CORDON_MAIL_TO")
	}
	c.SMTPURL = smtpURL(p, r.SMTPURL)
	c.TimeZone = timeZone(p, r.TimeZone)
	c.OnlyOutcomes = oneOf(p, "CORDON_MAIL_ONLY_OUTCOMES", r.OnlyOutcomes, "true", "false") == "true"
}

// timeZone is UTC for a name that is refused.
func timeZone(p *problems, name string) *time.Location {
	there, err := zone.Named(name)
	if err != nil {
		p.add("CORDON_TIME_ZONE", "%s is no time zone: %v", quote(name), err)
		return time.UTC
	}
	return there
}

func oneOf(p *problems, name, value string, allowed ...string) string {
	if slices.Contains(allowed, value) {
		return value
	}
	p.add(name, "%s is not known: expected %s",
		quote(value),
		strings.Join(allowed, ", "))
	return ""
}

const guidPattern = `^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`

// tenant is the tenant's id in lower case, the one spelling of it: it begins every key of the ledger. A domain name is
// another spelling of the same tenant, so it is refused with the way to its id.
func tenant(p *problems, value string) string {
	const expected = "expected the tenant's id, such as 00000000-0000-0000-0000-000000000000"
	domain := regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`)
	switch {
	case value == "":
		p.add("CORDON_TENANT_ID", "it is not set: %s", expected)
	case regexp.MustCompile(guidPattern).MatchString(value):
	case domain.MatchString(value) && len(value) <= 253:
		p.add("CORDON_TENANT_ID", "%s is a domain name: %s; it stands in the answer of "+
			"curl -s https://login.microsoftonline.com/%s/v2.0/.well-known/openid-configuration, behind \"issuer\", "+
			"and in that of az account show --query tenantId", quote(value), expected, value)
	default:
		p.add("CORDON_TENANT_ID", "%s is no tenant: %s", quote(value), expected)
	}
	return strings.ToLower(value)
}

// queueName checks the rules for names of Service Bus queues. There is no default: the host knows none, and would leave
// out the function that its function.json gives the queue of.
func queueName(p *problems, name, value string) string {
	if value == "" {
		p.add(name,
			"it is not set: expected the name of the queue; function.json names this setting, and the host leaves a "+
				"function out whose setting is missing")
		return ""
	}
	if !regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,258}[A-Za-z0-9])?$`).MatchString(value) {
		p.add(name,
			"%s is no name of a queue: expected letters, digits, dots, dashes, underscores and slashes, at most 260",
			quote(value))
	}
	return value
}

// tablePrefix leaves room for the table's own name in the 63 characters that the table service allows.
func tablePrefix(p *problems, value string) string {
	if !regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{0,39}$`).MatchString(value) {
		p.add("CORDON_TABLE_PREFIX",
			"%s cannot begin the name of a table: expected a letter, then letters and digits, at most 40", quote(value))
	}
	return value
}

// duration reads Go's notation, or whole days such as 400d; 0 for one that is refused.
func duration(p *problems, name, value string) time.Duration {
	low, high := named(name).shortest, named(name).longest
	d, err := parseDuration(value)
	least, _ := parseDuration(low)
	most, _ := parseDuration(high)
	switch {
	case err == nil && d >= least && d <= most:
		return d
	case err != nil:
		p.add(name, "%s is no duration: expected one from %s to %s, such as 90s, 15m, 24h or 7d", quote(value), low,
			high)
	default:
		p.add(name, "%s is out of bounds: expected %s to %s", quote(value), low, high)
	}
	return 0
}

func parseDuration(value string) (time.Duration, error) {
	days, ok := strings.CutSuffix(value, "d")
	if ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(value)
}

func port(p *problems, value string) int {
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		p.add("FUNCTIONS_CUSTOMHANDLER_PORT", "%s is no port: expected 0 to 65535", quote(value))
	}
	return int(n)
}
