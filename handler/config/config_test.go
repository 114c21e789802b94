package config

import (
	"encoding/json"
	"errors"
	"maps"
	"net/mail"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// settings are the required ones, with what a test changes.
func settings(changes ...string) func(string) string {
	values := map[string]string{
		"CORDON_TENANT_ID":     "94fe6bd2-8d0e-4b7b-9a64-5c2d71e0b9f4",
		"CORDON_CLIENT_ID":     "1f7e6c5d-42a8-4e57-8f19-0c6de25a7341",
		"CORDON_CLIENT_SECRET": "s3cr3t-client",
		"ServiceBus":           "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=s3cr3t-bus",
		"CORDON_ALERT_QUEUE":   "alerts",
		"CORDON_NOTICE_QUEUE":  "notices",
		"AzureWebJobsStorage":  "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=s3cr3t-key==",
		"CORDON_MAIL_FROM":     "Cordon <cordon@example.com>",
		"CORDON_MAIL_TO":       "soc@example.com, Duty <duty@example.com>",
		"CORDON_SMTP_URL":      "smtp://u:s3cr3t-mail@mail.example.com:587?tls=starttls",
	}
	for i := 0; i < len(changes); i += 2 {
		values[changes[i]] = changes[i+1]
	}
	return func(name string) string { return values[name] }
}

func TestTheRequiredSettingsAreEnoughAndTheRestIsSafe(t *testing.T) {
	c, err := Load(settings())
	if err != nil {
		t.Fatal(err)
	}
	to := []mail.Address{{Address: "soc@example.com"}, {Name: "Duty", Address: "duty@example.com"}}
	want := Config{
		Mode:             "observe",
		Cloud:            "global",
		TenantID:         "94fe6bd2-8d0e-4b7b-9a64-5c2d71e0b9f4",
		ClientID:         "1f7e6c5d-42a8-4e57-8f19-0c6de25a7341",
		ClientSecret:     NewSecret("s3cr3t-client"),
		AuthorityURL:     parsed(t, "https://login.microsoftonline.com"),
		DefenderURL:      parsed(t, "https://api.security.microsoft.com"),
		DefenderAudience: "https://api.securitycenter.microsoft.com",
		GraphURL:         parsed(t, "https://graph.microsoft.com"),
		GraphAudience:    "https://graph.microsoft.com",
		ServiceBus:       ServiceBus{ConnectionString: NewSecret(settings()("ServiceBus"))},
		AlertQueue:       "alerts",
		NoticeQueue:      "notices",
		Storage:          Storage{ConnectionString: NewSecret(settings()("AzureWebJobsStorage"))},
		TablePrefix:      "cordon",
		AlertSource:      "defender",
		Playbook:         "playbook.yaml",
		Hunts:            "hunts",
		PollOverlap:      15 * time.Minute,
		PollLookback:     time.Hour,
		SnapshotMaxAge:   2 * time.Minute,
		NoticeWindow:     30 * time.Second,
		StaleAfter:       24 * time.Hour,
		IsolationLift:    7 * 24 * time.Hour,
		RecheckAfter:     2 * time.Minute,
		LatchHold:        time.Minute,
		MessageLock:      time.Minute,
		RetryAfter:       5 * time.Second,
		SweepAfter:       10 * time.Minute,
		Retention:        400 * 24 * time.Hour,
		FactsRetention:   90 * 24 * time.Hour,
		MailFrom:         mail.Address{Name: "Cordon", Address: "cordon@example.com"},
		MailTo:           to,
		OperatorMail:     to,
		TimeZone:         time.UTC,
		SMTPURL:          NewSecret(settings()("CORDON_SMTP_URL")),
		Port:             8080,
		AppRoot:          ".",
	}
	if diff := cmp.Diff(want, c, revealed()); diff != "" {
		t.Error(diff)
	}
}

func revealed() cmp.Option {
	return cmp.Options{
		cmp.Transformer("Reveal", Secret.Reveal),
		cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }),
	}
}

func parsed(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestEverySettingIsRead(t *testing.T) {
	c, err := Load(settings("CORDON_MODE", " enforce ", "CORDON_CLOUD", "gcchigh",
		"CORDON_DEFENDER_AUDIENCE", "https://aud.example/.default",
		"CORDON_AUTHORITY_URL", "https://127.0.0.1:8443", "CORDON_DEFENDER_URL", "http://localhost:9000/base",
		"CORDON_CA_FILE", "/ca.pem",
		"ServiceBus", "", "ServiceBus__fullyQualifiedNamespace", "x.servicebus.windows.net", "CORDON_ALERT_QUEUE", "a",
		"CORDON_NOTICE_QUEUE", "n",
		"AzureWebJobsStorage", "", "AzureWebJobsStorage__accountName", "acc", "CORDON_TABLE_PREFIX", "two",
		"CORDON_PLAYBOOK", "books/p.yaml",
		"CORDON_POLL_SCHEDULE", "*/30 * * * * *", "CORDON_FOLLOW_SCHEDULE", "0 0 6 * * MON-FRI",
		"CORDON_POLL_OVERLAP", "1m", "CORDON_POLL_LOOKBACK", "30d",
		"CORDON_SNAPSHOT_MAX_AGE", "1s", "CORDON_STALE_AFTER", "400d", "CORDON_ISOLATION_LIFT", "30d",
		"CORDON_RECHECK_AFTER", "10m", "CORDON_NOTICE_WINDOW", "1m30s",
		"CORDON_LATCH_HOLD", "30s", "CORDON_MESSAGE_LOCK", "5m", "CORDON_RETRY_AFTER", "1s", "CORDON_SWEEP_AFTER", "1h",
		"CORDON_RETENTION", "90d", "CORDON_FACTS_RETENTION", "7d",
		"CORDON_OPERATOR_MAIL", "ops@example.com", "CORDON_TIME_ZONE", "Europe/Berlin",
		"CORDON_MAIL_ONLY_OUTCOMES", "true",
		"FUNCTIONS_CUSTOMHANDLER_PORT", "0",
		"FUNCTIONS_APP_ROOT_PATH", "/home/site"))
	if err != nil {
		t.Fatal(err)
	}
	type short struct {
		Mode, Authority, Defender, Audience, CA, Bus, Tables, Prefix, Playbook, Poll, Follow, Operator string
		Only                                                                                           bool
		Zone                                                                                           string
		Overlap, Lookback, Age, Stale, Lift, Recheck, Window                                           time.Duration
		Hold, Lock, Retry, Sweep, Retention, Facts                                                     time.Duration
		Port                                                                                           int
	}
	got := short{
		c.Mode, c.AuthorityURL.String(), c.DefenderURL.String(), c.DefenderAudience, c.CAFile, c.ServiceBus.Namespace,
		c.Storage.TableURL.String(),
		c.TablePrefix, c.Playbook, c.PollSchedule, c.FollowSchedule, c.OperatorMail[0].Address,
		c.OnlyOutcomes, c.TimeZone.String(),
		c.PollOverlap, c.PollLookback, c.SnapshotMaxAge, c.StaleAfter, c.IsolationLift, c.RecheckAfter, c.NoticeWindow,
		c.LatchHold, c.MessageLock, c.RetryAfter, c.SweepAfter, c.Retention, c.FactsRetention, c.Port,
	}
	day := 24 * time.Hour
	want := short{
		"enforce", "https://127.0.0.1:8443", "http://localhost:9000/base", "https://aud.example", "/ca.pem",
		"x.servicebus.windows.net",
		"https://acc.table.core.usgovcloudapi.net", "two", "/home/site/books/p.yaml", "*/30 * * * * *",
		"0 0 6 * * MON-FRI", "ops@example.com", true, "Europe/Berlin",
		time.Minute, 30 * day, time.Second, 400 * day, 30 * day, 10 * time.Minute, 90 * time.Second,
		30 * time.Second, 5 * time.Minute, time.Second, time.Hour, 90 * day, 7 * day, 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestThePausesOfASchedule(t *testing.T) {
	for schedule, want := range map[string]time.Duration{
		"0 * * * * *":       time.Minute,
		"*/15 * * * * *":    15 * time.Second,
		"0 0 6 * * MON-FRI": 72 * time.Hour,
		"0 0 0 30 2 *":      0,
		"nonsense":          0,
	} {
		if got := longestGap(schedule); got != want {
			t.Errorf("longestGap(%q) = %s, want %s", schedule, got, want)
		}
	}
}

func TestEachCloudHasItsAddresses(t *testing.T) {
	const aud = "https://aud.example"
	for name, want := range map[string][5]string{
		"global": {
			"https://login.microsoftonline.com", "https://api.security.microsoft.com",
			"https://api.securitycenter.microsoft.com", "https://graph.microsoft.com", "https://graph.microsoft.com",
		},
		"gcc": {
			"https://login.microsoftonline.com", "https://api-gcc.securitycenter.microsoft.us", aud,
			"https://graph.microsoft.com", "https://graph.microsoft.com",
		},
		"gcchigh": {
			"https://login.microsoftonline.us", "https://api-gov.securitycenter.microsoft.us", aud,
			"https://graph.microsoft.us", "https://graph.microsoft.us",
		},
		"dod": {
			"https://login.microsoftonline.us", "https://api-gov.securitycenter.microsoft.us", aud,
			"https://dod-graph.microsoft.us", "https://dod-graph.microsoft.us",
		},
	} {
		t.Run(name, func(t *testing.T) {
			changes := []string{"CORDON_CLOUD", name}
			_, err := Load(settings(changes...))
			if documented := name == "global"; (err == nil) != documented {
				t.Errorf("without an audience: %v", err)
			} else if !documented && !strings.Contains(err.Error(), "CORDON_DEFENDER_AUDIENCE") {
				t.Error(err)
			}
			if name != "global" {
				changes = append(changes, "CORDON_DEFENDER_AUDIENCE", aud)
			}
			c, err := Load(settings(changes...))
			if err != nil {
				t.Fatal(err)
			}
			if got := [5]string{
				c.AuthorityURL.String(), c.DefenderURL.String(), c.DefenderAudience, c.GraphURL.String(),
				c.GraphAudience,
			}; got != want {
				t.Errorf("%v, want %v", got, want)
			}
			c, err = Load(settings(append(changes, "CORDON_GRAPH_URL", "http://127.0.0.1:9000", "CORDON_GRAPH_AUDIENCE",
				"https://other.example/.default")...))
			if err != nil || c.GraphURL.String() != "http://127.0.0.1:9000" ||
				c.GraphAudience != "https://other.example" {
				t.Errorf("settings do not win over the cloud: %v, %s, %s", err, c.GraphURL, c.GraphAudience)
			}
		})
	}
}

// TestATenantHasOneSpelling has the id as portals, scripts and people write it. It begins every key of the ledger:
// under another spelling a command finds none of what the app wrote.
func TestATenantHasOneSpelling(t *testing.T) {
	const id = "0f8fad5b-d9cb-469f-a165-70867728950e"
	for _, spelt := range []string{id, strings.ToUpper(id), " 0F8fad5b-D9cb-469f-a165-70867728950E "} {
		if c, err := Load(settings("CORDON_TENANT_ID", spelt)); err != nil || c.TenantID != id {
			t.Errorf("%q is tenant %q: %v", spelt, c.TenantID, err)
		}
	}
	_, err := LoadFor(settings("CORDON_TENANT_ID", "Contoso.onmicrosoft.com"), Tenant)
	for _, want := range []string{
		`"Contoso.onmicrosoft.com" is a domain name`,
		"curl -s https://login.microsoftonline.com/Contoso.onmicrosoft.com/v2.0/.well-known/openid-configuration",
		"az account show --query tenantId",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a domain name is refused with %v, want %q", err, want)
		}
	}
}

func TestEveryWrongValueIsRefusedByName(t *testing.T) {
	for name, values := range map[string][]string{
		"CORDON_MODE":  {"enforced", "Enforce", "observe enforce"},
		"CORDON_CLOUD": {"china"},
		"CORDON_TENANT_ID": {
			"", "common", "a b", "contoso", "x/../y.com", "-a.com", "Contoso.onmicrosoft.com", "contoso.com",
		},
		"CORDON_CLIENT_ID":          {"", "my-app"},
		"CORDON_WEBHOOK_SECRET":     {"only-thirty-one-bytes-of-a-secret"[:31]},
		"CORDON_CLIENT_SECRET":      {"@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)"},
		"CORDON_CLIENT_CERTIFICATE": {"/app.pem"},
		"CORDON_GRAPH_URL":          {"http://graph.microsoft.com", "graph.microsoft.com"},
		"CORDON_GRAPH_AUDIENCE":     {"a b"},
		"CORDON_AUTHORITY_URL": {
			"login.microsoftonline.com", "http://login.example.com", "https://u:p@x", "https://x?y", "ftp://x",
			"https:x", "://",
		},
		"CORDON_DEFENDER_URL":      {"http://192.168.0.1", "http://localhost.example.com", "https://"},
		"CORDON_DEFENDER_AUDIENCE": {"a b"},
		"ServiceBus": {
			"", "Endpoint=https://x;SharedAccessKey=s3cr3t",
			"sb://s3cr3t", "Endpoint=sb://x/;SharedAccessKeyName=k;SharedAccessKey=s3cr3t;EntityPath=q",
		},
		"ServiceBus__fullyQualifiedNamespace": {"https://x.servicebus.windows.net", "x y"},
		"CORDON_ALERT_QUEUE":                  {"", "a b", "-a", strings.Repeat("a", 261)},
		"CORDON_NOTICE_QUEUE":                 {"", "alerts", "ä"},
		"AzureWebJobsStorage":                 {"", "acc", "AccountName=s3cr3t", "UseDevelopmentStorage=false"},
		"AzureWebJobsStorage__accountName":    {"Not_An_Account", "a/b"},
		"AzureWebJobsStorage__tableServiceUri": {
			"http://acc.table.core.windows.net", "acc"},
		"CORDON_TABLE_PREFIX": {"1a", "a-b", strings.Repeat("a", 41)},
		"CORDON_POLL_SCHEDULE": {
			"* * * * *", "@every 1m", "TZ=UTC 0 * * * * *", "0 ? * * * *", "61 * * * * *", "daily",
		},
		"CORDON_FOLLOW_SCHEDULE":  {"00:01:00"},
		"CORDON_HUNT_SCHEDULE":    {"*/5 * * * *"},
		"CORDON_POLL_OVERLAP":     {"59s", "24h1s", "soon", "-5m", "15"},
		"CORDON_POLL_LOOKBACK":    {"31d", "0s", "99999999d", "1.5d"},
		"CORDON_SNAPSHOT_MAX_AGE": {"0s", "2h"},
		"CORDON_STALE_AFTER":      {"0s", "401d"},
		"CORDON_ISOLATION_LIFT":   {"9s", "31d"},
		"CORDON_RECHECK_AFTER":    {"999ms", "11m", "59s"},
		"CORDON_LATCH_HOLD":       {"999ms", "6m"},
		"CORDON_MESSAGE_LOCK":     {"0s", "6m"},
		"CORDON_RETRY_AFTER":      {"99ms", "61s"},
		"CORDON_SWEEP_AFTER":      {"0s", "2h"},
		"CORDON_RETENTION":        {"29d", "3651d"},
		"CORDON_FACTS_RETENTION":  {"23h", "3651d"},
		"CORDON_NOTICE_WINDOW":    {"0s", "11m"},
		"CORDON_MAIL_FROM":        {"", "nobody", "a@example.com, b@example.com"},
		"CORDON_MAIL_TO":          {"", "a@example.com; b@example.com", "a@example.com,\r\n\tb@example.com"},
		"CORDON_SMTP_URL": {
			"mail.example.com", "https://s3cr3t@mail.example.com", "smtp://u:s3cr3t%zz@host", "smtp://",
		},
		"CORDON_OPERATOR_MAIL":         {"x"},
		"CORDON_TIME_ZONE":             {"Berlin", "Local", "Europe/Berln", "+01:00"},
		"CORDON_MAIL_ONLY_OUTCOMES":    {"yes", "1", "TRUE"},
		"FUNCTIONS_CUSTOMHANDLER_PORT": {"-1", "65536", "http"},
	} {
		for _, value := range values {
			changes := []string{name, value}
			if base, _, split := strings.Cut(name, "__"); split {
				changes = append(changes, base, "")
			}
			_, err := Load(settings(changes...))
			var wrong *Error
			if !errors.As(err, &wrong) || len(wrong.Problems) != 1 || wrong.Problems[0].Name != name ||
				wrong.Problems[0].Message == "" {
				t.Errorf("%s=%q: %v", name, value, err)
				continue
			}
			if strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("%s: the message holds the secret: %v", name, err)
			}
		}
	}
}

func TestOnlyOneWayToAServiceMayBeSet(t *testing.T) {
	for name, change := range map[string]string{
		"ServiceBus":          "ServiceBus__fullyQualifiedNamespace",
		"AzureWebJobsStorage": "AzureWebJobsStorage__accountName",
	} {
		_, err := Load(settings(change, "name"))
		var wrong *Error
		if !errors.As(err, &wrong) || wrong.Problems[0].Name != name {
			t.Errorf("%s and %s: %v", name, change, err)
		}
	}
}

func TestEverythingThatIsWrongIsSaidAtOnce(t *testing.T) {
	_, err := Load(func(name string) string {
		if name == "CORDON_PLAYBOOK" || name == "CORDON_HUNTS" || name == "CORDON_CA_FILE" ||
			name == "FUNCTIONS_APP_ROOT_PATH" {
			return "any"
		}
		return "§ wrong s3cr3t"
	})
	var wrong *Error
	if !errors.As(err, &wrong) {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, p := range wrong.Problems {
		named[p.Name] = true
		secret := slices.ContainsFunc(Settings(), func(s Setting) bool { return s.Name == p.Name && s.Secret })
		if secret && strings.Contains(p.Message, "s3cr3t") {
			t.Errorf("%s shows its value: %s", p.Name, p.Message)
		}
	}
	anything := []string{
		"CORDON_PLAYBOOK", "CORDON_HUNTS", "CORDON_CA_FILE", "FUNCTIONS_APP_ROOT_PATH", "CORDON_CLIENT_SECRET",
		"CORDON_SIGNIN_SECRET",
	}
	for _, s := range Settings() {
		// Both ways to a service are set here, so the second one is reported under the first.
		free := strings.Contains(s.Name, "__") || slices.Contains(anything, s.Name)
		if named[s.Name] == free {
			t.Errorf("%s: reported %t", s.Name, named[s.Name])
		}
	}
	if _, err = Load(func(string) string { return "" }); err == nil || strings.Count(err.Error(), "\n  ") != 7 {
		t.Errorf("nothing set: %v", err)
	}
	want := "1 setting is wrong:\n  CORDON_MODE: \"on\" is not known: expected observe, enforce"
	if _, err := Load(settings("CORDON_MODE", "on")); err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestWrongSettingsStillNameThePlaybookToCheck(t *testing.T) {
	c, err := Load(settings("CORDON_MODE", "on", "CORDON_SMTP_URL", "nonsense", "CORDON_PLAYBOOK", "p.yaml"))
	if err == nil || c.Playbook != "p.yaml" || c.Mode == "on" || !c.SMTPURL.IsZero() {
		t.Errorf("%v, %+v", err, c)
	}
}

func TestALoginThatIsNotEncodedIsRefusedWithTheCharactersThatHaveToBe(t *testing.T) {
	const encode = "user and password must be percent-encoded: "
	for login, want := range map[string]string{
		"cordon@contoso.com:pa[ss]word": encode + "[ is %5B, ] is %5D",
		"cordon@contoso.com:pa^ssword":  encode + "^ is %5E",
		"cordon@contoso.com:paßwort":    encode + "ß is %C3%9F",
		`cordon:pa"ss`:                  encode + `" is %22`,
		"cordon:pa{ss}":                 encode + "{ is %7B, } is %7D",
		"cordon:pa?ss":                  encode + "? is %3F",
		"cordon:pa/ss":                  encode + "/ is %2F",
		"cordon:pa#ss":                  encode + "# is %23",
		"cordon:pass%zz":                encode + "% is %25",
		`cordon:pa\ss|`:                 encode + `\ is %5C, | is %7C`,
		"cor[don:pass":                  encode + "[ is %5B",
		"cordon:pa ss": "holds a blank, a line break or another control character; write it " +
			"percent-encoded or take it out",
	} {
		c, err := Load(settings("CORDON_SMTP_URL", "smtp://"+login+"@smtp.contoso.com:587"))
		var wrong *Error
		if !errors.As(err, &wrong) || len(wrong.Problems) != 1 ||
			wrong.Problems[0] != (Problem{"CORDON_SMTP_URL", want}) || !c.SMTPURL.IsZero() {
			t.Errorf("%s: %v, want %s", login, err, want)
		}
	}
}

func TestDevelopmentStorageIsWrittenOut(t *testing.T) {
	c, err := Load(settings("AzureWebJobsStorage", "UseDevelopmentStorage=true"))
	if err != nil {
		t.Fatal(err)
	}
	parts := connectionString(c.Storage.ConnectionString.Reveal())
	if parts["tableendpoint"] != "http://127.0.0.1:10002/devstoreaccount1" ||
		parts["accountname"] != "devstoreaccount1" || !strings.HasSuffix(parts["accountkey"], "==") {
		t.Errorf("%v", parts)
	}
}

func TestTheTableNamesExactlyTheSettingsThatAreRead(t *testing.T) {
	tags := map[string]reflect.Type{}
	for i := range reflect.TypeFor[raw]().NumField() {
		f := reflect.TypeFor[raw]().Field(i)
		tags[f.Tag.Get("env")] = f.Type
	}
	for _, s := range Settings() {
		kind, read := tags[s.Name]
		if !read {
			t.Errorf("%s is in the table and not read", s.Name)
		}
		if s.Meaning == "" || s.Secret != (kind == reflect.TypeFor[Secret]()) {
			t.Errorf("%s: secret %t, meaning %q", s.Name, s.Secret, s.Meaning)
		}
		delete(tags, s.Name)
	}
	if len(tags) > 0 {
		t.Errorf("read and not in the table: %v", slices.Collect(maps.Keys(tags)))
	}
}

func TestTheExampleSetsEverySettingSafely(t *testing.T) {
	body, err := os.ReadFile("../../local.settings.json.example")
	if err != nil {
		t.Fatal(err)
	}
	var example struct {
		IsEncrypted *bool
		Values      map[string]string
	}
	if err := json.Unmarshal(body, &example); err != nil {
		t.Fatal(err)
	}
	if example.IsEncrypted == nil || *example.IsEncrypted || example.Values["FUNCTIONS_WORKER_RUNTIME"] != "custom" {
		t.Error("IsEncrypted has to be false and FUNCTIONS_WORKER_RUNTIME custom")
	}
	want := []string{"FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", "AzureWebJobsDisableHomepage"}
	for _, s := range Settings() {
		// The host sets its own, and of two ways to a service the example shows the one that needs no rights.
		if !strings.HasPrefix(s.Name, "FUNCTIONS_") && !strings.Contains(s.Name, "__") {
			want = append(want, s.Name)
		}
		if got := example.Values[s.Name]; s.Default != "" && got != "" && got != s.Default {
			t.Errorf("%s is %q, the default is %q", s.Name, got, s.Default)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(example.Values))); diff != "" {
		t.Error(diff)
	}
	c, err := Load(func(name string) string { return example.Values[name] })
	if err != nil {
		t.Fatal(err)
	}
	if c.Mode != "observe" {
		t.Errorf("mode %s", c.Mode)
	}
}

func FuzzLoad(f *testing.F) {
	for i, s := range Settings() {
		f.Add(uint8(i), s.Default)
		f.Add(uint8(i), settings()(s.Name))
	}
	f.Fuzz(func(t *testing.T, which uint8, value string) {
		s := Settings()[int(which)%len(Settings())]
		c, err := Load(settings(s.Name, value))
		if err != nil {
			if s.Secret && len(value) > 24 && strings.Contains(err.Error(), value) {
				t.Errorf("%s shows its value: %v", s.Name, err)
			}
			return
		}
		if c.DefenderURL == nil || c.AuthorityURL == nil || c.GraphURL == nil || c.GraphAudience == "" ||
			c.DefenderAudience == "" || len(c.MailTo) == 0 || c.StaleAfter <= 0 || c.Mode == "" {
			t.Errorf("%s=%q gives unusable settings: %+v", s.Name, value, c)
		}
	})
}
