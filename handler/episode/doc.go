// Package episode decides what comes next for a machine's latch. Given the latch, the machine's actions, the run that
// asks, the time and the limits, the answer is a value: ask, adopt, wait, join, finish, end and the like (Next). It is
// pure: no I/O, no clock, no context, so that every case can be put into a table.
//
//	Enter        a run wants a machine action and read the latch: join, wait, finish, or take the latch
//	FirstLook    the run owns the latch and has asked for nothing: adopt what is there, wait, or ask
//	AfterIntent  the run owns the latch and may have asked: what became of the request
//	Undo         the action undoes a state: may it, now
//	Follow       the timer read the latch and the actions: what became of the episode
//	Watch        the state is reached: what is true of it now
//
// handler/act and handler/follow read what a decision looks at and carry the answer out. Below is machine.StateOf,
// which knows actions and no ledger.
package episode
