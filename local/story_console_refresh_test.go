package main

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/console"
	"cordon/local/pagetest"
	"cordon/local/scenario"
)

// TestStoryAPageThatIsLeftOpenStaysTrue has half a minute pass on pages that were opened before something happened.
func TestStoryAPageThatIsLeftOpenStaysTrue(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	watched := n.signsIn(scenario.Operator, console.Base)
	inUse, over, plain := watched.Another(), watched.Another(), watched.Another()
	plain.Scripts(false)
	for _, tab := range []*pagetest.Tab{inUse, over, plain} {
		tab.Open(n.at(console.Base))
	}
	inUse.Tick("Choose fin-lt-0147")

	n.signedIn(scenario.Operator).does("pause", "--reason", "the CMDB is wrong", "--yes")
	const halfAMinute = 31 * time.Second
	watched.Pass(halfAMinute)
	if text := watched.Text(); !strings.Contains(text, "Acting is paused") || !strings.Contains(text, "Updated ") {
		t.Errorf("a page that somebody watches: %s", text)
	}
	inUse.Pass(halfAMinute)
	if text := inUse.Text(); strings.Contains(text, "Updated ") {
		t.Errorf("a page on which somebody chooses: %s", text)
	}
	over.Forget()
	over.Pass(halfAMinute)
	if text := over.Text(); !strings.Contains(text, "Not up to date") {
		t.Errorf("a page whose session is over: %s", text)
	}
	over.Said() // of the status
	if text := plain.Text(); strings.Contains(text, "Updated ") || strings.Contains(text, "Not up to date") {
		t.Errorf("a page without JavaScript: %s", text)
	}
}
