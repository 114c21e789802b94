package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// upper are the command line and the wiring, each with those of them that it may import. They alone may know clients
// and services at once, so they may import everything in allowed.
var upper = map[string][]string{
	"": {"cli"}, // main
	"cli": {"app", "cli/access", "cli/author", "cli/backtest", "cli/call", "cli/deadletters", "cli/inspect",
		"cli/mails", "cli/oncall", "cli/record", "cli/transfer", "cli/trial"},
	"cli/inspect":     {"app/checkup", "cli/call"},
	"cli/access":      {"cli/call", "cli/session"},
	"cli/deadletters": {"cli/call"},
	"cli/author":      {"app/health", "app/setup", "cli/call", "cli/cases", "cli/facts"},
	"cli/trial": {"app/setup", "cli/call", "cli/cases", "cli/cases/anonymous", "cli/cases/fromrun",
		"cli/cases/report"},
	"cli/oncall":          {"cli/call", "cli/record"},
	"cli/mails":           {"cli/call"},
	"cli/record":          {"cli/call"},
	"cli/transfer":        {"app/setup", "cli/call"},
	"cli/backtest":        {"app/setup", "cli/call"},
	"cli/session":         {"app/setup"},
	"cli/cases":           {"app/setup", "cli/cases/standing"},
	"cli/cases/report":    {"cli/cases"},
	"cli/cases/standing":  {},
	"cli/cases/anonymous": {},
	"cli/cases/fromrun":   {},
	"cli/facts":           {},
	"cli/call":            {"app/setup", "cli/session"},

	"app":         {"app/checkup", "app/health", "app/setup"},
	"app/health":  {},
	"app/checkup": {"app/setup"},
	"app/setup":   {},
}

// allowed says which of our packages each other package under handler/ may import outside its tests. The order is the
// flow: trigger, services, decide and record, domain; clients stand beside it and know the domain only.
var allowed = map[string][]string{
	"alert":   {"incoming"},
	"machine": {},
	"logging": {"incoming"},

	"outgoing":              {}, // how anything is written as JSON
	"outgoing/outgoingtest": {"incoming", "outgoing"},
	"incoming":              {}, // how anything that others wrote is made to fit
	"schedule":              {},
	"isolation":             {}, // the words for it
	"playbook": {
		"alert",
		"machine",
		"playbook/condition",
		"playbook/condition/syntax",
		"playbook/facts",
		"playbook/spelling",
		"playbook/templates",
	},
	"playbook/permissions":         {"alert", "machine", "playbook"},
	"playbook/spelling":            {"incoming"},
	"playbook/facts":               {"alert", "machine", "playbook/spelling"},
	"playbook/templates":           {"alert", "machine", "playbook/spelling"},
	"playbook/condition/syntax":    {"playbook/facts"},
	"playbook/condition/functions": {"alert", "playbook/condition/syntax", "playbook/facts", "playbook/spelling"},
	"playbook/condition/doubt":     {"playbook/condition/syntax", "playbook/facts", "playbook/spelling"},
	"playbook/condition": {"playbook/condition/doubt", "playbook/condition/functions", "playbook/condition/syntax",
		"playbook/facts", "playbook/spelling"},
	"playbook/read/source": {"playbook/spelling"},
	"playbook/read/language": {"alert", "machine", "outgoing", "playbook", "playbook/condition", "playbook/facts",
		"playbook/permissions", "playbook/read/source", "playbook/templates"},
	"playbook/read": {"alert", "incoming", "machine", "playbook", "playbook/condition", "playbook/facts",
		"playbook/read/language", "playbook/read/source", "playbook/templates"},
	"playbook/explain":  {"playbook", "playbook/condition", "playbook/condition/syntax"},
	"playbook/deployed": {"playbook", "playbook/condition", "playbook/explain"},
	"playbook/playbooktest": {
		"alert",
		"machine",
		"playbook",
		"playbook/facts",
		"playbook/read",
		"playbook/read/source",
	},

	"decided": {"alert", "incoming", "machine", "playbook", "playbook/condition"},
	"backtest": {
		"alert", "decided", "incoming", "machine", "playbook", "playbook/condition",
		"playbook/condition/syntax", "playbook/facts",
	},
	"archive": {
		"alert", "decided", "ledger/decisions", "ledger/rows", "ledger/runs", "outgoing",
		"playbook",
	},

	"desk/erasure": {
		"alert", "desk", "ledger/decisions", "ledger/findings", "ledger/lists", "ledger/rows", "ledger/runs",
	},
	"tally": {"ledger/lists", "ledger/switches", "ledger/tallies", "schedule"},
	"history": {
		"alert", "archive", "decided", "desk", "ledger/backlog", "ledger/journal", "ledger/lists", "ledger/runs",
		"ledger/tallies", "mailbox", "notice", "playbook",
	},

	"ledger/rows":       {"outgoing"},
	"ledger/tallies":    {"ledger/rows"},
	"ledger/decisions":  {"alert", "ledger/rows"},
	"ledger/hunts":      {"ledger/rows"},
	"ledger/notices":    {"outgoing", "ledger/rows"},
	"ledger/switches":   {"ledger/rows"},
	"ledger/journal":    {"ledger/rows"},
	"ledger/sessions":   {"ledger/rows"},
	"ledger/budget":     {"alert", "ledger/rows"},
	"ledger/findings":   {"alert", "ledger/rows", "ledger/runs", "machine"},
	"ledger/held":       {"ledger/rows", "machine", "outgoing"},
	"ledger/latches":    {"ledger/rows", "machine", "outgoing"},
	"ledger/neighbours": {"alert", "ledger/rows"},
	"ledger/looks":      {"alert", "outgoing"},
	"ledger/backlog":    {"ledger/rows", "ledger/runs"},
	"ledger/lists":      {"alert", "ledger/rows"},
	"ledger/starts":     {"outgoing"},
	"ledger/runs": {
		"alert", "ledger/latches", "ledger/lists", "ledger/looks", "ledger/neighbours", "ledger/rows",
		"ledger/starts", "outgoing",
	},
	"ledger/trouble":  {"ledger/runs", "ledger/switches"},
	"ledger/transfer": {"ledger/rows", "ledger/switches", "outgoing"},
	"ledger": {
		"outgoing", "ledger/budget", "ledger/decisions", "ledger/findings", "ledger/held", "ledger/hunts",
		"ledger/journal", "ledger/latches", "ledger/lists", "ledger/neighbours", "ledger/notices", "ledger/rows", "ledger/runs",
		"ledger/sessions", "ledger/switches", "ledger/tallies", "ledger/trouble",
	},

	"console/layout": {"incoming", "ledger/journal", "notice/clock", "operate/wire"},
	"console/orders": {"alert", "operate", "operate/wire", "outgoing"},
	"console": {
		"alert", "console/layout", "console/orders", "isolation", "ledger/journal", "notice/clock", "operate",
		"operate/wire",
		"outgoing", "playbook", "signin",
	},

	"push": {"alert", "incoming"},
	"poll": {
		"alert", "machine", "ledger/latches", "ledger/looks", "ledger/rows", "ledger/runs", "ledger/switches",
		"logging", "notice", "outgoing", "schedule",
	},
	"sources":        {"alert", "ledger/looks", "ledger/runs", "machine"},
	"portal":         {"alert"},
	"notice/clock":   {},
	"notice/oneline": {},
	"notice/table":   {},
	"notice": {
		"alert", "isolation", "machine", "ledger/hunts", "ledger/notices", "logging", "notice/clock", "notice/oneline",
		"notice/table", "outgoing", "incoming", "portal",
	},
	"mailbox": {"incoming", "ledger/notices", "notice"},
	"hunt": {
		"alert", "machine", "ledger/findings", "ledger/hunts", "ledger/rows", "ledger/runs", "ledger/switches",
		"logging", "notice", "schedule", "incoming", "hunt/header", "hunt/kql",
	},
	"hunt/kql":      {},
	"hunt/header":   {"alert", "outgoing"},
	"deadletter":    {"alert", "ledger/notices", "ledger/runs", "notice"},
	"watch":         {"alert", "ledger/backlog", "ledger/looks", "ledger/runs", "ledger/switches", "logging", "notice"},
	"episode":       {"machine", "playbook", "ledger/latches", "ledger/runs", "notice"},
	"ending":        {"alert", "machine", "ledger/budget", "ledger/latches", "ledger/runs", "notice", "episode"},
	"desk/isolated": {"episode", "isolation", "ledger/latches", "machine"},
	"desk/episodes": {"alert", "episode", "ledger/latches"},
	"desk/shared":   {"desk", "machine"},
	"desk": {
		"desk/episodes",
		"desk/isolated",
		"isolation",
		"mailbox",
		"alert", "machine", "ledger/findings", "ledger/held", "ledger/journal", "ledger/latches", "ledger/looks",
		"ledger/runs", "ledger/switches", "notice", "playbook", "outgoing", "push", "episode",
	},
	"desk/post": {"alert", "desk", "ledger/notices", "mailbox", "notice"},
	"answer": {
		"alert", "machine", "outgoing", "playbook", "ledger/held", "ledger/latches", "ledger/runs", "notice",
		"episode",
	},
	"act": {
		"alert", "machine", "playbook", "ledger/budget", "ledger/latches", "ledger/rows", "ledger/runs",
		"ledger/switches", "notice", "episode", "ending", "answer", "act/change", "act/current",
	},
	"act/current": {"alert", "machine", "ledger/latches", "ledger/runs", "ledger/switches", "notice", "episode"},
	"act/change":  {"alert", "machine", "playbook", "ledger/looks", "ledger/runs", "notice", "answer"},
	"respond": {
		"alert", "archive", "decided", "machine", "logging", "playbook", "ledger/budget", "ledger/findings", "ledger/held",
		"ledger/latches", "ledger/neighbours", "ledger/runs", "ledger/starts", "ledger/switches", "ledger/trouble",
		"notice", "episode", "ending", "answer", "act", "watch",
	},
	"follow": {
		"alert", "machine", "outgoing", "schedule", "ledger/budget", "ledger/latches", "ledger/rows", "ledger/runs",
		"ledger/switches", "notice", "episode", "ending",
	},

	"defender":     {"alert", "machine", "incoming", "outgoing", "lenient"},
	"lenient":      {"incoming"},
	"queue":        {"alert", "machine"},
	"graph":        {"alert", "machine", "incoming", "outgoing"},
	"graph/alerts": {"alert", "machine", "outgoing", "graph", "lenient"},
	"mail":         {"alert", "incoming", "machine"},
	"entra":        {"alert", "machine", "incoming"},
	"httpretry":    {"alert", "machine"},

	"config":      {"mail", "schedule", "config/zone"},
	"config/zone": {"playbook/spelling"},
	"doctor":      {"incoming"},
	"terminal":    {"incoming", "outgoing"},
	"trigger":     {"logging", "outgoing"},

	"operate/wire":    {"decided", "desk/episodes", "doctor", "playbook/deployed"},
	"operate/openapi": {"operate/wire"},
	"operate": {
		"alert", "archive", "deadletter", "desk", "desk/erasure", "desk/post", "doctor", "history", "hunt", "incoming",
		"ledger/decisions", "ledger/hunts",
		"ledger/journal", "ledger/lists", "ledger/notices", "ledger/rows", "ledger/runs", "machine", "mailbox",
		"operate/wire", "playbook/explain",
	},
	"operate/web": {
		"incoming", "ledger/journal", "operate", "operate/openapi", "operate/wire", "outgoing", "signin",
	},
	"operate/client": {"httpretry", "incoming", "outgoing", "operate/wire"},
	"signin":         {"incoming", "logging", "operate/wire", "outgoing"},
	"signin/pages":   {"ledger/sessions", "logging", "operate/wire", "outgoing", "signin"},
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "cordon/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		checkImports(t, p.ImportPath, p.Imports)
	}
	if seen < len(upper)+len(allowed) {
		t.Errorf("only %d packages were listed", seen)
	}
}

func checkImports(t *testing.T, path string, imports []string) {
	name, inHandler := strings.CutPrefix(path+"/", "cordon/handler/")
	name = strings.TrimSuffix(name, "/")
	above, isUpper := upper[name]
	for _, imported := range imports {
		if !strings.HasPrefix(imported, "cordon/") {
			continue
		}
		other, isHandler := strings.CutPrefix(imported, "cordon/handler/")
		switch {
		case name == "internal/mortal", name == "internal/office", name == "internal/postal", name == "internal/world",
			name == "ledger/rows/rowstest":
			// What tests need. No package may import it, because none is allowed to.
		case strings.HasPrefix(path, "cordon/local") && strings.HasPrefix(imported, "cordon/handler"):
			t.Errorf("%s imports %s: a stand-in must not share code with what it tests", path, imported)
		case inHandler && !isHandler:
			t.Errorf("%s imports %s: nothing that is deployed may need a stand-in", path, imported)
		case !inHandler || !isHandler:
		case isUpper && (slices.Contains(above, other) || allowed[other] != nil && name != ""):
		case !isUpper && allowed[name] == nil:
			t.Errorf("package %s is not in the import rule", path)
		case isUpper || !slices.Contains(allowed[name], other):
			t.Errorf("%s imports %s against the flow", path, imported)
		}
	}
}
