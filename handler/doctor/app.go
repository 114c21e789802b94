package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/handler/incoming"
)

// App is the folder that the Functions host reads.
type App struct {
	Files fs.FS
	Where string // for people
	// Getenv gives app settings; what function.json names as %NAME% has no default in the host.
	Getenv func(name string) string
	// Deadline is when the handler ends an invocation by itself; the host has to wait longer.
	Deadline time.Duration
}

// hostJSON is what of host.json the handler depends on ("host.json reference for Azure Functions 2.x and later").
type hostJSON struct {
	Version       string `json:"version"`
	CustomHandler struct {
		Description struct {
			Executable string `json:"defaultExecutablePath"`
		} `json:"description"`
		Forward bool `json:"enableForwardingHttpRequest"`
	} `json:"customHandler"`
	FunctionTimeout string `json:"functionTimeout"`
	Extensions      struct {
		HTTP struct {
			RoutePrefix *string `json:"routePrefix"`
		} `json:"http"`
		ServiceBus struct {
			AutoComplete *bool  `json:"autoCompleteMessages"`
			Renewal      string `json:"maxAutoLockRenewalDuration"`
		} `json:"serviceBus"`
	} `json:"extensions"`
}

// binding is what of function.json the handler depends on.
type binding struct {
	Type       string `json:"type"`
	Schedule   string `json:"schedule"`
	Queue      string `json:"queueName"`
	Connection string `json:"connection"`
	DataType   string `json:"dataType"`
	Sessions   bool   `json:"isSessionsEnabled"`
	AuthLevel  string `json:"authLevel"`
}

// Folder are the checks of the app's files.
func Folder(a App) Area {
	return Area{
		{Name: "host.json", Run: func(context.Context) Finding { return a.host() }},
		{Name: "functions", Run: func(context.Context) Finding { return a.functions() }},
		{Name: "request size", Run: func(context.Context) Finding { return a.requestSize() }},
	}
}

// Bounds of the bodies that the host takes, in bytes: what a push may have, and what a small instance can bear several
// of.
const (
	bodySetting = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
	leastBody   = 256 << 10
	mostBody    = 1 << 20
)

// requestSize looks at how much the host takes in: it reads a body whole before anything of ours is asked, also of a
// caller without a key.
func (a App) requestSize() Finding {
	do := fmt.Sprintf("set %s to %d in the app settings", bodySetting, mostBody)
	given := a.Getenv(bodySetting)
	n, err := strconv.ParseInt(given, 10, 64)
	switch {
	case given == "":
		return warning(do, "%s is not set: anybody can send the host bodies of 100 MB, a few of which end the instance",
			bodySetting)
	case err != nil || n < 0:
		return warning(do, "%s is %q: expected a number of bytes", bodySetting, given)
	case n > mostBody:
		return warning(do, "%s is %d: anybody can send the host bodies of that size, which it reads whole", bodySetting,
			n)
	case n < leastBody:
		return warning(do, "%s is %d: pushes of up to %d bytes would be refused by the host", bodySetting, n, leastBody)
	}
	return ok("the host takes bodies of up to %d bytes", n)
}

// absent is a folder that does not hold the app.
func (a App) absent() Finding {
	return notSeen("run it where the app's files are, or set FUNCTIONS_APP_ROOT_PATH to their folder",
		"not looked at: there is no host.json in %s", a.Where)
}

func (a App) host() Finding {
	const do = "deploy the host.json that comes with Cordon, changed only where docs say so"
	body, err := incoming.FileIn(a.Files, "host.json")
	if errors.Is(err, fs.ErrNotExist) {
		return a.absent()
	}
	var h hostJSON
	if err == nil {
		err = json.Unmarshal(body, &h)
	}
	if err != nil {
		return failed(do, "cannot be read: %v", err)
	}
	wrong := h.wrong(a.Deadline)
	if len(wrong) > 0 {
		return failed(do, "%s", strings.Join(wrong, "\n"))
	}
	info, err := fs.Stat(a.Files, path.Clean(h.CustomHandler.Description.Executable))
	if err != nil || info.IsDir() {
		return failed("deploy the package of make package; a checkout has its app in dist/ after make build",
			"names the program %s, which is not in %s", h.CustomHandler.Description.Executable, a.Where)
	}
	return ok("fits the handler: functionTimeout %s, the handler ends after %s", h.FunctionTimeout, a.Deadline)
}

// wrong lists what the handler cannot live with.
func (h hostJSON) wrong(deadline time.Duration) []string {
	var wrong []string
	want := func(holds bool, format string, args ...any) {
		if !holds {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	prefix := "api" // the host's default
	if h.Extensions.HTTP.RoutePrefix != nil {
		prefix = *h.Extensions.HTTP.RoutePrefix
	}
	want(h.Version == "2.0", "version is %q: expected 2.0", h.Version)
	want(h.CustomHandler.Description.Executable != "", "customHandler names no defaultExecutablePath: expected cordon")
	want(h.CustomHandler.Forward, "enableForwardingHttpRequest is off: HTTP functions would not be answered")
	want(prefix == "api", "routePrefix is %q: expected api, or somebody outside may reach the handler's own routes",
		prefix)
	want(h.Extensions.ServiceBus.AutoComplete == nil || *h.Extensions.ServiceBus.AutoComplete,
		"autoCompleteMessages is off: every message would come again")
	timeout, err := span(h.FunctionTimeout)
	want(err == nil, "functionTimeout is %q: expected hh:mm:ss, above %s", h.FunctionTimeout, deadline)
	want(err != nil || timeout > deadline,
		"functionTimeout is %s, not above the handler's own %s: "+
			"the host would end the process in the middle of an answer",
		h.FunctionTimeout, deadline)
	renewal, err := span(cmp.Or(h.Extensions.ServiceBus.Renewal, "00:05:00"))
	// The host gives up on the handler a minute after functionTimeout.
	want(err == nil && renewal > timeout+time.Minute,
		"maxAutoLockRenewalDuration is %q, not above functionTimeout and a minute: "+
			"a message could come to a second one while the first still works",
		h.Extensions.ServiceBus.Renewal)
	return wrong
}

// span reads hh:mm:ss.
func span(text string) (time.Duration, error) {
	var h, m, s int
	n, err := fmt.Sscanf(text, "%d:%d:%d", &h, &m, &s)
	if n != 3 || err != nil || h < 0 || m < 0 || s < 0 {
		return 0, fmt.Errorf("%q is no hh:mm:ss", text)
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second, nil
}

// needed are the functions without which an alert is not answered, and what triggers them.
func needed() map[string]string {
	return map[string]string{
		"PollAlerts":     "timerTrigger",
		"FollowActions":  "timerTrigger",
		"RunHunts":       "timerTrigger",
		"RespondToAlert": "serviceBusTrigger",
		"SendNotice":     "serviceBusTrigger",
		"Health":         "httpTrigger",
	}
}

func (a App) functions() Finding {
	_, err := fs.Stat(a.Files, "host.json")
	if errors.Is(err, fs.ErrNotExist) {
		return a.absent()
	}
	files, err := fs.Glob(a.Files, "*/function.json")
	if err != nil {
		return failed("", "%v", err)
	}
	if len(files) == 0 {
		return failed("deploy the package of make package; a checkout has its app in dist/ after make build",
			"there is no function in %s", a.Where)
	}
	wrong, off, not := a.bindings(files)
	switch {
	case len(wrong) > 0:
		return failed("deploy the function.json files that come with Cordon, and set every app setting that they name",
			"%s", strings.Join(wrong, "\n"))
	case len(off) > 0:
		return warning("take the setting away when they should work again", "switched off: %s", strings.Join(off, ", "))
	case len(not) > 0:
		return warning("take it out; what switches a function off is the app setting AzureWebJobs_<function>_Disabled",
			"\"disabled\" in function.json does nothing, and these run: %s", strings.Join(not, ", "))
	}
	return ok("%d functions fit the handler, and every setting that they name is set", len(files))
}

// bindings reads every function.json: what is wrong, which functions a setting switches off, and which only their file,
// which the host does not ask.
func (a App) bindings(files []string) (wrong, off, not []string) {
	missing := needed()
	for _, file := range files {
		name := path.Dir(file)
		var f struct {
			Disabled bool      `json:"disabled"`
			Bindings []binding `json:"bindings"`
		}
		body, err := incoming.FileIn(a.Files, file)
		if err == nil {
			err = json.Unmarshal(body, &f)
		}
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s cannot be read: %v", file, err))
			continue
		}
		if a.isOff(name) {
			off = append(off, name)
		} else if f.Disabled {
			not = append(not, name)
		}
		for _, b := range f.Bindings {
			if b.Type == missing[name] {
				delete(missing, name)
			}
			wrong = append(wrong, b.wrong(name)...)
		}
		for _, match := range regexp.MustCompile(`%([^%"\s]+)%`).FindAllStringSubmatch(string(body), -1) {
			if a.Getenv(match[1]) == "" {
				wrong = append(wrong, fmt.Sprintf("%s names %%%s%%, which is not set: "+
					"the Functions host knows no default and does not start the function", name, match[1]))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		wrong = append(wrong, fmt.Sprintf("%s with a %s is missing", name, missing[name]))
	}
	return wrong, off, not
}

// isOff asks the two settings that switch a function off ("How to disable functions in Azure Functions").
func (a App) isOff(name string) bool {
	for _, setting := range []string{"AzureWebJobs." + name + ".Disabled", "AzureWebJobs_" + name + "_Disabled"} {
		value := a.Getenv(setting)
		if value == "1" || strings.EqualFold(value, "true") {
			return true
		}
	}
	return false
}

func (b binding) wrong(name string) []string {
	var wrong []string
	want := func(holds bool, format string, args ...any) {
		if !holds {
			wrong = append(wrong, name+": "+fmt.Sprintf(format, args...))
		}
	}
	switch b.Type {
	case "timerTrigger":
		want(b.Schedule != "", "schedule is not set")
	case "serviceBusTrigger":
		want(b.DataType == "binary",
			"dataType is %q: expected binary, or the sender of a message could forge what the host says of it",
			b.DataType)
		want(b.Connection == "ServiceBus", "connection is %q: expected ServiceBus", b.Connection)
		want(b.Queue != "", "queueName is not set")
		want(!b.Sessions, "isSessionsEnabled is on: the queues have no sessions")
	case "httpTrigger":
		// These find out by themselves who asks, or may be asked by anybody.
		open := slices.Contains([]string{"Console", "HealthSummary", "Operate", "SignIn"}, name)
		want(b.AuthLevel == "function" || open, "authLevel is %q: expected function", b.AuthLevel)
	}
	return wrong
}
