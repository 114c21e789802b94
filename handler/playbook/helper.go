package playbook

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	_ "time/tzdata" // zones have to mean the same on every host, and a container may have none

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
)

// The bounds of what helpers look at.
const (
	maxPattern    = 200      // characters of a glob
	maxHelperText = 64 << 10 // bytes of the text that a glob is held against; longer ones give no answer
	maxVersion    = 200      // bytes
)

// Helper is a function that conditions can call besides those of the expression language.
type Helper struct {
	Name      string
	Signature string // as people write it
	Meaning   string
	Example   string // a whole condition
}

// Helpers are the functions that conditions can call, in the order in which they are best read. None reads a clock or
// depends on more than its arguments.
func Helpers() []Helper {
	return []Helper{
		{"glob", "glob(text, pattern, …)", "whether the whole text fits one of the patterns: `*` is any text, `?` one character, case does not matter", `glob(machine.computerDnsName, "KIOSK-*", "*-LAB*")`},
		{"inCIDR", "inCIDR(address, network, …)", "whether the IP address is in one of the networks; a text that is no address is in none", `inCIDR(machine.lastIpAddress, "10.20.0.0/16", "fd00:20::/32")`},
		{"compareVersion", "compareVersion(a, b)", "-1, 0 or 1: a is older than, the same as or newer than b, part by part; 1809 is older than 22H2. An empty version has no answer", `compareVersion(machine.version, "22H2") >= 0`},
		{"timeBetween", "timeBetween(time, from, to, zone)", "whether the time of day in the zone is at or after from and before to; from after to goes over midnight", `timeBetween(now, "18:00", "07:30", "Europe/Berlin")`},
		{"weekday", "weekday(time, zone)", "the day of the week in the zone, in English", `weekday(now, "Europe/Berlin") in ["Saturday", "Sunday"]`},
		{severityAtLeast, "severityAtLeast(alert, severity)", "whether the alert, or the hunt, is of this severity or a higher one: High, Medium, Low, Informational. UnSpecified is below all; one that is not known has no answer", `severityAtLeast(alert, "Medium")`},
	}
}

func helperNames() []string {
	var names []string
	for _, h := range Helpers() {
		names = append(names, h.Name)
	}
	return names
}

// helpers are the helper functions of one playbook, with the zones that its conditions name. Zones are looked up when the
// playbook is loaded, never when it decides.
type helpers struct{ zones map[string]*time.Location }

func newHelpers() *helpers { return &helpers{zones: map[string]*time.Location{}} }

func (h *helpers) options() []expr.Option {
	return []expr.Option{
		expr.Function("glob", func(p ...any) (any, error) { return globAny(texted(p)) }, new(func(string, string, ...string) bool)),
		expr.Function("inCIDR", func(p ...any) (any, error) { return inCIDR(texted(p)) }, new(func(string, string, ...string) bool)),
		expr.Function("compareVersion", func(p ...any) (any, error) { return compareVersion(texted(p)) }, new(func(string, string) int)),
		expr.Function("timeBetween", h.timeBetween, new(func(time.Time, string, string, string) bool)),
		expr.Function("weekday", h.weekday, new(func(time.Time, string) string)),
		severityOption(),
	}
}

// texted are arguments as texts; the checker has made sure that they are.
func texted(params []any) []string {
	list := make([]string, len(params))
	for i, p := range params {
		list[i], _ = p.(string)
	}
	return list
}

func globAny(args []string) (bool, error) {
	if len(args[0]) > maxHelperText {
		return false, fmt.Errorf("a text of %d bytes is too long for glob, the limit is %d", len(args[0]), maxHelperText)
	}
	for _, pattern := range args[1:] {
		if matchGlob(pattern, args[0]) {
			return true, nil
		}
	}
	return false, nil
}

func inCIDR(args []string) (bool, error) {
	address, err := netip.ParseAddr(strings.TrimSpace(args[0]))
	if err != nil {
		return false, nil
	}
	address = address.Unmap().WithZone("")
	for _, text := range args[1:] {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return false, fmt.Errorf("%s is no network", quoted(text))
		}
		if network.Contains(address) {
			return true, nil
		}
	}
	return false, nil
}

func compareVersion(args []string) (int, error) {
	var parts [2][]string
	for i, v := range args[:2] {
		v = strings.ToLower(strings.TrimSpace(v))
		switch {
		case v == "":
			return 0, errors.New("an empty version cannot be compared")
		case len(v) > maxVersion:
			return 0, fmt.Errorf("the version %s is too long", quoted(v))
		}
		parts[i] = versionParts(v)
	}
	a, b := parts[0], parts[1]
	for i := range max(len(a), len(b)) {
		if c := compareParts(part(a, i), part(b, i)); c != 0 {
			return c, nil
		}
	}
	return 0, nil
}

// versionParts cuts a version into runs of digits and of letters. A half-year name of Windows, such as 22H2, is read as
// the year and month that its predecessors had for a name: 1809, 1909, 2004, 20H2.
func versionParts(v string) []string {
	if len(v) == 4 && isDigits(v[:2]) && (v[2:] == "h1" || v[2:] == "h2") {
		return []string{v[:2] + map[string]string{"h1": "06", "h2": "12"}[v[2:]]}
	}
	var parts []string
	last := 0
	for _, r := range v {
		now := 0
		switch {
		case r >= '0' && r <= '9':
			now = 1
		case r >= 'a' && r <= 'z':
			now = 2
		}
		if now != 0 && now == last {
			parts[len(parts)-1] += string(r)
		} else if now != 0 {
			parts = append(parts, string(r))
		}
		last = now
	}
	return parts
}

// part is a version's part by its number; a version has a 0 where it has no part.
func part(parts []string, i int) string {
	if i < len(parts) {
		return parts[i]
	}
	return "0"
}

// compareParts compares numbers by value, words by the alphabet, and puts words before numbers: 1.0-rc is older than
// 1.0.
func compareParts(a, b string) int {
	aNumber, bNumber := isDigits(a), isDigits(b)
	switch {
	case aNumber && bNumber:
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		if len(a) != len(b) {
			return sign(len(a) - len(b))
		}
	case aNumber:
		return 1
	case bNumber:
		return -1
	}
	return strings.Compare(a, b)
}

func isDigits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func (h *helpers) timeBetween(p ...any) (any, error) {
	at, args := p[0].(time.Time), texted(p[1:])
	zone, known := h.zones[args[2]]
	from, fromErr := time.Parse(clock, args[0])
	to, toErr := time.Parse(clock, args[1])
	if !known || fromErr != nil || toErr != nil || at.IsZero() {
		return false, errors.New("the time of day is not known")
	}
	local := at.In(zone)
	day := time.Date(0, 1, 1, local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
	if from.Before(to) {
		return !day.Before(from) && day.Before(to), nil
	}
	return !day.Before(from) || day.Before(to), nil
}

func (h *helpers) weekday(p ...any) (any, error) {
	at, args := p[0].(time.Time), texted(p[1:])
	zone, known := h.zones[args[0]]
	if !known || at.IsZero() {
		return "", errors.New("the day of the week is not known")
	}
	return at.In(zone).Weekday().String(), nil
}

// clock is a time of day as playbooks write it.
const clock = "15:04"

// zone looks a zone up and keeps it. Local would be another one on every host.
func (h *helpers) zone(name string) bool {
	if name == "" || name == "Local" {
		return false
	}
	zone, err := time.LoadLocation(name)
	if err == nil {
		h.zones[name] = zone
	}
	return err == nil
}

// mistake checks what a call of a helper has written out; every argument but the first of each has to be.
func (h *helpers) mistake(name string, args []ast.Node) (at ast.Node, message, hint string) {
	if name == severityAtLeast {
		if at, message, hint := severityMistake(args); message != "" {
			return at, message, hint
		}
	}
	for i, arg := range args {
		if i == 0 || name == "compareVersion" {
			continue
		}
		text, ok := arg.(*ast.StringNode)
		if !ok {
			return arg, fmt.Sprintf("what %s() is given has to be written out", name), "only its first argument comes from the alert or the machine: " + example(name)
		}
		if message, hint := h.wrong(name, i, text.Value); message != "" {
			return arg, message, hint
		}
	}
	if from, to := written(args, 1), written(args, 2); name == "timeBetween" && from != "" && from == to {
		return args[2], fmt.Sprintf("from and to are both %s: that is no time of day or all of it", from), "leave the call out, or write another time"
	}
	return nil, "", ""
}

// wrong checks one written argument.
func (h *helpers) wrong(name string, i int, value string) (message, hint string) {
	switch {
	case name == "glob" && (value == "" || len([]rune(value)) > maxPattern):
		return fmt.Sprintf("a pattern has 1 to %d characters", maxPattern), `such as "KIOSK-*"`
	case name == "inCIDR":
		network, err := netip.ParsePrefix(value)
		if err != nil {
			return fmt.Sprintf("%q is no network", value), `such as "10.20.0.0/16" or "fd00::/8"; one address is "10.20.0.7/32"`
		}
		if network != network.Masked() {
			return fmt.Sprintf("%q has bits behind its prefix", value), "write " + network.Masked().String()
		}
	case name == "timeBetween" && i < 3:
		if _, err := time.Parse(clock, value); err != nil || len(value) != len(clock) {
			return fmt.Sprintf("%q is no time of day", value), `such as "07:30" or "18:00"; midnight is "00:00"`
		}
	case name == "timeBetween" || name == "weekday":
		if !h.zone(value) {
			return fmt.Sprintf("%q is no time zone", value), `a name of the IANA database, such as "Europe/Berlin" or "UTC"`
		}
	}
	return "", ""
}

func written(args []ast.Node, i int) string {
	if i < len(args) {
		if text, ok := args[i].(*ast.StringNode); ok {
			return text.Value
		}
	}
	return ""
}

func example(name string) string {
	for _, h := range Helpers() {
		if h.Name == name {
			return h.Example
		}
	}
	return ""
}

// helperHint is the way out of a call with the wrong arguments, whose message names the function.
func helperHint(message string) string {
	for _, h := range Helpers() {
		if strings.Contains(message, h.Name) {
			return "it is written " + h.Signature + ", such as " + h.Example
		}
	}
	return "compare text with text, number with number, time with time"
}
