// Package states keeps what something was like over time, so that a stand-in can show it as it was a while ago.
package states

import "time"

// Of are the states of one thing, the oldest first.
type Of[T any] []state[T]

type state[T any] struct {
	since time.Time
	is    T
}

// Add has the thing be so since a time. States that were to begin then or later never come.
func (o Of[T]) Add(since time.Time, is T) Of[T] {
	n := len(o)
	for n > 0 && !o[n-1].since.Before(since) {
		n--
	}
	return append(o[:n:n], state[T]{since, is})
}

// At is the state at a time, and false if there was none yet.
func (o Of[T]) At(t time.Time) (is T, ok bool) {
	for i := len(o) - 1; i >= 0; i-- {
		if !o[i].since.After(t) {
			return o[i].is, true
		}
	}
	return is, false
}

// Last is the newest state, whether it has begun or not. There must be one.
func (o Of[T]) Last() T { return o[len(o)-1].is }
