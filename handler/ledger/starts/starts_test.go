package starts

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func TestOnlyAStartThatIsOverIsADeath(t *testing.T) {
	const life = 11 * time.Minute
	young, old := noon.Add(-life), noon.Add(-life-time.Second)
	for name, test := range map[string]struct {
		starts  Starts
		earlier int // deliveries of the message, whose attempt is 3
		deaths  int
	}{
		"young":                       {Starts{{"p", 3, young, false}, {"q", 3, young, false}}, 0, 0},
		"old":                         {Starts{{"p", 3, old, false}, {"q", 3, young, false}}, 0, 1},
		"its own":                     {Starts{{"me", 3, old, false}}, 1, 0},
		"delivered before":            {Starts{{"p", 3, young, false}, {"q", 3, young, false}}, 1, 1},
		"delivered before twice":      {Starts{{"p", 3, young, false}, {"q", 3, young, false}}, 2, 2},
		"another message":             {Starts{{"p", 2, young, false}}, 1, 0},
		"known":                       {Starts{{"p", 2, young, true}, {"q", 3, young, false}}, 1, 2},
		"one delivery, one death":     {Starts{{"p", 3, young, true}, {"q", 3, young, false}}, 1, 1},
		"one delivery, one death old": {Starts{{"p", 3, old, false}, {"q", 3, young, false}}, 1, 1},
	} {
		if got := test.starts.Bury("me", noon, life, 3, test.earlier); got.Deaths() != test.deaths {
			t.Errorf("%s: %d deaths, want %d: %+v", name, got.Deaths(), test.deaths, got)
		}
	}
	s := Starts{}.Begin(Start{Process: "p", At: noon}).Begin(Start{Process: "q", At: noon}).Begin(Start{
		Process: "p",
		At:      noon,
	})
	if len(s) != 2 || !s.ByOthers("p") || s.End("q").ByOthers("p") || len(s.EndNewest()) != 1 {
		t.Errorf("%+v", s)
	}
}
