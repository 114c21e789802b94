package alertsim

import (
	"cmp"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/local/internal/graphapi"
	"cordon/local/internal/odata"
)

const (
	// largestSkip is what $skip may be, as observed of the service in 2026-07.
	largestSkip = 500
	// maxNodes bounds what a filter is made of: the default of the framework. Whether Graph has it is not documented.
	maxNodes = 100
)

// filterable are the properties that $filter takes (List alerts_v2 page), and how they are read; nil: no value.
func filterable() map[string]func(Alert) any {
	return map[string]func(Alert) any{
		"assignedTo":         func(a Alert) any { return text(a.AssignedTo) },
		"classification":     func(a Alert) any { return text(a.Classification) },
		"determination":      func(a Alert) any { return text(a.Determination) },
		"severity":           func(a Alert) any { return text(a.Severity) },
		"serviceSource":      func(a Alert) any { return text(a.ServiceSource) },
		"status":             func(a Alert) any { return text(a.Status) },
		"createdDateTime":    func(a Alert) any { return a.Created },
		"lastUpdateDateTime": func(a Alert) any { return a.Updated },
	}
}

// language is what of $filter Graph takes. Enumerations are held against texts: what a text that is no member gives, an
// error or nothing, is not documented, so it gives nothing. The path into evidence of one of the vendor's pages is not
// taken.
func language() odata.Service {
	return odata.Service{
		Property: func(name string) (odata.Type, error) {
			switch _, ok := filterable()[name]; {
			case !ok:
				// That it is 400 was observed of investigationState. The words are an assumption.
				return "", odata.Refuse("Invalid filter clause: the property '%s' of type "+
					"'microsoft.graph.security.alert' is not filterable.", name)
			case strings.HasSuffix(name, "DateTime"):
				return odata.Time, nil
			}
			return odata.Text, nil
		},
		Literal:  odata.Literal,
		Null:     true,
		MaxNodes: maxNodes,
	}
}

// listOptions are the query options of a list.
type listOptions struct {
	keep      odata.Filter // nil: everything
	top, skip int
	counted   bool
	compare   func(a, b Alert) int
}

// options reads the query.
func (s *Sim) options(query url.Values) (o listOptions, no graphapi.Refusal) {
	o = listOptions{top: min(s.o.PageSize, s.o.LargestPage), compare: newestFirst}
	if s.o.Shuffle {
		o.compare = shuffled
	}
	var err error
	for name, values := range query {
		switch value := values[0]; {
		case len(values) > 1:
			err = odata.Refuse("Query option '%s' was specified more than once, but it must be specified at most once.",
				name)
		case name == "$filter":
			o.keep, err = language().Parse(value)
		case name == "$top":
			o.top, err = wholeNumber(name, value)
			o.top = min(o.top, s.o.LargestPage)
		case name == "$skip":
			o.skip, err = wholeNumber(name, value)
			if o.skip > largestSkip {
				err = odata.Refuse("The limit of '%d' for Skip query has been exceeded.", largestSkip)
			}
		case name == "$count":
			o.counted, err = value == "true", nil
		case name == "$orderby":
			o.compare, err = order(value)
		case name == "$expand":
			// As observed of large tenants.
			return o, graphapi.No(http.StatusInternalServerError, "InternalServerError", "Internal server error.")
		case strings.HasPrefix(name, "$"): // those that the page does not name; that they are refused is an assumption
			err = odata.Refuse("The query parameter '%s' is not supported.", name)
		}
		if err != nil {
			return o, badRequest(err.Error())
		}
	}
	return o, graphapi.Refusal{}
}

func wholeNumber(name, value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, odata.Refuse("Invalid value '%s' for %s query option found. "+
			"The %s query option requires a non-negative integer value.", value, name, name)
	}
	return n, nil
}

// newestFirst is the order when none is asked for. That it goes by the creation is an assumption.
func newestFirst(a, b Alert) int {
	return cmp.Or(b.Created.Compare(a.Created), strings.Compare(a.ID, b.ID))
}

// shuffled goes by something that has no meaning.
func shuffled(a, b Alert) int {
	place := func(id string) uint64 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(id)) // a hash takes everything
		return h.Sum64()
	}
	return cmp.Compare(place(a.ID), place(b.ID))
}

// order reads $orderby, which is not on the page: that it works on lastUpdateDateTime was observed. Alerts updated at
// the same time come in the order of their ids, which is an assumption.
func order(by string) (func(a, b Alert) int, error) {
	words := strings.Fields(by)
	if len(words) == 0 || len(words) > 2 || len(words) == 2 && words[1] != "asc" && words[1] != "desc" {
		return nil, odata.Refuse("Syntax error in '%s'.", by)
	}
	read, ok := map[string]func(Alert) time.Time{
		"lastUpdateDateTime": func(a Alert) time.Time { return a.Updated },
		"createdDateTime":    func(a Alert) time.Time { return a.Created },
	}[words[0]]
	if !ok {
		return nil, odata.Refuse("The property '%s' cannot be used in the $orderby query option.", words[0])
	}
	sign := 1
	if len(words) == 2 && words[1] == "desc" {
		sign = -1
	}
	return func(a, b Alert) int {
		return cmp.Or(sign*read(a).Compare(read(b)), strings.Compare(a.ID, b.ID))
	}, nil
}

// list answers with a page.
func (s *Sim) list(q *request) (any, graphapi.Refusal) {
	o, no := s.options(q.query)
	if no.Status != 0 {
		return nil, no
	}
	all := s.shown(q.at)
	if q.empty {
		all = nil
	}
	properties := filterable()
	all = slices.DeleteFunc(all, func(a Alert) bool {
		return o.keep != nil && !o.keep.Holds(func(name string) any { return properties[name](a) })
	})
	slices.SortStableFunc(all, o.compare)
	answer := map[string]any{"@odata.context": contextBase}
	if o.counted {
		answer["@odata.count"] = len(all)
	}
	page := all[min(o.skip, len(all)):]
	if len(page) > o.top && o.top > 0 && !s.o.NoNextLink {
		answer["@odata.nextLink"] = nextLink(q, o)
	}
	value := []any{}
	for _, a := range page[:min(o.top, len(page))] {
		value = append(value, s.write(s.whole(a), q.newer))
	}
	answer["value"] = value
	return answer, graphapi.Refusal{}
}

// nextLink asks the same with another $skip, as a sample does. One whose $skip is too large is refused like any other;
// whether the service gives such links, or other ones, is not known.
func nextLink(q *request, o listOptions) string {
	var options []string
	for _, name := range []string{"$filter", "$orderby", "$count"} {
		if value := q.query.Get(name); value != "" {
			options = append(options, name+"="+strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
		}
	}
	options = append(options, "$top="+strconv.Itoa(o.top), "$skip="+strconv.Itoa(o.skip+o.top))
	return q.base + q.path + "?" + strings.Join(options, "&")
}

// get answers with one alert.
func (s *Sim) get(q *request) (any, graphapi.Refusal) {
	a, no := s.find(q)
	if no.Status != 0 {
		return nil, no
	}
	return s.entity(a, q.newer), no
}

// find is the alert that a request names. The code and the words of 404 are assumptions.
func (s *Sim) find(q *request) (Alert, graphapi.Refusal) {
	all := s.shown(q.at)
	i := slices.IndexFunc(all, func(a Alert) bool { return a.ID == q.id })
	if i < 0 {
		return Alert{}, graphapi.No(http.StatusNotFound, "ResourceNotFound", "Alert "+q.id+" was not found.")
	}
	return all[i], graphapi.Refusal{}
}

func (s *Sim) entity(a Alert, newer bool) map[string]any {
	members := s.write(s.whole(a), newer)
	members["@odata.context"] = contextBase + "/$entity"
	return members
}
