package hunt

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestAHuntThatLooksBackLessThanItPausesIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ schedule, timespan, want string }{
		{"0 0 * * * *", "1h", ""},
		{"0 0 * * * *", "59m", "a turn looks back 59m, and 1h can pass"},
		{"0 0 6 * * *", "1h", "a turn looks back 1h, and 1d can pass"},
		{"0 0 6 * * *", "1d", ""},
		{"0 0 6 * * 1-5", "1d", "a turn looks back 1d, and 3d can pass"},
		{"0 0 8-18 * * *", "1h", "a turn looks back 1h, and 14h can pass"},
		{"0 30 */5 * * *", "5h", ""},
		{"30 */10 * * * *", "9m", "a turn looks back 9m, and 10m can pass"},
	} {
		text := "// name: h\n// schedule: " + c.schedule + "\n// timespan: " + c.timespan + "\n\nDeviceEvents"
		catalogue, err := Load(fstest.MapFS{"h.kql": {Data: []byte(text)}}, "hunts")
		if err != nil {
			t.Fatal(err)
		}
		found := catalogue.Warnings()
		if c.want == "" && len(found) > 0 ||
			c.want != "" && (len(found) != 1 || found[0].Line != 3 || !strings.Contains(found[0].Message, c.want)) {
			t.Errorf("%+v: %+v", c, found)
		}
	}
}

func TestAGapThatNoTurnCanLookBackOverIsToBeMadeShorter(t *testing.T) {
	t.Parallel()
	for schedule, want := range map[string]string{
		"0 0 6 1 * *":   "run it more often: a turn looks back at most 30d",
		"0 0 6 1 */2 *": "run it more often: a turn looks back at most 30d",
		"0 0 6 * * 1":   "write // timespan: with at least 7d",
	} {
		text := "// name: h\n// schedule: " + schedule + "\n// timespan: 1d\n\nDeviceEvents"
		catalogue, err := Load(fstest.MapFS{"h.kql": {Data: []byte(text)}}, "hunts")
		if err != nil {
			t.Fatal(err)
		}
		if found := catalogue.Warnings(); len(found) != 1 || !strings.HasPrefix(found[0].Hint, want) {
			t.Errorf("%s: %+v", schedule, found)
		}
	}
}

func TestTheBoundsOfATimeAreSaidAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{"timespan: 35d": "1m to 30d", "timespan: 30s": "1m to 30d"} {
		_, problems := Parse("h.kql", []byte("// name: h\n// schedule: 0 0 * * * *\n// "+header+"\n\nDeviceEvents"))
		if len(problems) != 1 || problems[0].Hint != want {
			t.Errorf("%s: %+v", header, problems)
		}
	}
}
