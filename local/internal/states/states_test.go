package states

import (
	"testing"
	"time"
)

func TestAStateHoldsUntilTheNext(t *testing.T) {
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	var o Of[string]
	if _, ok := o.At(at(9)); ok {
		t.Error("nothing has a state")
	}
	o = o.Add(at(10), "a").Add(at(20), "b").Add(at(30), "c")
	for second, want := range map[int]string{9: "", 10: "a", 19: "a", 20: "b", 30: "c", 99: "c"} {
		if got, ok := o.At(at(second)); got != want || ok != (want != "") {
			t.Errorf("at %d: %q", second, got)
		}
	}
	o = o.Add(at(20), "d")
	if got, _ := o.At(at(99)); got != "d" || o.Last() != "d" || len(o) != 2 {
		t.Errorf("what was to come after a new state came: %v", o)
	}
}
