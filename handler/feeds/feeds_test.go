// Package feeds proves the whole way of an alert, from the API to the recorded decision and the last mail, over feeds
// that are made by chance and played against the real parts under a clock that moves only when it is told to.
//
// The poller, the responders, the follower and the outbox are wired as the program wires them; the Defender client, the
// tables and the broker are the real clients and stand-ins, in one process and without a network. What is asked of them
// is in oracle_test.go and judge_test.go, what feeds are made of in feed_test.go.
package feeds

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordon/handler/playbook/read"
)

// usualFeeds is how many feeds are played unless CORDON_FEEDS says otherwise.
const usualFeeds = 500

func TestMain(m *testing.M) {
	flag.Parse()
	only := source(os.Getenv("CORDON_FEEDS_SOURCE"))
	if !slices.Contains([]source{"", fromDefender, fromGraph, fromBoth}, only) {
		fmt.Fprintf(os.Stderr, "CORDON_FEEDS_SOURCE is %q: defender, graph or both is wanted\n", only)
		os.Exit(2)
	}
	if err := setUp(os.Getenv("CORDON_FEEDS")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	debug.SetGCPercent(400) // feeds are small and make much garbage
	os.Exit(m.Run())
}

// sourcesPlayed are the sources of alerts that feeds are drawn for: CORDON_FEEDS_SOURCE, or all.
func sourcesPlayed() []source {
	if only := source(os.Getenv("CORDON_FEEDS_SOURCE")); only != "" {
		return []source{only}
	}
	return []source{fromDefender, fromDefender, fromGraph, fromBoth}
}

// usualSeed makes the feeds of an ordinary test run the same every time; whoever asks for a number of feeds gets
// others.
const usualSeed = 20261125

// setUp says to rapid how many feeds each profile plays, and from which seed. What was given as a flag stays.
func setUp(wanted string) error {
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	feeds, seed := usualFeeds, uint64(usualSeed)
	if wanted != "" {
		var err error
		if feeds, err = strconv.Atoi(wanted); err != nil || feeds < 1 {
			return fmt.Errorf("CORDON_FEEDS is %q: a number of feeds from 1 on is wanted", wanted)
		}
		seed = rand.Uint64N(1<<53) + 1
	}
	each := (feeds + len(profiles()) - 1) / len(profiles())
	for name, value := range map[string]string{
		"rapid.checks": strconv.Itoa(each),
		"rapid.seed":   strconv.FormatUint(seed, 10),
	} {
		if given[name] {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// TestFeeds plays feeds and asks for every promise at each step and at the end of each feed. A feed that breaks one is
// made smaller and printed with what happened in it; the same seed plays the same feeds.
func TestFeeds(t *testing.T) {
	book, err := read.Load("test.yaml", []byte(isolateHigh))
	if err != nil {
		t.Fatal(err)
	}
	var c coverage
	t.Run("profiles", func(t *testing.T) {
		for _, p := range profiles() {
			t.Run(strings.ReplaceAll(p.Name, " ", "-"), func(t *testing.T) {
				t.Parallel()
				people := newSite()
				rapid.Check(t, func(r *rapid.T) {
					w, err := newWorld(rapid.Custom(p.draw).Draw(r, "feed"), book)
					if err == nil {
						err = people.enter(w)
					}
					if err != nil {
						r.Fatal(err)
					}
					w.play()
					w.report(r)
					c.add(w)
				})
			})
		}
	})
	c.check(t)
}

// report fails the feed, at a place of its own for every promise: a feed is made smaller only as long as it fails at
// the same place.
func (w *world) report(r *rapid.T) {
	if !w.failed() {
		return
	}
	first := slices.MinFunc(w.problems, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.promise, b.promise), cmp.Compare(a.text, b.text))
	})
	r.Logf("what happened, with the time since the first start:\n%s", strings.Join(w.story, "\n"))
	switch first.promise {
	case "I1":
		r.Fatalf("I1 %s", first.text)
	case "I2":
		r.Fatalf("I2 %s", first.text)
	case "I3":
		r.Fatalf("I3 %s", first.text)
	case "I4":
		r.Fatalf("I4 %s", first.text)
	case "I5":
		r.Fatalf("I5 %s", first.text)
	case "I7":
		r.Fatalf("I7 %s", first.text)
	case "I8":
		r.Fatalf("I8 %s", first.text)
	default:
		r.Fatalf("%s %s", first.promise, first.text)
	}
}
