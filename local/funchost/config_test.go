package funchost

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStartRefusesABadAppAndSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	bindings := func(b string) map[string]string { return map[string]string{"F": `{"bindings":[` + b + `]}`} }
	queue := func(more string) map[string]string {
		return bindings(`{"type":"serviceBusTrigger","direction":"in","name":"m","queueName":"q",` +
			`"connection":"ServiceBus"` + more + `}`)
	}
	handler := func(more string) string {
		return `{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"handler"}` + more + `}}`
	}
	for name, test := range map[string]struct {
		host      string
		functions map[string]string
		change    func(*app, *Options)
		says      []string
	}{
		"no JSON":           {host: "{", says: []string{"host.json", "unexpected end"}},
		"old version":       {host: `{"version":"1.0"}`, says: []string{"host.json", `"1.0"`, `"2.0"`}},
		"no custom handler": {host: `{"version":"2.0"}`, says: []string{"customHandler is missing"}},
		"no executable": {
			host: `{"version":"2.0","customHandler":{}}`,
			says: []string{"defaultExecutablePath is empty"},
		},
		"proxying": {
			host: handler(`,"enableProxyingHttpRequest":true`),
			says: []string{"enableForwardingHttpRequest"},
		},
		"bad time span": {
			host: strings.Replace(plainHost, "00:05:00", "5m", 1),
			says: []string{"functionTimeout", `"5m"`, "hh:mm:ss"},
		},
		"no time at all": {
			host: strings.Replace(plainHost, "00:05:00", "00:00:00", 1),
			says: []string{"functionTimeout", "longer than zero"},
		},
		"no calls": {
			host: strings.Replace(plainHost, `Calls":2`, `Calls":0`, 1),
			says: []string{"maxConcurrentCalls is 0"},
		},
		"no auto-complete": {
			host: strings.Replace(plainHost, `"maxConcurrentCalls":2`, `"autoCompleteMessages":false`, 1),
			says: []string{"autoCompleteMessages"},
		},

		"no function": {functions: map[string]string{}, says: []string{"holds no <Function>/function.json"}},
		"bad name": {
			functions: map[string]string{"9lives": queueFunction},
			says:      []string{`"9lives"`, "cannot be a function's name"},
		},
		"reserved name": {functions: map[string]string{"Host": queueFunction}, says: []string{`"Host"`}},
		"no trigger":    {functions: bindings(``), says: []string{"F/function.json", "0 triggers"}},
		"two triggers": {
			functions: bindings(`{"type":"timerTrigger","direction":"in","name":"a"},{"type":"timerTrigger",` +
				`"direction":"in","name":"b"}`),
			says: []string{"2 triggers"},
		},
		"unknown trigger": {
			functions: bindings(`{"type":"blobTrigger","direction":"in","name":"b"}`),
			says:      []string{`"blobTrigger"`, "not supported"},
		},
		"nameless": {
			functions: bindings(`{"type":"timerTrigger","direction":"in"}`),
			says:      []string{"binding 0", "no name"},
		},
		"direction": {
			functions: bindings(`{"type":"timerTrigger","direction":"out","name":"t"}`),
			says:      []string{`"out"`, "must be in"},
		},
		"output binding": {
			functions: bindings(`{"type":"timerTrigger","direction":"in","name":"t"},{"type":"serviceBus",` +
				`"direction":"out","name":"o"}`),
			says: []string{"binding o", `"serviceBus"`, "not supported"},
		},
		"input binding": {
			functions: bindings(`{"type":"timerTrigger","direction":"in","name":"t"},{"type":"table",` +
				`"direction":"in","name":"i"}`),
			says: []string{"binding i"},
		},
		"http out of timer": {
			functions: bindings(`{"type":"timerTrigger","direction":"in","name":"t","schedule":"0 * * * * *"},` +
				`{"type":"http","direction":"out","name":"o"}`),
			says: []string{"needs an httpTrigger"},
		},
		"retry": {
			functions: map[string]string{"F": `{"retry":{},"bindings":[]}`},
			says:      []string{"retry is not supported"},
		},
		"script file": {
			functions: map[string]string{"F": `{"scriptFile":"x.py","bindings":[]}`},
			says:      []string{"scriptFile"},
		},
		"time span schedule": {
			functions: map[string]string{"F": timerFunction("00:05:00", "")},
			says:      []string{"TimeSpan", "six fields"},
		},
		"seven fields": {
			functions: map[string]string{"F": timerFunction("0 0 0 0 * * *", "")},
			says:      []string{"7 fields"},
		},
		"macro": {
			functions: map[string]string{"F": timerFunction("@hourly", "")},
			says:      []string{"@hourly"},
		},
		"impossible date": {
			functions: map[string]string{"F": timerFunction("0 0 0 31 2 *", "")},
			says:      []string{"never fires"},
		},
		"bad minute": {
			functions: map[string]string{"F": timerFunction("0 61 * * * *", "")},
			says:      []string{"61"},
		},
		"many":        {functions: queue(`,"cardinality":"many"`), says: []string{"cardinality many"}},
		"cardinality": {functions: queue(`,"cardinality":"few"`), says: []string{`"few"`}},
		"sessions":    {functions: queue(`,"isSessionsEnabled":true`), says: []string{"isSessionsEnabled"}},
		"topic":       {functions: queue(`,"topicName":"t"`), says: []string{"topics are not supported"}},
		"stream":      {functions: queue(`,"dataType":"stream"`), says: []string{`"stream"`}},
		"auto-complete off": {
			functions: queue(`,"autoCompleteMessages":false`),
			says:      []string{"autoCompleteMessages"},
		},
		"no queue": {
			functions: bindings(`{"type":"serviceBusTrigger","direction":"in","name":"m"}`),
			says:      []string{"queueName is empty"},
		},
		"auth level": {
			functions: map[string]string{"F": httpFunction("x", `,"authLevel":"user"`)},
			says:      []string{`"user"`},
		},
		"route": {functions: map[string]string{"F": httpFunction("{a}-{b}", "")}, says: []string{"{a}-{b}"}},
		"route constraint": {
			functions: map[string]string{"F": httpFunction("{a:max(3)}", "")},
			says:      []string{"max(3)"},
		},
		"catch-all inside": {
			functions: map[string]string{"F": httpFunction("{*a}/b", "")},
			says:      []string{"must be the last"},
		},
		"forgeable trigger": {
			host: strings.Replace(forwardHost, `"customHandler"`,
				`"extensions":{"http":{"routePrefix":""}},"customHandler"`, 1),
			functions: map[string]string{"Console": httpFunction("{*path}", ""), "RespondToAlert": queueFunction},
			says:      []string{"the route of Console also takes /", "routePrefix"},
		},
		"no broker": {
			change: func(_ *app, o *Options) { o.Broker = nil },
			says:   []string{"RespondToAlert", "Broker is nil"},
		},
		"unknown group": {
			change: func(_ *app, o *Options) { o.Instances = map[string]int{"http": 1} },
			says:   []string{`"http"`, "RespondToAlert"},
		},
		"no instances": {
			change: func(_ *app, o *Options) { o.Instances = map[string]int{"RespondToAlert": 0} },
			says:   []string{"at least 1"},
		},
		"no app root": {change: func(_ *app, o *Options) { o.AppRoot = "" }, says: []string{"AppRoot"}},
		"bad setting name": {
			change: func(a *app, _ *Options) { a.settings["A=B"] = "secret" },
			says:   []string{`"A=B"`},
		},
		"bad address": {
			change: func(_ *app, o *Options) { o.Addr = "127.0.0.1:none" },
			says:   []string{"HTTP front"},
		},
		"folder not an app": {change: func(_ *app, o *Options) { o.AppRoot = "testdata" }, says: []string{"host.json"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.host == "" {
				test.host = plainHost
			}
			if test.functions == nil {
				test.functions = map[string]string{"RespondToAlert": queueFunction}
			}
			a := newApp(t, test.host, test.functions)
			o := a.options()
			if test.change != nil {
				test.change(a, &o)
			}
			h, err := Start(context.Background(), o)
			if err == nil {
				h.Close()
				t.Fatal("the host started")
			}
			for _, part := range test.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not in: %v", part, err)
				}
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("a setting's value is in: %v", err)
			}
		})
	}
}

func TestAFunctionThatCannotBeIndexedIsOffAloneAndTheLogSaysWhy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ function, says string }{
		"schedule not set": {
			timerFunction("%CORDON_POLL_SCHEDULE%", ""), "app setting CORDON_POLL_SCHEDULE is not set",
		},
		"queue not set": {
			strings.Replace(queueFunction, `"alerts"`, `"%QUEUE%"`, 1), "app setting QUEUE is not set",
		},
		"lone percent": {timerFunction("%X", ""), "stands alone"},
		"connection not set": {
			strings.Replace(queueFunction, `"ServiceBus"`, `"Other"`, 1), "Other__fullyQualifiedNamespace",
		},
		"no connection": {strings.Replace(queueFunction, `"ServiceBus"`, `"Bad"`, 1), "app setting Bad is not"},
		"no JSON":       {"{", "unexpected end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, plainHost, map[string]string{"Off": test.function, "RespondToAlert": queueFunction})
			a.settings["Bad"] = "secret"
			h := a.start(func(o *Options) { o.Instances = map[string]int{"Off": 2} })
			text := a.logs.text()
			for _, part := range []string{"Error indexing method 'Functions.Off'", "Off/function.json", test.says} {
				if !strings.Contains(text, part) {
					t.Errorf("%q is not in the log: %s", part, text)
				}
			}
			if strings.Contains(text, "secret") || strings.Contains(text, "RespondToAlert") {
				t.Errorf("the log says too much: %s", text)
			}
			if err := h.Invoke(t.Context(), "Off", ""); err == nil || !strings.Contains(err.Error(), "is off") {
				t.Errorf("Invoke: %v", err)
			}
			if e := a.got(send(h,
				"POST /admin/functions/Off HTTP/1.1\nContent-Length: 12\n\n{\"input\":\"\"}")); e.status != 404 {
				t.Errorf("by hand: %+v", e)
			}
			a.broker.put("alerts", "m1")
			a.takes("/RespondToAlert")
			if got := receive(t, a.broker.settled, "settlement"); got != "complete m1" {
				t.Error(got)
			}
		})
	}
}

func TestHostJSONIsReadWithItsDefaults(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.settings["ARG"] = "two words"
	a.write("host.json", `{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"handler"}}}`)
	got, err := readHostConfig(a.root, a.settings)
	if err != nil {
		t.Fatal(err)
	}
	want := hostConfig{
		executable:         filepath.Join(a.root, "handler"),
		args:               []string{},
		dir:                a.root,
		initTimeout:        30 * time.Second,
		functionTimeout:    30 * time.Minute,
		routePrefix:        "api",
		maxConcurrentCalls: 16,
		maxRenewal:         5 * time.Minute,
		maxBody:            104_857_600,
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(hostConfig{}, answerHeaders{})); d != "" {
		t.Error(d)
	}
	a.write("host.json",
		`{"version":"2.0","functionTimeout":"-1","customHandler":{"description":{"defaultExecutablePath":"sh",
		"workingDirectory":"sub","arguments":["--x=%ARG%","%UNSET%"]},"enableForwardingHttpRequest":true,"initializationTimeout":"00:00:10"},
		"extensions":{"http":{"routePrefix":"/v1/","customHeaders":{"X-A":"b"},
			"hsts":{"isEnabled":true,"maxAge":"1.00:00:00","preload":true}},
			"serviceBus":{"maxConcurrentCalls":3,"maxAutoLockRenewalDuration":"00:00:00"}}}`)
	a.settings["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"] = "1048576"
	got, err = readHostConfig(a.root, a.settings)
	if err != nil {
		t.Fatal(err)
	}
	if got.executable != "sh" {
		t.Errorf("executable %s", got.executable)
	}
	got.executable = ""
	want = hostConfig{
		args:               []string{"--x=two", "words"},
		dir:                filepath.Join(a.root, "sub"),
		forward:            true,
		initTimeout:        10 * time.Second,
		routePrefix:        "v1",
		maxConcurrentCalls: 3,
		maxBody:            1_048_576,
		answers: answerHeaders{
			custom: map[string]string{"X-A": "b"},
			hsts:   "max-age=86400; preload",
			plain:  []string{"localhost", "127.0.0.1", "[::1]"},
		},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(hostConfig{}, answerHeaders{})); d != "" {
		t.Error(d)
	}
}

func TestALimitOfBodiesThatIsNoNumberIsNone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"": 104_857_600, "1 MB": 104_857_600, " 1048576 ": 1_048_576} {
		if got := bodyLimit(map[string]string{"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": text}); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestFoldersWithoutFunctionJSONAreNoFunctions(t *testing.T) {
	t.Parallel()
	a := responder(t)
	if err := os.MkdirAll(filepath.Join(a.root, "hunts"), 0o755); err != nil {
		t.Fatal(err)
	}
	fns, _, err := readFunctions(a.root, a.settings, hostConfig{})
	if err != nil || len(fns) != 1 {
		t.Errorf("%d functions, %v", len(fns), err)
	}
}

func TestTimeSpansAreDotNets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"00:05:00": 5 * time.Minute, "01:02": time.Hour + 2*time.Minute, "1.00:00:01": 24*time.Hour + time.Second,
		"00:00:00.5": 500 * time.Millisecond, "10": 240 * time.Hour,
	} {
		if got, err := parseTimeSpan(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "5m", "24:00:00", "00:60:00", "00:00:60", "-00:01:00", "1:2:3:4", "a.00:00", "00:00:1e1", "x",
	} {
		if got, err := parseTimeSpan(text); err == nil {
			t.Errorf("%q was read as %s", text, got)
		}
	}
}

func TestSchedulesFireAsNCRONTABSays(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 3, 2, 10, 2, 30, 0, time.UTC) // a Monday
	for text, want := range map[string]string{
		"0 */5 * * * *":     "2026-03-02T10:05:00Z",
		"*/5 * * * *":       "2026-03-02T10:05:00Z",
		"30 2 10 * * *":     "2026-03-03T10:02:30Z",
		"0 0 9 * * MON-FRI": "2026-03-03T09:00:00Z",
		"0 0 0 13 * 5":      "2026-03-13T00:00:00Z",
		"0 0 0 13 * 1":      "2026-04-13T00:00:00Z", // day and weekday both must match
	} {
		s, err := parseSchedule(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := s.next(from.In(time.FixedZone("x", 3600))).Format(time.RFC3339); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestConnectionsNameTheirNamespace(t *testing.T) {
	t.Parallel()
	settings := map[string]string{
		"Both": "SharedAccessKey=a;Endpoint=sb://ns.example/;X=y", "Both__fullyQualifiedNamespace": "other.example",
		"Identity__fullyQualifiedNamespace": "id.example", "AzureWebJobsServiceBus": "endpoint=sb://default.example",
	}
	for name, want := range map[string]string{"Both": "ns.example", "Identity": "id.example", "": "default.example"} {
		if got, err := connection(settings, name); err != nil || got != want {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}

func TestTheMostPreciseRouteWins(t *testing.T) {
	t.Parallel()
	var fns []*function
	for _, template := range []string{
		"api/{*rest}", "api/{id}", "api/{id:int}", "api/fixed", "api/x/{flag:bool}", "api/o/{name?}",
	} {
		r, err := parseRoute(template)
		if err != nil {
			t.Fatal(err)
		}
		fns = append(fns, &function{name: template, http: &httpTrigger{route: r}})
	}
	h := &Host{fns: fns}
	for path, want := range map[string]string{
		"api/fixed":       "api/fixed map[]",
		"api/12":          "api/{id:int} map[id:12]",
		"api/99999999999": "api/{id} map[id:99999999999]",
		"api/a/b/c":       "api/{*rest} map[rest:a/b/c]",
		"api/x/TRUE":      "api/x/{flag:bool} map[flag:TRUE]",
		"api/x/1":         "api/{*rest} map[rest:x/1]",
		"api/o":           "api/o/{name?} map[]",
		"api/o/n":         "api/o/{name?} map[name:n]",
		"api":             "api/{*rest} map[rest:]",
	} {
		fn, params := h.match("GET", strings.Split(path, "/"))
		if got := fn.name + " " + strings.ReplaceAll(fmt.Sprint(params), "\n", ""); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func FuzzTheAnswerIsAlwaysJudged(f *testing.F) {
	f.Add(`{"Outputs":{"res":{"statusCode":"200","body":[1]}},"ReturnValue":{}}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, body string) {
		a := answer{status: 200, header: jsonReply("").Header, body: []byte(body)}
		if err := a.interpret(); err != nil {
			return
		}
		for _, name := range []string{"res", "$return"} {
			if out, err := a.httpOutput(name); err == nil && (out.status < 200 || out.status > 599) {
				t.Errorf("status %d", out.status)
			}
		}
	})
}
