package funchost

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// function is one folder with a function.json. Exactly one of http, timer and queue is set.
type function struct {
	name     string
	disabled bool
	// binding is the trigger's name: the key of its value in Data.
	binding string
	http    *httpTrigger
	timer   *timerTrigger
	queue   *queueTrigger
}

type httpTrigger struct {
	level   authLevel
	methods []string
	route   route
	// output is the http output's binding name, "" without one.
	output string
	// forward says that requests go to the handler as they came.
	forward bool
}

type timerTrigger struct {
	schedule     schedule
	useMonitor   bool
	runOnStartup bool
}

type queueTrigger struct {
	queue     string
	namespace string
	binary    bool
}

type bindingJSON struct {
	Type         string   `json:"type"`
	Direction    string   `json:"direction"`
	Name         string   `json:"name"`
	AuthLevel    string   `json:"authLevel"`
	Methods      []string `json:"methods"`
	Route        *string  `json:"route"`
	Schedule     string   `json:"schedule"`
	UseMonitor   *bool    `json:"useMonitor"`
	RunOnStartup bool     `json:"runOnStartup"`

	QueueName            string `json:"queueName"`
	TopicName            string `json:"topicName"`
	Connection           string `json:"connection"`
	DataType             string `json:"dataType"`
	Cardinality          string `json:"cardinality"`
	IsSessionsEnabled    bool   `json:"isSessionsEnabled"`
	AutoCompleteMessages *bool  `json:"autoCompleteMessages"`
}

// functionJSON is what the host reads of a function.json. A "disabled" in it counts for nothing: only app settings do.
type functionJSON struct {
	ScriptFile string         `json:"scriptFile"`
	Retry      map[string]any `json:"retry"`
	Bindings   []bindingJSON  `json:"bindings"`
}

// functionName is the host's rule for folder names.
const functionName = `^[A-Za-z][A-Za-z0-9_-]{0,127}$`

// indexingError is what the host meets with an error in its log: the function alone is off, and all else runs.
type indexingError struct{ error }

func (e indexingError) Unwrap() error { return e.error }

// readFunctions reads every direct sub-folder of root that holds a function.json, by name. off are those that are left
// out, by name and why.
func readFunctions(root string, settings map[string]string,
	host hostConfig) (out []*function, off map[string]error, err error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, nil, err
	}
	valid := regexp.MustCompile(functionName)
	off = make(map[string]error)
	for _, entry := range entries {
		path := filepath.Join(root, entry.Name(), "function.json")
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || !entry.IsDir() {
			continue
		}
		if !valid.MatchString(entry.Name()) || strings.EqualFold(entry.Name(), "host") {
			return nil, nil,
				fmt.Errorf("%s: %q cannot be a function's name; it must match %s and not be host", path, entry.Name(),
					functionName)
		}
		fn, err := readFunction(path, entry.Name(), settings, host)
		switch {
		case errors.As(err, &indexingError{}):
			off[entry.Name()] = err
		case err != nil:
			return nil, nil, err
		default:
			out = append(out, fn)
		}
	}
	if len(out)+len(off) == 0 {
		return nil, nil, fmt.Errorf("%s holds no <Function>/function.json; stage the app first", root)
	}
	return out, off, checkRoutes(out)
}

func readFunction(path, name string, settings map[string]string, host hostConfig) (*function, error) {
	var file functionJSON
	if err := readJSON(path, &file); err != nil {
		return nil, indexingError{err}
	}
	fn, err := file.function(name, settings, host)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return fn, nil
}

func (f functionJSON) function(name string, settings map[string]string, host hostConfig) (*function, error) {
	if f.Retry != nil {
		return nil, fmt.Errorf("retry is not supported here; Service Bus redelivers by itself")
	}
	if f.ScriptFile != "" {
		return nil, fmt.Errorf("scriptFile %q has no meaning for a custom handler; remove it", f.ScriptFile)
	}
	trigger, output, err := f.split()
	if err != nil {
		return nil, err
	}
	fn := &function{name: name, disabled: disabled(settings, name), binding: trigger.Name}
	switch strings.ToLower(trigger.Type) {
	case "httptrigger":
		fn.http, err = trigger.httpTrigger(name, output, host)
	case "timertrigger":
		fn.timer, err = trigger.timerTrigger(settings)
	case "servicebustrigger":
		fn.queue, err = trigger.queueTrigger(settings)
	default:
		err = fmt.Errorf("trigger type %q is not supported here; httpTrigger, timerTrigger and serviceBusTrigger are",
			trigger.Type)
	}
	if err == nil && output != "" && fn.http == nil {
		err = fmt.Errorf("an http output needs an httpTrigger")
	}
	return fn, err
}

// split finds the one trigger and the http output, "" without one, and refuses all other bindings.
func (f functionJSON) split() (trigger bindingJSON, output string, err error) {
	triggers := 0
	for i, b := range f.Bindings {
		isTrigger := strings.HasSuffix(strings.ToLower(b.Type), "trigger")
		direction := strings.ToLower(b.Direction)
		switch {
		case b.Name == "":
			return trigger, "", fmt.Errorf("binding %d (%s) has no name", i, b.Type)
		case isTrigger && direction != "in":
			return trigger, "",
				fmt.Errorf("binding %s: direction of a trigger is %q; it must be in", b.Name, b.Direction)
		case isTrigger:
			trigger = b
			triggers++
		case strings.EqualFold(b.Type, "http") && direction == "out" && output == "":
			output = b.Name
		default:
			return trigger, "",
				fmt.Errorf("binding %s: type %q, direction %q is not supported here; besides the trigger only one "+
					"http output is", b.Name, b.Type, b.Direction)
		}
	}
	if triggers != 1 {
		return trigger, "", fmt.Errorf("there are %d triggers; a function has exactly one", triggers)
	}
	return trigger, output, nil
}

func (b bindingJSON) httpTrigger(name, output string, host hostConfig) (*httpTrigger, error) {
	level, err := parseAuthLevel(b.AuthLevel)
	if err != nil {
		return nil, err
	}
	template := name
	if b.Route != nil {
		template = *b.Route
	}
	r, err := parseRoute(strings.Trim(host.routePrefix+"/"+strings.Trim(template, "/"), "/"))
	if err != nil {
		return nil, fmt.Errorf("route %q: %w", template, err)
	}
	methods := make([]string, len(b.Methods))
	for i, m := range b.Methods {
		methods[i] = strings.ToUpper(m)
	}
	return &httpTrigger{
		level:   level,
		methods: methods,
		route:   r,
		output:  output,
		forward: host.forward && output != "",
	}, nil
}

func (t httpTrigger) allows(method string) bool {
	return len(t.methods) == 0 || slices.Contains(t.methods, method)
}

func (b bindingJSON) timerTrigger(settings map[string]string) (*timerTrigger, error) {
	text, err := resolve(settings, "schedule", b.Schedule)
	if err != nil {
		return nil, indexingError{err}
	}
	s, err := parseSchedule(text)
	if err != nil {
		return nil, err
	}
	return &timerTrigger{schedule: s, useMonitor: b.UseMonitor == nil || *b.UseMonitor, runOnStartup: b.RunOnStartup},
		nil
}

func (b bindingJSON) queueTrigger(settings map[string]string) (*queueTrigger, error) {
	switch {
	case b.TopicName != "":
		return nil, fmt.Errorf("topicName %q: topics are not supported here, queues are", b.TopicName)
	case b.QueueName == "":
		return nil, fmt.Errorf("queueName is empty")
	case strings.EqualFold(b.Cardinality, "many"):
		return nil, fmt.Errorf("cardinality many is not supported here; the host does not renew the locks of a batch")
	case b.Cardinality != "" && !strings.EqualFold(b.Cardinality, "one"):
		return nil, fmt.Errorf("cardinality is %q; it must be one", b.Cardinality)
	case b.IsSessionsEnabled:
		return nil, fmt.Errorf("isSessionsEnabled is not supported here")
	case b.AutoCompleteMessages != nil && !*b.AutoCompleteMessages:
		return nil,
			fmt.Errorf("autoCompleteMessages is false; a custom handler cannot settle, every message would come again")
	}
	if t := strings.ToLower(b.DataType); t != "" && t != "string" && t != "binary" {
		return nil, fmt.Errorf("dataType is %q; it must be string or binary", b.DataType)
	}
	queue, err := resolve(settings, "queueName", b.QueueName)
	if err != nil {
		return nil, indexingError{err}
	}
	namespace, err := connection(settings, b.Connection)
	if err != nil {
		return nil, indexingError{err}
	}
	return &queueTrigger{queue: queue, namespace: namespace, binary: strings.EqualFold(b.DataType, "binary")}, nil
}

// connection finds the namespace behind a connection name: a connection string under exactly that name wins over the
// <name>__fullyQualifiedNamespace of an identity connection.
func connection(settings map[string]string, name string) (namespace string, err error) {
	if name == "" {
		name = "AzureWebJobsServiceBus"
	}
	text, ok := settings[name]
	if !ok {
		if ns := settings[name+"__fullyQualifiedNamespace"]; ns != "" {
			return ns, nil
		}
		return "",
			fmt.Errorf("connection %q: neither app setting %s nor %s__fullyQualifiedNamespace is set", name, name, name)
	}
	for part := range strings.SplitSeq(text, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if !strings.EqualFold(key, "Endpoint") {
			continue
		}
		if _, host, found := strings.Cut(value, "://"); found {
			return strings.Trim(host, "/"), nil
		}
	}
	return "", fmt.Errorf("app setting %s is not a Service Bus connection string: it has no Endpoint", name)
}
