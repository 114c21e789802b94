package orders

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"

	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/outgoing"
)

// Order is one kind of order.
type Order struct {
	Name   string // its path below the console's
	Title  string
	Button string // what the button says that gives it
	// Look says what would happen now. An error is a *wire.Problem, or trouble.
	Look func(ctx context.Context, desk operate.Desk, asked url.Values) (Preview, error)
	// Do carries it out, as Look and the person saw it.
	Do func(ctx context.Context, desk operate.Desk, by wire.Order, asked url.Values) (Outcome, error)
}

// Preview is what would happen.
type Preview struct {
	Says   string   // in a sentence or two
	Unit   string   // what one of the things is called; empty: there is nothing to count
	Things []Thing  // what it is about; empty: no one thing
	Inputs []Input  // what the person can say besides the reason
	Kept   []string // names of the values that say what it is about
	Key    string   // which of them has the ids of the things; empty: they were not chosen by their ids
}

// Wanted is what is asked, without the things of which the page says that nothing will be done about them.
func (p Preview) Wanted(asked url.Values) url.Values {
	if p.Key == "" {
		return asked
	}
	wanted := maps.Clone(asked)
	wanted.Del(p.Key)
	for _, t := range p.Things {
		if t.Not == "" {
			wanted.Add(p.Key, t.ID)
		}
	}
	return wanted
}

// Thing is one thing that an order is about.
type Thing struct {
	ID   string
	Name string // as people know it; empty: by its id
	On   string // id of the machine that it is about; empty: it is one, or is about none
	Link string // the page of it; empty: there is none
	Is   string // how it is now
	Why  string // what led to that; empty: not known
	Then string // what will be done about it
	Not  string // why nothing will; empty: it will be done
}

// Input is a field of the form.
type Input struct {
	Name, Label, Value, Says string
}

// Willing counts the things that something will be done about. An order about no one thing has one.
func (p Preview) Willing() int {
	if len(p.Things) == 0 {
		return 1
	}
	n := 0
	for _, t := range p.Things {
		if t.Not == "" {
			n++
		}
	}
	return n
}

// Count says of how many things something will be done; empty: there is nothing to count.
func (p Preview) Count() string {
	units := p.Unit + "s"
	all := len(p.Things)
	switch {
	case p.Unit == "" || all == 0:
		return ""
	case all == 1:
		units = p.Unit
	}
	if p.Willing() == all {
		return fmt.Sprintf("%d %s", all, units)
	}
	return fmt.Sprintf("%d of %d %s", p.Willing(), all, units)
}

// Seen stands for what a person saw: where it differs, something changed meanwhile.
func (p Preview) Seen() (string, error) {
	body, err := outgoing.Encode(p.Things)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(body, p.Says...))
	return hex.EncodeToString(sum[:]), nil
}

// Outcome is what an order came to, where the journal does not say all of it.
type Outcome struct {
	Results *wire.Results  // of which some could not be written down
	Rows    *wire.HuntRows // of a query
	Erased  *wire.Erased   // of an order to erase
}
