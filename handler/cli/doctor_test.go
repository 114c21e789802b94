package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cordon/handler/cli/call"
	"cordon/handler/internal/long"
	"cordon/local/defendersim"
	"cordon/local/entrasim"
	"cordon/local/graphsim"
	"cordon/local/servicebus"
	"cordon/local/smtpsink"
	"cordon/local/tables"
)

// patient is a set-up of Cordon on this machine. What a case breaks is changed before it is brought up, or after.
type patient struct {
	env  map[string]string
	args []string // besides doctor
	app  string   // folder

	entra    entrasim.Options
	defender defendersim.Options
	alerts   servicebus.QueueConfig
	mail     smtpsink.Options
	graph    graphsim.Options
	rows     tables.Options
	between  func(http.Handler) http.Handler // before the tables

	bus    *servicebus.Server
	sink   *smtpsink.Sink
	api    *defendersim.Sim
	tables *httptest.Server
	token  *httptest.Server
	later  []func(*patient) // breaks what is up
	names  []string         // pairs of what differs from run to run, and its name
}

const (
	doctorSecret = "s3cr3t-of-the-app"
	mailPassword = "p4ssw0rd-of-the-mailbox"
)

// healthy is a patient that nothing is wrong with but what a case changes.
func healthy(t *testing.T) *patient {
	p := &patient{
		app:    t.TempDir(),
		alerts: servicebus.QueueConfig{Name: "alerts", DuplicateWindow: 24 * time.Hour, TTL: 7 * 24 * time.Hour},
	}
	p.entra.Apps = []entrasim.App{{TenantID: ours, ClientID: appID, Secret: doctorSecret, Roles: map[string][]string{
		entrasim.Defender: {"Alert.Read.All", "Machine.Read.All", "Machine.Isolate"}, entrasim.Graph: {"Mail.Send"}}}}
	p.mail = smtpsink.Options{Username: "cordon", Password: mailPassword}
	p.env = map[string]string{
		"CORDON_TENANT_ID":                  ours,
		"CORDON_CLIENT_ID":                  appID,
		"CORDON_CLIENT_SECRET":              doctorSecret,
		"CORDON_MODE":                       "enforce",
		"CORDON_ALERT_QUEUE":                "alerts",
		"CORDON_NOTICE_QUEUE":               "notices",
		"CORDON_POLL_SCHEDULE":              "0 * * * * *",
		"CORDON_FOLLOW_SCHEDULE":            "30 * * * * *",
		"CORDON_HUNT_SCHEDULE":              "0 */5 * * * *",
		"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1048576",
		"CORDON_MAIL_FROM":                  "cordon@example.org",
		"CORDON_MAIL_TO":                    "soc@example.org",
		"FUNCTIONS_APP_ROOT_PATH":           p.app,
	}
	p.write(t, "cordon", "the program")
	p.write(t, "host.json", read(t, "../../host.json"))
	p.write(t, "playbook.yaml",
		strings.Replace(read(t, "../../playbook.yaml"), "\nmode: observe", "\nmode: enforce", 1))
	files, err := filepath.Glob("../../functions/*/function.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		p.write(t, filepath.Join(filepath.Base(filepath.Dir(file)), "function.json"), read(t, file))
	}
	return p
}

func read(t *testing.T, path string) string {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func (p *patient) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(p.app, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// edit replaces text in a file of the app, which must be there.
func (p *patient) edit(t *testing.T, name, old, new string) {
	t.Helper()
	text := read(t, filepath.Join(p.app, name))
	if !strings.Contains(text, old) {
		t.Fatalf("%s does not hold %q", name, old)
	}
	p.write(t, name, strings.Replace(text, old, new, 1))
}

// up starts everything and sets what points at it, unless the case has.
func (p *patient) up(t *testing.T) {
	t.Helper()
	env := map[string]string{"CORDON_CA_FILE": filepath.Join(p.app, "ca.pem")}
	authority, err := entrasim.New(p.entra)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "ca.pem", string(authority.CertPEM()))
	p.token = httptest.NewUnstartedServer(authority)
	p.token.TLS = authority.TLSConfig()
	p.token.StartTLS()
	t.Cleanup(p.token.Close)
	env["CORDON_AUTHORITY_URL"] = p.token.URL

	p.defender.Audience = entrasim.Defender
	p.defender.Verify = func(token string) (defendersim.Claims, error) {
		claims, err := authority.Verify(token)
		return defendersim.Claims{Audience: claims.Audience, AppID: claims.AppID, Roles: claims.Roles}, err
	}
	p.api = defendersim.New(p.defender)
	env["CORDON_DEFENDER_URL"] = p.serve(t, p.api.Handler(), "DEFENDER")

	p.graph.Audience, p.graph.Mailboxes = entrasim.Graph, []string{"cordon@example.org"}
	p.graph.Verify = func(token string) (graphsim.Claims, error) {
		claims, err := authority.Verify(token)
		return graphsim.Claims{Audience: claims.Audience, Roles: claims.Roles}, err
	}
	env["CORDON_GRAPH_URL"] = p.serve(t, graphsim.New(p.graph), "GRAPH")

	if p.bus, err = servicebus.New(servicebus.Options{
		Queues: []servicebus.QueueConfig{
			p.alerts,
			{Name: "notices", DuplicateWindow: 24 * time.Hour, TTL: 7 * 24 * time.Hour},
		},
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.bus.Close() })
	address, err := p.bus.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	env["ServiceBus"] = p.bus.ConnectionString()

	rows := tables.New(p.rows)
	var handler http.Handler = rows
	if p.between != nil {
		handler = p.between(rows)
	}
	p.tables = httptest.NewServer(handler)
	t.Cleanup(p.tables.Close)
	env["AzureWebJobsStorage"] = rows.ConnectionString(p.tables.URL)

	p.sink = smtpsink.New(p.mail)
	server, err := p.sink.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.sink.Close() })
	env["CORDON_SMTP_URL"] = "smtp://cordon:" + mailPassword + "@" + server.String() + "?tls=none"
	maps.Copy(env, p.env)
	p.env = env
	p.names = append(p.names, fmt.Sprint(address), "BUS", hostOf(p.tables.URL), "TABLES", hostOf(p.token.URL),
		"AUTHORITY", server.String(), "MAIL", p.app, "APP")
	for _, change := range p.later {
		change(p)
	}
}

func hostOf(url string) string { _, host, _ := strings.Cut(url, "://"); return host }

func (p *patient) serve(t *testing.T, h http.Handler, name string) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	p.names = append(p.names, hostOf(server.URL), name)
	return server.URL
}

// report is the exit code and what was printed, with a name for everything that differs from run to run.
func (p *patient) report(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := command(t, p.env, append(append([]string{"doctor", "--direct"}, p.args...), args...)...)
	for _, secret := range []string{
		doctorSecret, mailPassword, p.env["AzureWebJobsStorage"], "SharedAccessKey=", "AccountKey=", "eyJ",
	} {
		if secret != "" && strings.Contains(stdout+stderr, secret) {
			t.Errorf("a secret is printed:\n%s%s", stdout, stderr)
		}
	}
	text := fmt.Sprintf("%sexit code %d: %s", stdout, code, stderr)
	text = strings.NewReplacer(p.names...).Replace(text)
	for pattern, name := range map[string]string{
		`127\.0\.0\.1:[0-9]{4,5}`:                     "HERE",
		`\[?(Trace|Correlation|Timestamp)[^\]\n]*\]?`: "TRACE",
		`[0-9]{4}-[0-9]{2}-[0-9]{2}`:                  "DAY",
		`request\s+[0-9a-f-]{36}`:                     "request ID",
		`correlation [0-9a-f-]{36}`:                   "correlation ID",
	} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, name)
	}
	return strings.TrimRight(text, "\n") + "\n"
}

// without are the lines of text that are not in another.
func without(text, other string) string {
	known := map[string]bool{}
	for line := range strings.Lines(other) {
		known[line] = true
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !known[line] {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestEveryThingThatIsBrokenIsNamedWithTheWayOut(t *testing.T) {
	long.Test(t)
	t.Parallel()
	base := healthy(t)
	base.up(t)
	sound := base.report(t)
	cases := brokenSetups(t)
	told := make([]string, len(cases))
	t.Run("cases", func(t *testing.T) {
		for i, tt := range cases {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				p := healthy(t)
				tt.change(p)
				p.up(t)
				told[i] = p.report(t)
				for _, queue := range []string{"alerts", "notices"} {
					if c := p.bus.Counts(queue); c.Scheduled != 0 || c.Active != 0 {
						t.Errorf("left on %s: %+v", queue, c)
					}
				}
				if n := len(p.api.Calls()); n > 0 {
					for _, call := range p.api.Calls() {
						if call.Method != http.MethodGet {
							t.Errorf("it acted: %+v", call)
						}
					}
				}
			})
		}
	})
	var b strings.Builder
	b.WriteString("== nothing is broken\n" + sound)
	for i, tt := range cases {
		b.WriteString("\n== " + tt.name + "\n" + without(told[i], sound))
		if told[i] == sound {
			t.Errorf("%s: nobody notices", tt.name)
		}
	}
	golden(t, "doctor", b.String())
}

func TestDoctorTellsProgramsTheSame(t *testing.T) {
	t.Parallel()
	p := healthy(t)
	p.entra.Apps[0].Roles[entrasim.Defender] = []string{"Alert.Read.All", "Machine.Read.All"}
	p.up(t)
	code, stdout, stderr := command(t, p.env, "doctor", "--direct", "--json")
	var told struct {
		OK       bool
		Version  string
		Findings []struct{ Check, State, Seen, Do string }
	}
	if err := json.Unmarshal([]byte(stdout), &told); err != nil || code != call.ExitFailed || told.OK ||
		told.Version != version {
		t.Fatalf("code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	for _, f := range told.Findings {
		if f.Check == "Defender Machine.Isolate" && f.State == "failed" &&
			strings.Contains(f.Do, "az ad app permission add") {
			return
		}
	}
	t.Errorf("the missing role is not told:\n%s", stdout)
}

func TestDoctorRefusesWrongCommandLines(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"doctor", "x"}, {"doctor", "--timeout", "1h"}, {"doctor", "--timeout", "0s"}, {"doctor", "--loud"},
	} {
		if code, _, stderr := command(t, nil, args...); code != call.ExitUsage || stderr == "" {
			t.Errorf("%v: code %d, %q", args, code, stderr)
		}
	}
	if code, stdout, _ := command(t, nil, "doctor", "--help"); code != call.ExitDone ||
		!strings.Contains(stdout, "--send-test") || !strings.Contains(stdout, "Exit code") {
		t.Errorf("--help: code %d\n%s", code, stdout)
	}
}

// closedPort is an address that nobody listens on.
const closedPort = "127.0.0.1:1"
