package runs

import "testing"

// TestWhatWasToldLastIsKnown has the news a and b of one step and c of another, by versions of an alert under playbook
// "p".
func TestWhatWasToldLastIsKnown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before []string
		book   string
		known  bool
		times  int
	}{
		"nothing":                    {nil, "p", false, 0},
		"a row of before":            {[]string{"204d85eccecda302"}, "p", false, 0},
		"the same":                   {[]string{"s=a"}, "p", true, 0},
		"the same many times":        {[]string{"s=a", "s=a", "", "s=a"}, "p", true, 0},
		"another step since":         {[]string{"s=a", "x=c"}, "p", true, 0},
		"another, longer subject":    {[]string{"s=a", "ss=b"}, "p", true, 0},
		"something else":             {[]string{"s=b"}, "p", false, 0},
		"something else since":       {[]string{"s=a", "s=b"}, "p", false, 1},
		"both within one version":    {[]string{"s=a s=b"}, "p", false, 1},
		"again":                      {[]string{"s=a", "s=b s=a", "s=a"}, "p", true, 1},
		"twice":                      {[]string{"s=a", "s=b", "s=a", "s=b"}, "p", false, 2},
		"the same, another playbook": {[]string{"s=a", "s=b", "s=a"}, "q", false, 1},
	} {
		var record Record
		for i, told := range c.before {
			record.Runs = append(record.Runs, Run{Version: i + 1, Book: "p", Told: told})
		}
		run := Run{Version: len(c.before) + 1, Book: c.book}
		// its own, and a later one's
		record.Runs = append(record.Runs, Run{Version: run.Version, Book: c.book, Told: "s=a s=b"})
		record.Runs = append(record.Runs, Run{Version: run.Version + 1, Book: c.book, Told: "s=b"})
		if known, times := record.Told(run, "s=a"); known != c.known || times != c.times {
			t.Errorf("%s: %v, %d", name, known, times)
		}
	}
}

func TestARunKeepsWhatWasToldInOrder(t *testing.T) {
	t.Parallel()
	var run Run
	run.Tell("s=a", "s=a", "x=c", "s=a", "s=b")
	run.Tell("s=a", "x=c")
	run.Tell()
	if run.Told != "s=a x=c s=b s=a" {
		t.Errorf("%q", run.Told)
	}
}
