package infra

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"cordon/handler/config"
	"cordon/handler/push"
)

// hostSettings are deployed settings that only the Functions host reads.
func hostSettings() []string {
	return []string{"AzureWebJobsStorage__blobServiceUri", "AzureWebJobsStorage__queueServiceUri",
		"APPLICATIONINSIGHTS_CONNECTION_STRING", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
		"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", "AzureWebJobsDisableHomepage"}
}

// notDeployed are settings of the program that the deployment does not set, with the reason.
func notDeployed() map[string]string {
	const tuning = "its default is right for Azure; moreSettings changes it"
	return map[string]string{
		"CORDON_CLIENT_SECRET":             "the app has an identity",
		"CORDON_CLIENT_CERTIFICATE":        "the app has an identity",
		"CORDON_AUTHORITY_URL":             "of the cloud",
		"CORDON_GRAPH_URL":                 "of the cloud",
		"CORDON_GRAPH_AUDIENCE":            "of the cloud",
		"CORDON_SIGNIN_SECRET":             "the registration trusts an identity of the app",
		"CORDON_SIGNIN_CERTIFICATE":        "the registration trusts an identity of the app",
		"CORDON_CA_FILE":                   "for private certificate authorities",
		"ServiceBus":                       "the namespace takes no keys",
		"AzureWebJobsStorage":              "the account takes no keys",
		"AzureWebJobsStorage__accountName": "the services' addresses are set, which work in every cloud",
		"CORDON_TABLE_PREFIX":              "the account has no other tables",
		"CORDON_PLAYBOOK":                  "the one in the package",
		"CORDON_HUNTS":                     "the one in the package",
		"CORDON_POLL_OVERLAP":              tuning,
		"CORDON_POLL_LOOKBACK":             tuning,
		"CORDON_SNAPSHOT_MAX_AGE":          tuning,
		"CORDON_STALE_AFTER":               tuning,
		"CORDON_ISOLATION_LIFT":            tuning,
		"CORDON_RECHECK_AFTER":             tuning,
		"CORDON_LATCH_HOLD":                tuning,
		"CORDON_RETRY_AFTER":               tuning,
		"CORDON_SWEEP_AFTER":               tuning,
		"CORDON_RETENTION":                 tuning,
		"CORDON_FACTS_RETENTION":           tuning,
		"CORDON_NOTICE_WINDOW":             tuning,
		"CORDON_TIME_ZONE":                 tuning,
		"CORDON_MAIL_ONLY_OUTCOMES":        tuning,
		"FUNCTIONS_CUSTOMHANDLER_PORT":     "the host sets it",
		"FUNCTIONS_APP_ROOT_PATH":          "the host sets it",
	}
}

// TestEverySettingIsDeployedOrLeftOutForAReason is where a new setting is noticed.
func TestEverySettingIsDeployedOrLeftOutForAReason(t *testing.T) {
	t.Parallel()
	set, left := deployed(t), notDeployed()
	known := map[string]bool{}
	for _, s := range config.Settings() {
		known[s.Name] = true
		_, isSet := set[s.Name]
		if _, isLeft := left[s.Name]; isSet == isLeft {
			t.Errorf("%s: deployed %t, left out with a reason %t", s.Name, isSet, isLeft)
		}
	}
	for _, name := range hostSettings() {
		if _, isSet := set[name]; !isSet || known[name] {
			t.Errorf("%s: deployed %t, read by the program %t", name, isSet, known[name])
		}
		known[name] = true
	}
	for _, names := range [][]string{slices.Sorted(maps.Keys(set)), slices.Sorted(maps.Keys(left))} {
		for _, name := range names {
			if !known[name] {
				t.Errorf("%s is no setting of the program or of the host", name)
			}
		}
	}
}

// evaluated gives the deployed settings values as Azure would, for parameters of a deployment to the global cloud.
func evaluated(t *testing.T) map[string]string {
	t.Helper()
	const client = "1f7e6c5d-42a8-4e57-8f19-0c6de25a7341"
	expressions := map[string]string{
		"mode":                                 "observe",
		"cloud":                                "global",
		"alertSource":                          "defender",
		"tenant().tenantId":                    "94fe6bd2-8d0e-4b7b-9a64-5c2d71e0b9f4",
		"platform.properties.clientId":         client,
		"responder.properties.clientId":        "2f7e6c5d-42a8-4e57-8f19-0c6de25a7341",
		"alertQueue":                           "alerts",
		"noticeQueue":                          "notices",
		"mailFrom":                             "cordon@example.com",
		"mailTo":                               "soc@example.com",
		"operatorMail":                         "ops@example.com",
		"defenderUrl":                          "https://eu.api.security.microsoft.com",
		"defenderAudience":                     "https://api.securitycenter.microsoft.com",
		"appUrl":                               "https://cordon.example.com",
		"signinClientId":                       "5a1b0d3e-42a8-4e57-8f19-0c6de25a7343",
		"cliClientId":                          "6b2c1e4f-42a8-4e57-8f19-0c6de25a7344",
		"pollSchedule":                         "0 * * * * *",
		"followSchedule":                       "30 * * * * *",
		"huntSchedule":                         "0 */5 * * * *",
		"insights.properties.ConnectionString": "InstrumentationKey=x",
		"replace(replace(bus.properties.serviceBusEndpoint, 'https://', ''), ':443/', '')": "sb-cordon-x.servicebus.windows.net",
	}
	parts := strings.NewReplacer("${storage.name}", "stcordonx",
		"${environment().suffixes.storage}", "core.windows.net", "${platform.properties.clientId}", client,
		"@Microsoft.KeyVault(${secretUri}/smtp-url)", "smtp://u:p@mail.example.com:587?tls=starttls",
		"@Microsoft.KeyVault(${secretUri}/webhook-secret)", "0123456789abcdef0123456789abcdef")
	values := map[string]string{}
	for name, expression := range deployed(t) {
		value, known := expressions[expression]
		if text, isText := strings.CutPrefix(expression, "'"); isText {
			value, known = parts.Replace(strings.TrimSuffix(text, "'")), true
		}
		if !known || strings.Contains(value, "${") {
			t.Errorf("%s is %s, which this test cannot work out", name, expression)
		}
		values[name] = value
	}
	return values
}

func TestTheProgramStartsWithTheDeployedSettings(t *testing.T) {
	t.Parallel()
	values := evaluated(t)
	c, err := config.Load(func(name string) string { return values[name] })
	if err != nil {
		t.Fatal(err)
	}
	if c.Mode != "observe" || c.ServiceBus.Namespace != "sb-cordon-x.servicebus.windows.net" ||
		c.Storage.TableURL.String() != "https://stcordonx.table.core.windows.net" ||
		c.ClientID != "2f7e6c5d-42a8-4e57-8f19-0c6de25a7341" || !c.ClientSecret.IsZero() {
		t.Errorf("%+v", c)
	}
	for _, name := range []string{"mode", "cloud", "alertSource", "mailFrom", "mailTo"} {
		if _, ok := readBicep(t, "cordon.bicep").params[name]; !ok {
			t.Errorf("cordon.bicep has no parameter %s", name)
		}
	}
	if !strings.Contains(read(t, "cordon.bicep"), "param mode string = 'observe'") ||
		!strings.Contains(read(t, "main.bicepparam"), "'CORDON_MODE', 'observe'") {
		t.Error("the deployment does not begin in observe mode")
	}
}

// TestTheHostTakesNoMoreThanCordonReads holds the settings without which anybody can end an instance: the host reads
// bodies whole, and before it asks whose they are where no key is wanted. The limit has to be above what ReceiveAlert
// takes.
func TestTheHostTakesNoMoreThanCordonReads(t *testing.T) {
	t.Parallel()
	set := evaluated(t)
	limit, err := strconv.Atoi(set["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"])
	if err != nil || limit < 2*push.MaxBody || limit > 4<<20 {
		t.Errorf("the host reads bodies of %d bytes, ReceiveAlert takes %d: %v", limit, push.MaxBody, err)
	}
	if set["AzureWebJobsDisableHomepage"] != "true" {
		t.Error("the host shows everybody a page")
	}
	for _, page := range []string{"../docs/security.md", "../docs/push.md"} {
		if !strings.Contains(read(t, page), "`FUNCTIONS_REQUEST_BODY_SIZE_LIMIT`") {
			t.Errorf("%s does not say what the host reads", page)
		}
	}
}

// TestEveryNameInAFunctionIsSetEverywhere holds function.json, whose names have no default in the host.
func TestEveryNameInAFunctionIsSetEverywhere(t *testing.T) {
	t.Parallel()
	var example struct{ Values map[string]string }
	if err := json.Unmarshal([]byte(read(t, "../local.settings.json.example")), &example); err != nil {
		t.Fatal(err)
	}
	set := deployed(t)
	files, err := filepath.Glob("../functions/*/function.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("functions %v, %v", files, err)
	}
	found := 0
	for _, file := range files {
		var function struct {
			Bindings []struct{ Type, Connection string }
		}
		if err := json.Unmarshal([]byte(read(t, file)), &function); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, b := range function.Bindings {
			if b.Type == "serviceBusTrigger" &&
				(b.Connection == "" || set[b.Connection+"__fullyQualifiedNamespace"] == "" ||
					example.Values[b.Connection] == "") {
				t.Errorf("%s has the connection %q, which is not set everywhere", file, b.Connection)
			}
		}
		for _, name := range regexp.MustCompile(`%(\w+)%`).FindAllStringSubmatch(read(t, file), -1) {
			found++
			known := slices.ContainsFunc(config.Settings(), func(s config.Setting) bool { return s.Name == name[1] })
			if set[name[1]] == "" || example.Values[name[1]] == "" || !known {
				t.Errorf("%s names %s: deployed %q, in the example %q, a setting of the program %t", file, name[1],
					set[name[1]], example.Values[name[1]], known)
			}
		}
	}
	if found < 4 {
		t.Errorf("only %d names were found", found)
	}
}

func TestTheHostIsConfiguredAsTheProgramExpects(t *testing.T) {
	t.Parallel()
	var host struct {
		Version       string
		CustomHandler struct {
			Description                 struct{ DefaultExecutablePath string }
			EnableForwardingHTTPRequest bool `json:"enableForwardingHttpRequest"`
		}
		ExtensionBundle struct{ ID, Version string }
		FunctionTimeout string
		Concurrency     struct{ DynamicConcurrencyEnabled *bool }
		Extensions      struct {
			HTTP struct {
				RoutePrefix  string
				HSTS         struct{ IsEnabled bool }
				CustomHeader map[string]string `json:"customHeaders"`
				MaxAge       string
			} `json:"http"`
			ServiceBus struct {
				PrefetchCount              int
				AutoCompleteMessages       bool
				MaxAutoLockRenewalDuration string
				MaxConcurrentCalls         int
			}
		}
		Logging struct {
			LogLevel            map[string]string
			ApplicationInsights struct {
				SamplingSettings struct {
					IsEnabled                  bool
					MaxTelemetryItemsPerSecond int
					ExcludedTypes              string
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(read(t, "../host.json")), &host); err != nil {
		t.Fatal(err)
	}
	timeout, renewal := clock(t, host.FunctionTimeout), clock(t, host.Extensions.ServiceBus.MaxAutoLockRenewalDuration)
	for promise, holds := range map[string]bool{
		"it is of version 2.0": host.Version == "2.0",
		"it starts what make package builds": host.CustomHandler.Description.DefaultExecutablePath == "cordon" &&
			strings.Contains(read(t, "../Makefile"), "-o build/stage/cordon ./handler"),
		"requests reach the program as they are":     host.CustomHandler.EnableForwardingHTTPRequest,
		"no request from outside can be an envelope": host.Extensions.HTTP.RoutePrefix == "api",
		"the bundle has the Service Bus extension": host.ExtensionBundle.ID == "Microsoft.Azure.Functions.ExtensionBundle" &&
			host.ExtensionBundle.Version == "[4.0.0, 5.0.0)",
		"locks outlive the longest invocation": timeout > 0 && renewal >= timeout+time.Minute,
		"messages do not age in the host":      host.Extensions.ServiceBus.PrefetchCount == 0,
		"answered messages are completed": host.Extensions.ServiceBus.AutoCompleteMessages &&
			host.Extensions.ServiceBus.MaxConcurrentCalls > 0,
		"the host does not change the pace by itself": host.Concurrency.DynamicConcurrencyEnabled != nil &&
			!*host.Concurrency.DynamicConcurrencyEnabled,
		"what the alerts count is not sampled": host.Logging.ApplicationInsights.SamplingSettings.ExcludedTypes ==
			"Request;Exception;Trace",
		"requests are recorded": host.Logging.LogLevel["Host.Results"] == "Information" &&
			host.Logging.LogLevel["default"] == "Information",
	} {
		if !holds {
			t.Errorf("host.json breaks: %s", promise)
		}
	}
}

// clock reads hh:mm:ss.
func clock(t *testing.T, text string) time.Duration {
	t.Helper()
	at, err := time.Parse("15:04:05", text)
	if err != nil {
		t.Fatal(err)
	}
	return at.Sub(at.Truncate(24 * time.Hour))
}

func TestAzdDeploysWhatMakePackageWrites(t *testing.T) {
	t.Parallel()
	var azd struct {
		Infra    struct{ Path, Module string }
		Services map[string]struct {
			Project, Host, Language, Dist string
			Hooks                         hooks
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "../azure.yaml")), &azd); err != nil {
		t.Fatal(err)
	}
	s, ok := azd.Services["cordon"]
	if !ok || s.Host != "function" || s.Language != "custom" || s.Dist != "build/cordon.zip" ||
		s.Hooks["prepackage"].Run != "make package" {
		t.Errorf("azure.yaml: %+v", azd)
	}
	if !strings.Contains(read(t, "../Makefile"), " "+s.Dist+"\n") {
		t.Errorf("make package does not write %s", s.Dist)
	}
	if !strings.Contains(read(t, "app.bicep"), "'azd-service-name': 'cordon'") {
		t.Error("azd does not find the app: the tag azd-service-name is not the service's name")
	}
	if _, err := os.Stat(filepath.Join("..", azd.Infra.Path, azd.Infra.Module+".bicep")); err != nil {
		t.Error(err)
	}
}

type hooks map[string]struct{ Shell, Run string }

// TestAzdGrantsBeforeItDeploys holds the order: resources, app roles, and then the app, whose package can be written
// just then. What the hooks name, main.bicep has as outputs.
func TestAzdGrantsBeforeItDeploys(t *testing.T) {
	t.Parallel()
	var azd struct {
		Hooks    hooks
		Services map[string]struct{ Hooks hooks }
	}
	text := read(t, "../azure.yaml")
	if err := yaml.Unmarshal([]byte(text), &azd); err != nil {
		t.Fatal(err)
	}
	service := azd.Services["cordon"].Hooks
	for hook, run := range map[string]struct{ got, want string }{
		"postprovision": {
			azd.Hooks["postprovision"].Run,
			`infra/grant-permissions.sh ${CORDON_GRANT:-} "$CORDON_RESPONDER_PRINCIPAL_ID"`,
		},
		"predeploy": {
			service["predeploy"].Run,
			`infra/package-access.sh open "$CORDON_PLATFORM_PRINCIPAL_ID" "$CORDON_PACKAGE_CONTAINER_ID"`,
		},
		"postdeploy": {
			service["postdeploy"].Run,
			`infra/package-access.sh close "$CORDON_PLATFORM_PRINCIPAL_ID" "$CORDON_PACKAGE_CONTAINER_ID"`,
		},
	} {
		if !strings.Contains(run.got, run.want) {
			t.Errorf("%s runs %q", hook, run.got)
		}
	}
	outputs := read(t, "main.bicep")
	for _, name := range regexp.MustCompile(`"\$(\w+)"`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(outputs, "output "+name[1]+" string = ") {
			t.Errorf("main.bicep has no output %s, which a hook names", name[1])
		}
	}
	if !strings.Contains(outputs, "output CORDON_RESPONDER_CLIENT_ID string = ") {
		t.Error("main.bicep has no output for the client id that Exchange wants")
	}
}

// TestEveryParameterCanBeSet holds the two files of values against the parameters, their defaults and the settings.
func TestEveryParameterCanBeSet(t *testing.T) {
	t.Parallel()
	cordon, main := readBicep(t, "cordon.bicep"), readBicep(t, "main.bicep")
	values := map[string][]string{} // by parameter: the function, the variable, the default
	for _, v := range regexp.MustCompile(`(?m)^param (\w+) = (?:(int|bool|json)\()?readEnvironmentVariable\('(\w+)'(?:, (.*?))?\)+$`).FindAllStringSubmatch(read(t, "cordon.bicepparam"), -1) {
		values[v[1]] = v[2:]
	}
	if n := strings.Count(read(t, "cordon.bicepparam"), "\nparam "); n != len(values) {
		t.Errorf("%d of %d values were read", len(values), n)
	}
	want := slices.Sorted(maps.Keys(cordon.params))
	want = slices.DeleteFunc(want, func(name string) bool { return name == "location" })
	if got := slices.Sorted(maps.Keys(values)); !slices.Equal(got, want) {
		t.Errorf("cordon.bicepparam has %v, cordon.bicep %v", got, want)
	}
	declared := regexp.MustCompile(`(?m)^param (\w+) (\w+) = (.*)$`).FindAllStringSubmatch(cordon.text, -1)
	for _, p := range declared {
		if p[1] == "location" {
			continue
		}
		value := strings.Trim(values[p[1]][2], "'")
		if p[1] == "operatorMail" && p[3] == "mailTo" && value == "readEnvironmentVariable('CORDON_MAIL_TO" {
			continue
		}
		if wants := strings.Trim(p[3], "'"); value != wants || (values[p[1]][0] == "") != (p[2] == "string") {
			t.Errorf("%s is %s by cordon.bicep, %v by cordon.bicepparam", p[1], p[3], values[p[1]])
		}
	}
	for setting, expression := range deployed(t) {
		if v, isParameter := values[expression]; isParameter && v[1] != setting {
			t.Errorf("%s is read from %s", setting, v[1])
		}
	}
	_, body, _ := strings.Cut(read(t, "cordon.bicepparam"), "\n\n")
	if file := read(t, "main.bicepparam"); !strings.HasSuffix(file, body) ||
		!strings.HasPrefix(strings.SplitAfterN(file, "\n\n", 2)[1],
			"param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')\nparam location = "+
				"readEnvironmentVariable('AZURE_LOCATION')\nparam name = ") {
		t.Error("main.bicepparam has other values than cordon.bicepparam")
	}
	for name := range cordon.params {
		if _, ok := main.params[name]; !ok {
			t.Errorf("azd cannot set %s", name)
		}
	}
}

// TestAlertsLookForWhatIsWritten holds the queries against the log lines and functions that they name.
func TestAlertsLookForWhatIsWritten(t *testing.T) {
	t.Parallel()
	alerts := read(t, "alerts.bicep")
	if !strings.Contains(read(t, "../handler/act/request.go"), `"machine action requested", "type"`) ||
		!strings.Contains(alerts, `'machine action requested'`) {
		t.Error("the alert about isolations counts lines that are not written")
	}
	if !strings.Contains(read(t, "../handler/watch/openruns.go"), `"open runs", "open", oldest.Open, "ageSeconds"`) ||
		!strings.Contains(alerts, `Message has '"open runs"'`) || !strings.Contains(alerts, "line.ageSeconds") {
		t.Error("the alert about alerts that nobody answers reads a line that is not written")
	}
	if !regexp.MustCompile(`(?s)name: 'messages-waiting'.*?windowSize: 'PT15M'\n    metric: 'ActiveMessages'\n    `+
		`queues: take\(queueNames, 1\)\n    timeAggregation: 'Minimum'`).MatchString(alerts) ||
		!strings.Contains(read(t, "cordon.bicep"), "queueNames: [alertQueue, noticeQueue]") {
		t.Error("no alert looks for messages that wait in the queue of alerts")
	}
	for _, list := range regexp.MustCompile(`\bName (?:==|in) \(?('[^)\n]+')`).FindAllStringSubmatch(alerts, -1) {
		for _, name := range regexp.MustCompile(`'(\w+)'`).FindAllStringSubmatch(list[1], -1) {
			if _, err := os.Stat(filepath.Join("../functions", name[1], "function.json")); err != nil {
				t.Errorf("an alert watches %s: %v", name[1], err)
			}
		}
	}
}

// TestTheCostsCountTheAlerts holds the table of costs against the rules, and its sum against its lines.
func TestTheCostsCountTheAlerts(t *testing.T) {
	t.Parallel()
	alerts, page := read(t, "alerts.bicep"), read(t, "../docs/operations.md")
	rules := len(regexp.MustCompile(`query: (format\(\s*)?'''`).FindAllString(alerts, -1))
	if line := fmt.Sprintf("| %d rules | 1.50 a rule | %.2f |", rules,
		float64(rules)*1.5); !strings.Contains(page, line) {
		t.Errorf("docs/operations.md lacks %q", line)
	}
	_, table, _ := strings.Cut(page, "## What it costs")
	var lines []string
	sum, memory, small := 0.0, 0.0, 0.0
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \|.*\| (?:[\d,]+ × [\d.]+ = )?(\d+\.\d\d) \|$`).FindAllStringSubmatch(table, -1) {
		value, err := strconv.ParseFloat(row[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasPrefix(row[1], "one warm responder"): // not in the sum
			continue
		case row[1] == "the same at 512 MB": // instead of the line before
			small = value
			continue
		case strings.HasPrefix(row[1], "their memory"):
			memory = value
		}
		lines, sum = append(lines, row[2]), sum+value
	}
	if total := fmt.Sprintf("%s = **%.2f**, or **%.2f**", strings.Join(lines, " + "), sum,
		sum-memory+small); !strings.Contains(table, total) {
		t.Errorf("docs/operations.md lacks %q", total)
	}
}
