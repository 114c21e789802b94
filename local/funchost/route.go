package funchost

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// route is a parsed route template with the route prefix in front: literals, {name}, {name:constraint}, {name?} and a
// {*rest} at the end. Literals match in any case, as ASP.NET's do.
type route []segment

type segment struct {
	literal    string
	param      string
	constraint string
	optional   bool
	catchAll   bool
}

func parseRoute(template string) (route, error) {
	if template == "" {
		return nil, nil
	}
	parts := strings.Split(template, "/")
	out := make(route, 0, len(parts))
	for i, part := range parts {
		s, err := parseSegment(part)
		if err != nil {
			return nil, err
		}
		if (s.catchAll || s.optional) && i != len(parts)-1 {
			return nil, fmt.Errorf("%s must be the last segment", part)
		}
		out = append(out, s)
	}
	return out, nil
}

func parseSegment(part string) (segment, error) {
	if part == "" {
		return segment{}, fmt.Errorf("it has an empty segment")
	}
	if !strings.ContainsAny(part, "{}") {
		return segment{literal: part}, nil
	}
	inner, isParam := strings.CutPrefix(part, "{")
	inner, closed := strings.CutSuffix(inner, "}")
	if !isParam || !closed || strings.ContainsAny(inner, "{}") {
		return segment{}, fmt.Errorf("segment %q mixes text and parameter, which is not supported here", part)
	}
	var s segment
	if rest := strings.TrimLeft(inner, "*"); rest != inner {
		inner, s.catchAll = rest, true
	}
	inner, s.optional = strings.CutSuffix(inner, "?")
	s.param, s.constraint, _ = strings.Cut(inner, ":")
	if s.param == "" {
		return segment{}, fmt.Errorf("segment %q has no parameter name", part)
	}
	if _, known := constraintPattern(s.constraint); !known {
		return segment{}, fmt.Errorf("segment %q: constraint %q is not supported here", part, s.constraint)
	}
	return s, nil
}

// constraintPattern gives the pattern of a route constraint ("Route constraint reference", ASP.NET Core).
func constraintPattern(name string) (string, bool) {
	switch name {
	case "":
		return "", true
	case "int", "long":
		return `^[+-]?[0-9]{1,19}$`, true
	case "bool":
		return `^(?i:true|false)$`, true
	case "alpha":
		return `^[A-Za-z]+$`, true
	case "guid":
		return `^[0-9A-Fa-f]{8}-?([0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}$`, true
	}
	return "", false
}

func (s segment) accepts(value string) bool {
	if s.param == "" {
		return strings.EqualFold(s.literal, value)
	}
	pattern, _ := constraintPattern(s.constraint)
	if pattern != "" && !regexp.MustCompile(pattern).MatchString(value) {
		return false
	}
	if s.constraint == "int" {
		_, err := strconv.ParseInt(value, 10, 32)
		return err == nil
	}
	return true
}

// match compares decoded path segments with the template and returns the parameters.
func (r route) match(path []string) (map[string]string, bool) {
	params := make(map[string]string)
	for i, s := range r {
		if s.catchAll {
			params[s.param] = strings.Join(path[i:], "/")
			return params, true
		}
		if i == len(path) {
			return params, s.optional
		}
		if !s.accepts(path[i]) {
			return nil, false
		}
		if s.param != "" {
			params[s.param] = path[i]
		}
	}
	return params, len(path) == len(r)
}

// before orders two routes that match the same path: literal, then constrained, then free parameter, then catch-all.
func (r route) before(other route) bool {
	for i := 0; i < len(r) && i < len(other); i++ {
		if a, b := r[i].rank(), other[i].rank(); a != b {
			return a < b
		}
	}
	return len(r) < len(other)
}

func (s segment) rank() int {
	switch {
	case s.catchAll:
		return 3
	case s.param == "":
		return 0
	case s.constraint != "":
		return 1
	}
	return 2
}

// splitPath cuts a decoded path into segments. One slash at the end is ignored; with an empty segment it matches no
// route.
func splitPath(path string) ([]string, bool) {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	if path == "" {
		return nil, true
	}
	parts := strings.Split(path, "/")
	return parts, !slices.Contains(parts, "")
}

// checkRoutes refuses an app in which a request from outside, forwarded as it came, would take the path on which the
// handler gets another function's trigger. The real host allows it; it would let anybody forge a queue message.
func checkRoutes(fns []*function) error {
	for _, fn := range fns {
		if fn.http == nil || !fn.http.forward {
			continue
		}
		for _, other := range fns {
			if _, hit := fn.http.route.match([]string{other.name}); hit {
				return fmt.Errorf("the route of %s also takes /%s, on which the handler gets the trigger of %s; set "+
					"extensions.http.routePrefix or change the route",
					fn.name, other.name, other.name)
			}
		}
	}
	return nil
}
