package deployed

import (
	"fmt"
	"strings"
	"time"

	"cordon/handler/playbook"
	"cordon/handler/playbook/condition"
)

func lines(c condition.Condition) string {
	return strings.Join(c.Lines(), "\n")
}

// railsOf are the rails, named as plans name them, in the order in which those are asked. The caps come last: they are
// counted when a step is about to be done.
func railsOf(book *playbook.Book, is Playbook, s Settings) []Rail {
	written := book.Written()
	all := []Rail{
		{"not a false positive", []string{"an alert that is classified as one isolates and restricts nothing"}},
		{"machine named", []string{"an alert that names no machine is held"}},
		{"machine read", []string{"a machine that cannot be read counts as protected"}},
		{"not protected", append(listed("protect", written.Protect,
			"ids", "names", "tags", "groups", "deviceValue", "os"),
			"a machine of which Defender does not say name, system, health, onboarding and tags is protected too")},
	}
	if only := listed("only", written.Only, "os", "onboarding"); len(only) > 0 {
		all = append(all, Rail{"listed", only})
	}
	return append(all,
		Rail{"not stale", []string{staleAfter(s)}},
		Rail{"since the beginning", []string{"what is older than the ledger is held: it may be answered already"}},
		Rail{"not paused", []string{"while acting is paused, all that acts is held"}},
		Rail{"seen lately", []string{"nothing is held: people are told what to expect of a machine that is away"}},
		Rail{"supported", []string{"what a machine does not know is skipped"}},
		Rail{"mode", []string{fmt.Sprintf("%s: the playbook asks for %s, CORDON_MODE allows %s",
			is.Mode, is.Written, is.Ceiling)}},
		Rail{"caps", capped(book)},
	)
}

// listed are the lists of a rail that have something on them, a line each.
func listed(rail string, lists playbook.Lists, names ...string) []string {
	var said []string
	for _, name := range names {
		if patterns := lists[name]; len(patterns) > 0 {
			said = append(said, fmt.Sprintf("%s.%s: %s", rail, name, strings.Join(patterns, ", ")))
		}
	}
	return said
}

func staleAfter(s Settings) string {
	if s.StaleAfter <= 0 {
		return "every alert counts as stale: CORDON_STALE_AFTER says no age"
	}
	return fmt.Sprintf("an alert that is older than %s (CORDON_STALE_AFTER) is held", whole(s.StaleAfter))
}

// capped are the caps on the steps that the rules have, a line each.
func capped(book *playbook.Book) []string {
	said := []string{}
	for _, c := range Caps(book) {
		said = append(said, fmt.Sprintf("%s: %s", c.Kind, c.Says))
	}
	if len(said) == 0 {
		said = append(said, "no rule has a step that is counted")
	}
	return said
}

// Cap is how many machines a kind of step may reach.
type Cap struct {
	Kind playbook.StepKind
	Says string
}

// Caps are those of the steps that the rules of a book have and that are counted.
func Caps(book *playbook.Book) []Cap {
	var all []Cap
	for _, kind := range book.Kinds() {
		of := book.Limits().Of(kind)
		if of.Rate == (playbook.Rate{}) {
			continue
		}
		parts := []string{of.Rate.String()}
		for _, part := range []struct {
			what string
			rate playbook.Rate
		}{
			{"of any one rule", of.PerRule},
			{"of any one device group", of.PerGroup},
			{"any one machine", of.PerMachine},
		} {
			if part.rate != (playbook.Rate{}) {
				parts = append(parts, part.what+" "+part.rate.String())
			}
		}
		all = append(all, Cap{kind, strings.Join(parts, ", ")})
	}
	return all
}

// whole is a duration without the units that are zero.
func whole(d time.Duration) string {
	text := d.String()
	if rest, ok := strings.CutSuffix(text, "m0s"); ok {
		text = rest + "m"
	}
	if rest, ok := strings.CutSuffix(text, "h0m"); ok {
		text = rest + "h"
	}
	return text
}
