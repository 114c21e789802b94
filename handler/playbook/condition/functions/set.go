package functions

import (
	"time"
	_ "time/tzdata"

	"github.com/expr-lang/expr"
)

// Set are the helper functions of one playbook, with the zones that its conditions name. Zones are looked up when the
// playbook is loaded, never when it decides.
type Set struct{ zones map[string]*time.Location }

func New() *Set { return &Set{zones: map[string]*time.Location{}} }

func (h *Set) Options() []expr.Option {
	return []expr.Option{
		expr.Function("glob", func(p ...any) (any, error) { return globAny(texted(p)) }, new(func(string, string, ...string) bool)),
		expr.Function("inCIDR", func(p ...any) (any, error) { return inCIDR(texted(p)) }, new(func(string, string, ...string) bool)),
		expr.Function("compareVersion", func(p ...any) (any, error) { return compareVersion(texted(p)) }, new(func(string, string) int)),
		expr.Function("timeBetween", h.timeBetween, new(func(time.Time, string, string, string) bool)),
		expr.Function("weekday", h.weekday, new(func(time.Time, string) string)),
		severityOption(),
	}
}

func severityOption() expr.Option {
	return expr.Function(SeverityAtLeast, func(p ...any) (any, error) { return atLeast(texted(p)) },
		new(func(string, string) bool))
}

// texted are arguments as texts; the checker has made sure that they are.
func texted(params []any) []string {
	list := make([]string, len(params))
	for i, p := range params {
		list[i], _ = p.(string)
	}
	return list
}

// SeverityAtLeast is the function that compares severities: as texts they would be compared by their letters.
const SeverityAtLeast = "severityAtLeast"
