package backtest

import (
	"cmp"
	"maps"
	"slices"

	"cordon/handler/incoming"
)

// bounded is a map that takes no more than so many keys.
type bounded[K comparable, V any] struct {
	most int
	of   map[K]*V
	over int // how often there was no room
}

func newBounded[K comparable, V any](most int) bounded[K, V] {
	return bounded[K, V]{
		most: most,
		of:   map[K]*V{},
	}
}

// at is what is kept under a key; nil: there is no room for one more.
func (b *bounded[K, V]) at(key K) *V {
	v := b.of[key]
	switch {
	case v != nil:
	case len(b.of) >= b.most:
		b.over++
	default:
		v = new(V)
		b.of[key] = v
	}
	return v
}

// sorted are the values, in the order of less.
func (b *bounded[K, V]) sorted(less func(x, y V) int) []V {
	all := make([]V, 0, len(b.of))
	for v := range maps.Values(b.of) {
		all = append(all, *v)
	}
	slices.SortFunc(all, less)
	return all
}

// mostText is how much of a text is kept, in UTF-16 units.
const mostText = 300

// shown is a foreign text as much of it as is kept.
func shown(text string) string { return incoming.Text(text, mostText) }

// byRuns orders what has more runs first.
func byRuns(x, y int) int { return cmp.Compare(y, x) }
