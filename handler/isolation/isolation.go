// Package isolation has the words for whether a machine is isolated: mails, the command line, the API and the console
// take them from here, so that they cannot differ.
package isolation

import "strings"

// State is how far the isolation of a machine is, in words that people read.
type State string

// The states.
const (
	Isolated  State = "isolated"
	Requested State = "isolation requested"     // asked for and not confirmed
	Unknown   State = "request of unknown fate" // it may have reached Defender or not
	Releasing State = "release requested"       // isolated, and the release is not confirmed
	Released  State = "released"                // a release was the last that took effect
	Lifted    State = "no longer isolated"      // Defender ended it by itself
	Not       State = "not isolated"
)

// States are all of them. None is the beginning of another.
func States() []State {
	return []State{Isolated, Requested, Unknown, Releasing, Released, Lifted, Not}
}

// Sentence is the state as the beginning of a sentence.
func (s State) Sentence() string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(string(s[:1])) + string(s[1:])
}

// Of finds the state that a sentence begins with, as mails do.
func Of(sentence string) (State, bool) {
	for _, s := range States() {
		if strings.HasPrefix(sentence, s.Sentence()) {
			return s, true
		}
	}
	return "", false
}
