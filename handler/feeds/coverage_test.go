package feeds

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// coverage counts in how many feeds something of a kind happened.
type coverage struct {
	mu     sync.Mutex
	feeds  int
	counts map[string]int
}

func (c *coverage) add(w *world) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.feeds++
	for kind := range w.covered {
		c.counts[kind]++
	}
}

// wanted is what feeds must have: one that is not among the usual number of feeds means that it is not generated.
func wanted() []string {
	kinds := []string{
		"visible minutes late", "visible six hours late", "visible three days late", "visible almost seven days late",
		"a change that is visible late",
		"visible late after an outage of a month",
		"equal timestamps", "dated in the future", "dated in the future, then changed with the true time",
		"clocks apart",
		"update while paging", "page repeats an item", "page loses an item",
		"severity raised, lowered and raised", "resolved", "reopened", "our own write-back",
		"older than the first poll reaches", "from before the beginning", "first start in an outage",
		"version 2 answered before version 1",
		"resolved answered before High",
		"two pollers at once", "two responders at once", "redelivery", "message lost by the broker",
		"released in the portal", "isolated in the portal", "joined an isolation by hand", "an action that fails",
		"machine offline",
		"isolated", "held", "no rule", "superseded", "released", "not isolated", "no machine",
		"lifted by the service", "isolated anew after a lift",
		"decided again",
		"mails and console agree: isolated", "mails and console agree: isolation requested",
		"mails and console agree: release requested", "mails and console agree: released",
		"mails and console agree: no longer isolated", "mails and console agree: not isolated",
	}
	if slices.Contains(sourcesPlayed(), fromBoth) {
		kinds = append(kinds, "ids that differ", "an alert that Graph never shows", "Graph dead for good",
			"Defender's alerts dead for good", "Defender's alerts dead: empty", "Graph dead: empty")
	}
	for _, p := range []part{thePoller, theResponder, theFollower, everything} {
		kinds = append(kinds, string(p)+" out")
	}
	for _, p := range []part{theAPI, theQueue, theLedger} {
		for _, length := range []string{"six hours", "three days", "a month"} {
			kinds = append(kinds, fmt.Sprintf("%s out for %s", p, length))
		}
	}
	for _, p := range []part{theAPI, theQueue, theLedger} {
		kinds = append(kinds, "a single call of the "+string(p)+" fails")
	}
	return kinds
}

// check prints the table, and fails if a kind is missing from the usual number of feeds, or if fewer feeds were played
// than asked for: rapid ends early, and content, when the time of the test runs out.
func (c *coverage) check(t *testing.T) {
	t.Helper()
	each, err := strconv.Atoi(flag.Lookup("rapid.checks").Value.String())
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		each /= 5
	}
	asked := each * len(profiles())
	var table strings.Builder
	for _, kind := range slices.Compact(slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(c.counts)),
		wanted()...)))) {
		fmt.Fprintf(&table, "  %7d  %s\n", c.counts[kind], kind)
	}
	t.Logf("%d feeds, seed %s; feeds in which there is:\n%s", c.feeds, flag.Lookup("rapid.seed").Value, table.String())
	if t.Failed() {
		return
	}
	if c.feeds < asked {
		t.Errorf("%d of %d feeds were played; give the test more time", c.feeds, asked)
	}
	for _, kind := range wanted() {
		if c.counts[kind] == 0 && asked >= usualFeeds {
			t.Errorf("no feed of %d has %q: the generator has lost it", c.feeds, kind)
		}
	}
}
