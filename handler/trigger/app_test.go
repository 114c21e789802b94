package trigger

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const root = "../../" // of the project

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// functionFolders is every functions/<name>/function.json, by name.
func functionFolders(t *testing.T) map[string][]map[string]any {
	t.Helper()
	paths, err := filepath.Glob(root + "functions/*/function.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]map[string]any{}
	for _, path := range paths {
		var f map[string][]map[string]any
		readJSON(t, path, &f)
		if len(f) != 1 {
			t.Errorf("%s has members besides bindings", path)
		}
		all[filepath.Base(filepath.Dir(path))] = f["bindings"]
	}
	return all
}

func TestFunctionFoldersDeclareWhatTheHandlerReads(t *testing.T) {
	t.Parallel()
	timer := func(schedule string) []map[string]any {
		return []map[string]any{{
			"type":         "timerTrigger",
			"direction":    "in",
			"name":         timerBinding,
			"schedule":     schedule,
			"useMonitor":   true,
			"runOnStartup": false,
		}}
	}
	queue := func(name string) []map[string]any {
		return []map[string]any{{
			"type":              "serviceBusTrigger",
			"direction":         "in",
			"name":              queueBinding,
			"queueName":         name,
			"connection":        "ServiceBus",
			"cardinality":       "one",
			"isSessionsEnabled": false,
			"dataType":          "binary",
		}}
	}
	// Who asks is found out behind these: a key is nobody's name.
	forPeople := func(route string) []map[string]any {
		return []map[string]any{
			{
				"type":      "httpTrigger",
				"direction": "in",
				"name":      "req",
				"authLevel": "anonymous",
				"methods":   []any{"get", "post"},
				"route":     route,
			},
			{"type": "http", "direction": "out", "name": "res"},
		}
	}
	want := map[string][]map[string]any{
		"PollAlerts":     timer("%CORDON_POLL_SCHEDULE%"),
		"FollowActions":  timer("%CORDON_FOLLOW_SCHEDULE%"),
		"RunHunts":       timer("%CORDON_HUNT_SCHEDULE%"),
		"RespondToAlert": queue("%CORDON_ALERT_QUEUE%"),
		"SendNotice":     queue("%CORDON_NOTICE_QUEUE%"),
		"ReceiveAlert": {
			{
				"type":      "httpTrigger",
				"direction": "in",
				"name":      "req",
				"authLevel": "function",
				"methods":   []any{"post"},
				"route":     "alerts",
			},
			{"type": "http", "direction": "out", "name": "res"},
		},
		"HealthSummary": {
			{
				"type":      "httpTrigger",
				"direction": "in",
				"name":      "req",
				"authLevel": "anonymous",
				"methods":   []any{"get"},
				"route":     "health/summary",
			},
			{"type": "http", "direction": "out", "name": "res"},
		},
		"Operate": forPeople("operator/{*path}"),
		"SignIn":  forPeople("signin/{*path}"),
		"Console": forPeople("console/{*path}"),
		"Health": {
			{
				"type":      "httpTrigger",
				"direction": "in",
				"name":      "req",
				"authLevel": "function",
				"methods":   []any{"get"},
				"route":     "health",
			},
			{"type": "http", "direction": "out", "name": "res"},
		},
	}
	if diff := cmp.Diff(want, functionFolders(t)); diff != "" {
		t.Errorf("functions/ (-want +got):\n%s", diff)
	}
}

// hostJSON is what of host.json the handler depends on.
type hostJSON struct {
	Version       string `json:"version"`
	CustomHandler struct {
		Description struct {
			DefaultExecutablePath string `json:"defaultExecutablePath"`
		} `json:"description"`
		EnableForwardingHTTPRequest bool `json:"enableForwardingHttpRequest"`
	} `json:"customHandler"`
	FunctionTimeout string `json:"functionTimeout"`
	Extensions      struct {
		HTTP struct {
			RoutePrefix string `json:"routePrefix"`
		} `json:"http"`
		ServiceBus map[string]any `json:"serviceBus"`
	} `json:"extensions"`
	Retry any `json:"retry"`
}

func TestRoutesAreTheFunctionsOfTheApp(t *testing.T) {
	t.Parallel()
	var host hostJSON
	readJSON(t, root+"host.json", &host)
	want := []string{"GET /"}
	for name, bindings := range functionFolders(t) {
		if bindings[0]["type"] == "httpTrigger" {
			open := slices.Contains([]string{"Console", "HealthSummary", "Operate", "SignIn"}, name)
			if (bindings[0]["authLevel"] == "anonymous") != open ||
				(!open && bindings[0]["authLevel"] != "function") {
				t.Errorf("%s has the level %v", name, bindings[0]["authLevel"])
			}
			for _, method := range bindings[0]["methods"].([]any) {
				at := strings.ToUpper(method.(string)) + " /" + host.Extensions.HTTP.RoutePrefix + "/"
				route, whole := strings.CutSuffix(bindings[0]["route"].(string), "/{*path}")
				want = append(want, at+route)
				if whole { // which may be empty
					want = append(want, at+route+"/*")
				}
			}
			continue
		}
		want = append(want, "POST /"+name)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, surface(t)); diff != "" {
		t.Errorf("routes (-functions and host.json +handler):\n%s", diff)
	}
}

func TestTheHostWaitsLongerThanTheHandlerAndTheLockLongerThanTheHost(t *testing.T) {
	t.Parallel()
	var host hostJSON
	readJSON(t, root+"host.json", &host)
	span := func(text string) time.Duration {
		at, err := time.Parse("15:04:05", text)
		if err != nil {
			t.Fatalf("%q is no hh:mm:ss", text)
		}
		return at.Sub(at.Truncate(24 * time.Hour))
	}
	renewal, _ := host.Extensions.ServiceBus["maxAutoLockRenewalDuration"].(string)
	// The host's client gives up one minute after functionTimeout.
	if timeout := span(host.FunctionTimeout); Deadline >= timeout || timeout+time.Minute >= span(renewal) {
		t.Errorf("deadline %v, functionTimeout %v, lock renewal %v", Deadline, timeout, renewal)
	}
}

func TestTheHostIsToldNothingThatTheHandlerContradicts(t *testing.T) {
	t.Parallel()
	var host hostJSON
	readJSON(t, root+"host.json", &host)
	if host.Version != "2.0" || host.CustomHandler.Description.DefaultExecutablePath != "cordon" ||
		!host.CustomHandler.EnableForwardingHTTPRequest {
		t.Errorf("customHandler is %+v", host.CustomHandler)
	}
	if host.Extensions.HTTP.RoutePrefix != "api" || host.Retry != nil {
		t.Errorf("prefix %q, retry %v", host.Extensions.HTTP.RoutePrefix, host.Retry)
	}
	want := map[string]any{
		"prefetchCount":              0.0,
		"autoCompleteMessages":       true,
		"maxAutoLockRenewalDuration": "00:12:00",
		"maxConcurrentCalls":         16.0,
	}
	if diff := cmp.Diff(want, host.Extensions.ServiceBus); diff != "" {
		t.Errorf("serviceBus (-want +got):\n%s", diff)
	}
}
