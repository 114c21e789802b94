package rows

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// turnTries bounds how often a write in turn is tried against other processes. Each conflict means that one of them got
// what it wanted, so that 64 writers at once are done in 64 tries; more than twice that is not a race but a fault.
const turnTries = 150

// Pauses between those tries, at random up to a bound that doubles.
const (
	firstConflictPause = 10 * time.Millisecond
	lastConflictPause  = 320 * time.Millisecond
)

// Turn lets the writers of one process take turns.
type Turn chan struct{}

// NewTurn is a turn that nobody has.
func NewTurn() Turn { return make(Turn, 1) }

// try makes a conditional write until no other process is faster.
func (turn Turn) try(ctx context.Context, op string, write func() error) error {
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return &Error{Op: op, Cause: ctx.Err()}
	}
	bound := firstConflictPause
	for range turnTries {
		err := write()
		if !errors.Is(err, ErrConflict) {
			return err
		}
		select {
		case <-time.After(rand.N(bound)):
		case <-ctx.Done():
			return &Error{Op: op, Cause: ctx.Err()}
		}
		bound = min(2*bound, lastConflictPause)
	}
	return &Error{Op: op, Cause: ErrConflict}
}
