package defendersim

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cordon/local/internal/odata"
)

// pageSize is the largest page, and the size of one that was asked for without $top.
const pageSize = 10000

// set is a collection of the API: what of it can be asked for, and how one of it is written.
type set[T any] struct {
	name    string // as @odata.context names it
	path    string
	schema  schema[T]
	expand  string                      // what $expand may name; empty: nothing
	sorts   map[string]func(a, b T) int // what $orderby may name
	compare func(a, b T) int            // the order when none is asked for
	write   func(w *jsonWriter, one T, expanded bool)
}

// listOptions are the query options of a list.
type listOptions[T any] struct {
	keep     func(T) bool
	top      int // -1: not given
	skip     int
	expanded bool
	compare  func(a, b T) int
}

// options reads the query. The error's text is what the API would say.
func (c set[T]) options(query url.Values) (o listOptions[T], err error) {
	o = listOptions[T]{top: -1, compare: c.compare}
	for name := range query {
		if strings.HasPrefix(name, "$") &&
			!slices.Contains([]string{"$filter", "$top", "$skip", "$expand", "$orderby"}, name) {
			return o, odata.Refuse("The query parameter '%s' is not supported.", name)
		}
	}
	if o.keep, err = c.schema.compile(query.Get("$filter")); err != nil {
		return o, err
	}
	if query.Has("$top") {
		if o.top, err = wholeNumber("$top", query.Get("$top")); err != nil {
			return o, err
		}
		if o.top > pageSize {
			return o, odata.Refuse("The limit of '%d' for Top query has been exceeded. The value from the incoming "+
				"request is '%d'.", pageSize, o.top)
		}
	}
	if query.Has("$skip") {
		if o.skip, err = wholeNumber("$skip", query.Get("$skip")); err != nil {
			return o, err
		}
	}
	if expand := query.Get("$expand"); expand != "" {
		if expand != c.expand {
			return o, c.schema.lacks(expand)
		}
		o.expanded = true
	}
	return o, c.order(&o, query.Get("$orderby"))
}

func wholeNumber(name, text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, odata.Refuse("Invalid value '%s' for %s query option found. "+
			"The %s query option requires a non-negative integer value.", text, name, name)
	}
	return n, nil
}

func (c set[T]) order(o *listOptions[T], by string) error {
	if by == "" {
		return nil
	}
	words := strings.Fields(by)
	compare, ok := c.sorts[words[0]]
	descending := len(words) == 2 && words[1] == "desc"
	switch {
	case !ok:
		return odata.Refuse("The property '%s' cannot be used in the $orderby query option.", words[0])
	case len(words) > 2, len(words) == 2 && words[1] != "asc" && !descending:
		return odata.Refuse("Syntax error in '%s'.", by)
	}
	o.compare = compare
	if descending {
		o.compare = func(a, b T) int { return compare(b, a) }
	}
	return nil
}

// list answers with a page of what is there, and reports whether anything matches. all is the caller's own and may be
// changed.
func list[T any](s *Sim, q *request, c set[T], all []T) (a answer, found bool) {
	o, err := c.options(q.query)
	if err != nil {
		return s.fail(http.StatusBadRequest, "ODataError", err.Error()), true
	}
	all = slices.DeleteFunc(all, func(one T) bool { return !o.keep(one) })
	found = len(all) > 0
	slices.SortStableFunc(all, o.compare)
	page := all[min(o.skip, len(all)):]
	size := pageSize
	if o.top >= 0 {
		size = o.top
	}
	more := len(page) > size
	page = page[:min(size, len(page))]
	next := ""
	switch {
	case o.top >= 0:
	case s.o.BrokenNextLink:
		next = q.base + c.path + "?" + strings.TrimPrefix(q.rawQuery+"&$skip="+strconv.Itoa(pageSize), "&")
	case more:
		next = nextLink(q, c.path, o.skip+pageSize)
	}
	return answer{status: http.StatusOK, body: func(w *jsonWriter) {
		w.open('{')
		w.always("@odata.context", contextBase+c.name)
		w.key("value")
		w.open('[')
		for _, one := range page {
			w.open('{')
			c.write(w, one, o.expanded)
			w.close('}')
		}
		w.close(']')
		if next != "" {
			w.always("@odata.nextLink", next)
		}
		w.close('}')
	}}, found
}

// nextLink asks the same with another $skip.
func nextLink(q *request, path string, skip int) string {
	var options []string
	for _, name := range []string{"$filter", "$expand", "$orderby"} {
		if value := q.query.Get(name); value != "" {
			options = append(options, name+"="+strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
		}
	}
	return q.base + path + "?" + strings.Join(append(options, "$skip="+strconv.Itoa(skip)), "&")
}
