package console

import (
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/signin"
)

// visit is one request of a person who may look.
type visit struct {
	desk  operate.Desk
	me    signin.Person
	query url.Values
	now   time.Time
	zone  *time.Location // of the people who look
}

// may reports whether the person may change things.
func (v visit) may() bool { return v.me.May(wire.Operator) == nil }

// shown is what a page shows.
type shown struct {
	title string // empty: the page's
	page  any
	to    string // another page, which shows what was asked for; empty: this one does
}

// part is a part of a page that may be missing without the rest.
type part[T any] struct {
	Is      T
	Trouble string // why it is missing; empty: it is not
}

// fill asks for parts of a page, all at the same time. Whoever asks panics if one of them does: only there it is caught,
// and ends no other work of the process.
func fill(asks ...func()) {
	var all sync.WaitGroup
	faults := make(chan string, len(asks))
	for _, ask := range asks {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					faults <- fmt.Sprintf("%v, at %s", p, debug.Stack())
				}
			}()
			ask()
		})
	}
	all.Wait()
	select {
	case fault := <-faults:
		panic(fault)
	default:
	}
}

// into asks for one part.
func into[T any](p *part[T], ask func() (T, error)) func() {
	return func() {
		is, err := ask()
		p.Is = is
		if err != nil {
			p.Trouble = err.Error()
		}
	}
}

// choice is one of the values that a field can have.
type choice struct {
	Value  string
	Chosen bool
}

func choices(chosen string, all ...string) (found []choice) {
	if chosen != "" && !slices.Contains(all, chosen) {
		all = append(all, chosen)
	}
	for _, value := range all {
		found = append(found, choice{Value: value, Chosen: value == chosen})
	}
	return found
}

// missing says that a page was asked for without what it is about.
func missing(what string) error {
	return wire.NewProblem(http.StatusBadRequest, "query", fmt.Sprintf("the address names no %s", what))
}

// text is what a person wrote, without what blanks are around it.
func text(said string) string { return strings.TrimSpace(said) }
