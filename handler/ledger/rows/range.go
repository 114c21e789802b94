package rows

import (
	"context"
	"strings"
	"time"
)

// Range selects rows of a partition whose keys are a prefix, then NewestFirst of a time, then whatever tells apart what
// happened at once: the newest come first.
type Range struct {
	Partition string
	Prefix    string    // ends in a separator; empty: the keys begin with the time
	Since     time.Time // that moment and later; zero: from the oldest
	Until     time.Time // before that moment; zero: to the newest
	After     string    // goes on behind this place, see Place; empty: begins with the newest
}

// Filter is the range for Each, List and First.
func (r Range) Filter() string {
	filter := "PartitionKey eq '" + r.Partition + "'"
	from, to := r.Prefix, r.Prefix+"~"
	if !r.Until.IsZero() {
		from += NewestFirst(r.Until.Add(-1))
	}
	if !r.Since.IsZero() {
		to = r.Prefix + NewestFirst(r.Since) + "~"
	}
	filter += " and RowKey ge '" + from + "' and RowKey lt '" + to + "'"
	if r.After != "" {
		filter += " and RowKey gt '" + r.Prefix + clean(r.After) + "'"
	}
	return filter
}

// PageOf reads one page of a range, n rows at most, by one query as long as n is below 1,000. next is the place behind
// the last of them; empty: nothing follows.
func PageOf[T any, R interface {
	*T
	Row
}](
	ctx context.Context,
	t *Table,
	r Range,
	n int,
) (found []T, next string, err error) {
	found, err = First[T](ctx, t, r.Filter(), int32(n)+1)
	if err != nil || len(found) <= n {
		return found, "", err
	}
	found = found[:n]
	return found, r.Place(R(&found[n-1]).base().RowKey), nil
}

// Place is the place of a row in the range, for After. What is no place of a row is as if it were one: a range that
// goes on behind it begins where it would be.
func (r Range) Place(rowKey string) string {
	return strings.TrimPrefix(rowKey, r.Prefix)
}

// mostPlace is how many bytes of a place count: no key has more, and a filter stands in an address.
const mostPlace = 512

// clean keeps of a place what keys are made of: it comes from outside, and stands in a filter.
func clean(place string) string {
	place = place[:min(len(place), mostPlace)]
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`'\/#?`, r) {
			return -1
		}
		return r
	}, place)
}
