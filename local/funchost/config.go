package funchost

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// hostConfig is host.json with settings resolved and defaults filled in.
type hostConfig struct {
	executable  string
	args        []string
	dir         string
	forward     bool
	initTimeout time.Duration
	// functionTimeout is 0 for none.
	functionTimeout    time.Duration
	routePrefix        string
	maxConcurrentCalls int
	maxRenewal         time.Duration
	// maxBody is the largest request body, in bytes.
	maxBody int64
	answers answerHeaders
}

type hostJSON struct {
	Version         string `json:"version"`
	FunctionTimeout string `json:"functionTimeout"`
	CustomHandler   *struct {
		Description struct {
			DefaultExecutablePath string   `json:"defaultExecutablePath"`
			WorkingDirectory      string   `json:"workingDirectory"`
			Arguments             []string `json:"arguments"`
		} `json:"description"`
		EnableForwardingHTTPRequest bool   `json:"enableForwardingHttpRequest"`
		EnableProxyingHTTPRequest   bool   `json:"enableProxyingHttpRequest"`
		InitializationTimeout       string `json:"initializationTimeout"`
	} `json:"customHandler"`
	Extensions struct {
		HTTP struct {
			RoutePrefix   *string           `json:"routePrefix"`
			CustomHeaders map[string]string `json:"customHeaders"`
			HSTS          hstsJSON          `json:"hsts"`
		} `json:"http"`
		ServiceBus struct {
			AutoCompleteMessages       *bool  `json:"autoCompleteMessages"`
			MaxConcurrentCalls         *int   `json:"maxConcurrentCalls"`
			MaxAutoLockRenewalDuration string `json:"maxAutoLockRenewalDuration"`
		} `json:"serviceBus"`
	} `json:"extensions"`
}

// Defaults of a one-core Flex Consumption instance ("host.json reference for Azure Functions 2.x and later").
const (
	defaultFunctionTimeout = 30 * time.Minute
	defaultInitTimeout     = 30 * time.Second
	defaultMaxRenewal      = 5 * time.Minute
	defaultConcurrentCalls = 16
	defaultMaxBody         = 104_857_600
)

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func readHostConfig(root string, settings map[string]string) (hostConfig, error) {
	path := filepath.Join(root, "host.json")
	var file hostJSON
	if err := readJSON(path, &file); err != nil {
		return hostConfig{}, err
	}
	c, err := file.config(root, settings)
	if err != nil {
		return hostConfig{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (f hostJSON) config(root string, settings map[string]string) (hostConfig, error) {
	c := hostConfig{routePrefix: "api", maxConcurrentCalls: defaultConcurrentCalls, maxBody: bodyLimit(settings)}
	switch {
	case f.Version != "2.0":
		return c, fmt.Errorf(`version is %q; runtime v4 wants "2.0"`, f.Version)
	case f.CustomHandler == nil:
		return c, fmt.Errorf("customHandler is missing; it names the binary to start")
	case f.CustomHandler.EnableProxyingHTTPRequest:
		return c,
			fmt.Errorf("customHandler.enableProxyingHttpRequest is not supported here; use enableForwardingHttpRequest")
	}
	c.forward = f.CustomHandler.EnableForwardingHTTPRequest
	var err error
	if err = c.setTimes(f); err != nil {
		return c, err
	}
	if c.answers, err = newAnswerHeaders(f.Extensions.HTTP.CustomHeaders, f.Extensions.HTTP.HSTS); err != nil {
		return c, err
	}
	if p := f.Extensions.HTTP.RoutePrefix; p != nil {
		c.routePrefix = strings.Trim(*p, "/")
	}
	sb := f.Extensions.ServiceBus
	if sb.AutoCompleteMessages != nil && !*sb.AutoCompleteMessages {
		return c,
			fmt.Errorf("extensions.serviceBus.autoCompleteMessages is false; a custom handler cannot settle, every " +
				"message would come again")
	}
	if sb.MaxConcurrentCalls != nil {
		if c.maxConcurrentCalls = *sb.MaxConcurrentCalls; c.maxConcurrentCalls < 1 {
			return c,
				fmt.Errorf("extensions.serviceBus.maxConcurrentCalls is %d; it must be at least 1",
					c.maxConcurrentCalls)
		}
	}
	d := f.CustomHandler.Description
	c.args = strings.Fields(expand(settings, strings.Join(d.Arguments, " ")))
	c.dir = root
	if d.WorkingDirectory != "" {
		c.dir = within(root, d.WorkingDirectory)
	}
	c.executable, err = findExecutable(root, expand(settings, d.DefaultExecutablePath))
	return c, err
}

// bodyLimit is the largest body that the host takes. A limit that is no number is none
// (HttpRequestBodySizeMiddleware.cs).
func bodyLimit(settings map[string]string) int64 {
	limit, err := strconv.ParseInt(strings.TrimSpace(settings["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"]), 10, 64)
	if err != nil {
		return defaultMaxBody
	}
	return limit
}

func (c *hostConfig) setTimes(f hostJSON) error {
	for _, t := range []struct {
		name, text string
		into       *time.Duration
		otherwise  time.Duration
	}{
		{"functionTimeout", f.FunctionTimeout, &c.functionTimeout, defaultFunctionTimeout},
		{
			"customHandler.initializationTimeout", f.CustomHandler.InitializationTimeout, &c.initTimeout,
			defaultInitTimeout,
		},
		{
			"extensions.serviceBus.maxAutoLockRenewalDuration", f.Extensions.ServiceBus.MaxAutoLockRenewalDuration,
			&c.maxRenewal, defaultMaxRenewal,
		},
	} {
		if *t.into = t.otherwise; t.text == "" {
			continue
		}
		if t.name == "functionTimeout" && t.text == "-1" {
			*t.into = 0
			continue
		}
		d, err := parseTimeSpan(t.text)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		if d == 0 && t.into != &c.maxRenewal {
			return fmt.Errorf("%s is %q; it must be longer than zero", t.name, t.text)
		}
		*t.into = d
	}
	return nil
}

// findExecutable looks in the app root first, then on PATH. Whether what it names can be run is found out at the start.
func findExecutable(root, name string) (string, error) {
	const key = "customHandler.description.defaultExecutablePath"
	if name == "" {
		return "", fmt.Errorf("%s is empty", key)
	}
	path := within(root, name)
	if _, err := os.Stat(path); err != nil && !strings.ContainsRune(name, filepath.Separator) {
		return name, nil
	}
	return path, nil
}

func within(root, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root, path)
}
