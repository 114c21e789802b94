// Package episode says what the row of a machine's latch and the machine's actions mean: whether the machine is in the state
// that the latch owns, since when, by whom and until when. It is pure: no I/O, no clock, no context.
//
// Neighbours: machine.StateOf below it, which knows actions and no ledger; the services above, which carry out what follows.
package episode
