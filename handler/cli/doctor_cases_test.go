package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"cordon/local/defendersim"
	"cordon/local/entrasim"
	"cordon/local/servicebus"
	"cordon/local/tables"
)

// brokenSetup is one thing that is wrong.
type brokenSetup struct {
	name   string
	change func(p *patient)
}

func brokenSetups(t *testing.T) []brokenSetup {
	set := func(name, value string) func(*patient) { return func(p *patient) { p.env[name] = value } }
	late := func(change func(*patient)) func(*patient) {
		return func(p *patient) { p.later = append(p.later, change) }
	}
	edit := func(file, old, new string) func(*patient) {
		return func(p *patient) { p.edit(t, file, old, new) }
	}
	roles := func(names ...string) func(*patient) {
		return func(p *patient) { p.entra.Apps[0].Roles[entrasim.Defender] = names }
	}
	aHunt := func(text string) func(*patient) {
		return func(p *patient) {
			_ = os.Mkdir(filepath.Join(p.app, "hunts"), 0o700)
			_ = os.WriteFile(filepath.Join(p.app, "hunts", "a.kql"), []byte(text), 0o600)
		}
	}
	graph := func(change func(*patient)) func(*patient) {
		return late(func(p *patient) { delete(p.env, "CORDON_SMTP_URL"); change(p) })
	}
	return []brokenSetup{
		{
			"settings are missing and wrong",
			func(p *patient) { p.env["CORDON_MAIL_FROM"], p.env["CORDON_POLL_OVERLAP"] = "", "soon" },
		},
		{"the tenant is no tenant", set("CORDON_TENANT_ID", "my tenant")},
		{
			"a reference to the key vault is not resolved",
			set("CORDON_CLIENT_SECRET", "@Microsoft.KeyVault(SecretUri=x)"),
		},
		{"the file of certificate authorities is not there", set("CORDON_CA_FILE", "none.pem")},
		{"the certificate is not there", func(p *patient) {
			p.env["CORDON_CLIENT_SECRET"], p.env["CORDON_CLIENT_CERTIFICATE"] = "", filepath.Join(p.app, "none.pem")
		}},
		{"the playbook does not check", edit("playbook.yaml", "when: alert.severity", "when: alert.sevrity")},
		{"the ceiling is observe", set("CORDON_MODE", "observe")},
		{"alerts are polled once an hour", set("CORDON_POLL_SCHEDULE", "0 0 * * * *")},
		{"a hunt does not check", aHunt("// name: a\nDeviceInfo\n")},
		{"hunts without the permission to hunt", aHunt(oneHunt)},
		{"a schedule has five fields", set("CORDON_FOLLOW_SCHEDULE", "* * * * *")},

		{"the app is somewhere else", func(p *patient) { _ = os.Remove(filepath.Join(p.app, "host.json")) }},
		{"host.json is cut off", edit("host.json", "\"version\"", "")},
		{"the host waits as long as the handler", edit("host.json", "00:10:00", "00:09:00")},
		{"the route prefix is empty", edit("host.json", "\"routePrefix\": \"api\"", "\"routePrefix\": \"\"")},
		{"locks are renewed for five minutes", edit("host.json", "00:12:00", "00:05:00")},
		{
			"requests are not forwarded",
			edit("host.json", "\"enableForwardingHttpRequest\": true", "\"enableForwardingHttpRequest\": false"),
		},
		{"the program is not there", func(p *patient) { _ = os.Remove(filepath.Join(p.app, "cordon")) }},
		{"messages come as text", edit("RespondToAlert/function.json", "binary", "string")},
		{"a name in function.json is not set", set("CORDON_ALERT_QUEUE", "")},
		{
			"the reference to the mail server is not resolved",
			set("CORDON_SMTP_URL", "@Microsoft.KeyVault(SecretUri=x)"),
		},
		{
			"the reference to the webhook's secret is not resolved",
			set("CORDON_WEBHOOK_SECRET", "@Microsoft.KeyVault(SecretUri=x)"),
		},
		{"a schedule is not set", set("CORDON_POLL_SCHEDULE", "")},
		{"the host takes bodies of any size", set("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", "")},
		{"the host takes bodies that are too large", set("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", "104857600")},
		{"the host takes no push", set("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", "100000")},
		{"the limit of bodies is no number", set("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", "1 MB")},
		{"a function is not deployed", func(p *patient) { _ = os.RemoveAll(filepath.Join(p.app, "SendNotice")) }},
		{
			"a function is open to everybody",
			edit("Health/function.json", "\"authLevel\": \"function\"", "\"authLevel\": \"anonymous\""),
		},
		{"a function is switched off", set("AzureWebJobs_RespondToAlert_Disabled", "true")},
		{"a function is switched off by a 1", set("AzureWebJobs.SendNotice.Disabled", "1")},
		{
			"a function is to be off by its file",
			edit("RespondToAlert/function.json", "\"bindings\"", "\"disabled\": true, \"bindings\""),
		},

		{"the secret is another", set("CORDON_CLIENT_SECRET", "s3cr3t-of-another")},
		{"the app is not in the tenant", set("CORDON_CLIENT_ID", "11111111-2222-3333-4444-555555555555")},
		{"the audience is unknown", set("CORDON_DEFENDER_AUDIENCE", "https://api.example.org")},
		{"the authority cannot be reached", set("CORDON_AUTHORITY_URL", "https://"+closedPort)},
		{"the authority is not trusted", late(func(p *patient) { delete(p.env, "CORDON_CA_FILE") })},
		{"no role is granted", roles()},
		{"isolating is not granted", roles("Alert.Read.All", "Machine.Read.All")},
		{
			"isolating is not granted, in observe mode",
			func(p *patient) { roles("Alert.Read.All", "Machine.Read.All")(p); p.env["CORDON_MODE"] = "observe" },
		},
		{"isolating is not granted, and no rule isolates", func(p *patient) {
			roles("Alert.Read.All", "Machine.Read.All")(p)
			p.write(t, "playbook.yaml",
				"version: 1\nmode: enforce\nrules:\n  - name: tell\n    on: alert\n"+
					"    when: alert.severity == \"High\"\n    do: [{mail: {}}]\n")
		}},
		{"wider roles are granted", roles("Alert.ReadWrite.All", "Machine.ReadWrite.All", "Machine.Isolate")},
		{"Defender cannot be reached", set("CORDON_DEFENDER_URL", "http://"+closedPort)},
		{"Defender hangs", func(p *patient) {
			p.args, p.defender.Fault = []string{
				"--timeout",
				"2s",
			}, func(*http.Request) *defendersim.Fault { return &defendersim.Fault{Delay: time.Hour} }
		}},
		{"the clock is two minutes behind", func(p *patient) {
			p.defender.Now = func() time.Time { return time.Now().Add(2*time.Minute + 300*time.Millisecond) }
		}},
		{
			"the clock is an hour ahead",
			func(p *patient) { p.defender.Now = func() time.Time { return time.Now().Add(-time.Hour) } },
		},

		{"the queue is not there", func(p *patient) { p.alerts.Name = "other" }},
		{"the app may not send", late(func(p *patient) { p.bus.Withhold(servicebus.RightSend) })},
		{"the app may not listen", late(func(p *patient) { p.bus.Withhold(servicebus.RightListen) })},
		{"the queue keeps duplicates", func(p *patient) { p.alerts.DuplicateWindow = 0 }},
		{"messages wait an hour", func(p *patient) { p.alerts.TTL = time.Hour }},
		{"messages wait for ever", func(p *patient) { p.alerts.TTL = 0 }},
		{"there are dead letters", late(func(p *patient) {
			(&yard{Server: p.bus, clock: servicebus.NewManualClock(noon)}).setAside(t, "alerts",
				servicebus.Message{ID: "x"}, "r", "d")
		})},
		{"the namespace refuses the key", late(func(p *patient) { p.bus.RefuseTokens(true) })},
		{
			"the namespace cannot be reached",
			set("ServiceBus",
				"Endpoint=sb://"+closedPort+";SharedAccessKeyName=n;SharedAccessKey=a2V5;UseDevelopmentEmulator=true"),
		},

		{"the account key is another", late(func(p *patient) {
			p.env["AzureWebJobsStorage"] = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;" +
				"AccountKey=b3RoZXI=;TableEndpoint=" + p.tables.URL + "/devstoreaccount1;"
		})},
		{"the tables take every write", func(p *patient) {
			p.between = func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("If-Match") != "" {
						r.Header.Set("If-Match", "*")
					}
					h.ServeHTTP(w, r)
				})
			}
		}},
		{"the tables hang", func(p *patient) {
			p.args = []string{"--timeout", "2s"}
			p.rows.Fault = func(*http.Request) *tables.Fault { return &tables.Fault{Delay: time.Hour} }
		}},

		{"the mail server refuses the password", func(p *patient) { p.mail.Password = "another" }},
		{"the mail server is not there", set("CORDON_SMTP_URL", "smtp://"+closedPort+"?tls=none")},
		{
			"the mail server offers no TLS",
			late(
				func(p *patient) {
					p.env["CORDON_SMTP_URL"] = strings.TrimSuffix(p.env["CORDON_SMTP_URL"], "?tls=none")
				},
			),
		},
		{"a test mail arrives", func(p *patient) { p.args = []string{"--send-test"} }},
		{"a test mail is refused", func(p *patient) {
			p.args = []string{"--send-test"}
			p.mail.RejectRecipient = func(string) error {
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
			}
		}},
		{"mail goes by Graph", graph(func(*patient) {})},
		{
			"mail goes by Graph, a test mail arrives",
			func(p *patient) { p.args = []string{"--send-test"}; graph(func(*patient) {})(p) },
		},
		{
			"mail goes by Graph without Mail.Send",
			func(p *patient) { p.entra.Apps[0].Roles[entrasim.Graph] = nil; graph(func(*patient) {})(p) },
		},
		{"mail goes by Graph, a test mail is refused", func(p *patient) {
			p.args, p.entra.Apps[0].Roles[entrasim.Graph] = []string{"--send-test"}, nil
			graph(func(*patient) {})(p)
		}},
	}
}
