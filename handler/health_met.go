package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cordon/handler/ledger"
	"cordon/handler/terminal"
)

// metView is what decisions of the last 30 days met of machines: what protects them from nothing, although it looks so
// or might.
type metView struct {
	NearTags []string       `json:"nearTags,omitempty"` // tags that are almost protected ones
	NotGiven map[string]int `json:"notGiven,omitempty"` // machines of which the API left a fact out that protect has a list of
}

func metOf(list []ledger.Met) metView {
	view := metView{}
	for _, m := range list {
		switch {
		case m.Tag != "":
			view.NearTags = append(view.NearTags,
				fmt.Sprintf("%s, such as on machine %s, is almost %q of protect.tags", m.Tag, m.Machine, m.Like))
		case view.NotGiven == nil:
			view.NotGiven = map[string]int{m.Fact: 1}
		default:
			view.NotGiven[m.Fact]++
		}
	}
	return view
}

func (h *health) readMet(ctx context.Context, r *healthReport, now time.Time) error {
	list, err := h.ledger.Met(ctx, now)
	r.Met = metOf(list)
	return err
}

// readMet reads what was met for a command.
func readMet(ctx context.Context, getenv func(string) string) (*metView, error) {
	_, store, err := (&operator{getenv: getenv}).ledger(ctx)
	if err != nil {
		return nil, err
	}
	list, err := store.Met(ctx, time.Now())
	view := metOf(list)
	return &view, err
}

// write prints what was met for people.
func (v metView) write(b *strings.Builder) {
	b.WriteString("\nmet in the last 30 days, and not protected:\n")
	for _, tag := range v.NearTags {
		fmt.Fprintf(b, "  tag %s\n", terminal.Plain(tag, factShown))
	}
	for _, fact := range slices.Sorted(maps.Keys(v.NotGiven)) {
		fmt.Fprintf(b, "  %d machine(s) of which the API gave no %s\n", v.NotGiven[fact], fact)
	}
	if len(v.NearTags)+len(v.NotGiven) == 0 {
		b.WriteString("  nothing that looks so\n")
	}
}
