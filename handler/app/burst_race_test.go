//go:build race

package app

// raced says that the race detector is on: it makes the whole burst last five times as long and has nothing new to see.
const raced = true
