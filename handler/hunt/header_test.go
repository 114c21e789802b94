package hunt

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"cordon/handler/alert"
	"cordon/handler/hunt/kql"
)

const sample = `// name: remote-tools
// description: Tools for remote control
//   that nobody installed.
// schedule: 0 0 * * * *
// timespan: 2h
// identity: DeviceId, SHA1
// do: both
// severity: Medium
// to: Night shift <soc@example.com>, lead@example.com
// first: learn
// empty: mail
// memory: 14d
// param: tools strings = anydesk.exe, team"viewer.exe
// param: least long = 3

// A comment of the query's own.
DeviceProcessEvents
| where Timestamp > {{since}} and FileName in~ ({{ tools }})
| where FileName != "a // {x}" // why
| summarize count() by DeviceId, SHA1 | where count_ >= {{least}}
`

func TestAHeaderIsRead(t *testing.T) {
	t.Parallel()
	h, problems := Parse("hunts/x.kql", []byte(sample))
	if len(problems) > 0 {
		t.Fatal((&Error{problems}).Error())
	}
	if h.Name != "remote-tools" || h.Description != "Tools for remote control that nobody installed." ||
		h.Timespan != 2*time.Hour || h.Do != DoBoth || h.Severity != alert.Medium ||
		!slices.Equal(h.Identity, []string{"DeviceId", "SHA1"}) ||
		!slices.Equal(h.To, []string{"soc@example.com", "lead@example.com"}) || !h.Learn || !h.TellEmpty ||
		h.Memory != 14*24*time.Hour {
		t.Errorf("%+v", h)
	}
	since := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	if got := h.Next(since); !got.Equal(since.Add(time.Hour)) {
		t.Errorf("next turn %s", got)
	}
	query, err := h.Query(since, map[string]string{"least": "7"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Timestamp > datetime(2026-03-02T10:00:00.0000000Z)", `in~ (dynamic(["anydesk.exe", "team\"viewer.exe"]))`,
		"count_ >= long(7)", `"a // {x}" // why`,
	} {
		if !strings.Contains(query, want) {
			t.Errorf("the query lacks %s:\n%s", want, query)
		}
	}
	for name, value := range map[string]string{"since": "x", "other": "1", "least": "1) or (true"} {
		if q, err := h.Query(since, map[string]string{name: value}); err == nil ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("%s = %s: %v\n%s", name, value, err, q)
		}
	}
}

func TestMistakesAreNamedByLineWithTheWayOut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, old, new string
		line           int
		says           string
	}{
		{"unknown key", "// memory:", "// memroy:", 12, `no "memroy"`},
		{"twice", "// memory: 14d", "// do: mail", 12, "do is there twice"},
		{"name", "remote-tools", "Remote Tools", 1, "no name for a hunt"},
		{"no name", "// name: remote-tools\n", "", 1, "name is missing"},
		{"five fields", "0 0 * * * *", "0 * * * *", 4, "no schedule"},
		{"a time zone", "0 0 * * * *", "TZ=UTC 0 * * * *", 4, "no schedule"},
		{"never", "0 0 * * * *", "0 0 0 31 2 *", 4, "no schedule"},
		{"timespan", "timespan: 2h", "timespan: 31d", 5, "timespan cannot be 31d"},
		{"timespan form", "timespan: 2h", "timespan: PT2H", 5, "no duration"},
		{"memory below timespan", "memory: 14d", "memory: 1h", 12, "shorter than timespan"},
		{"identity without the machine", "DeviceId, SHA1", "SHA1", 6, "identity with DeviceId"},
		{"no identity", "// identity: DeviceId, SHA1\n", "", 6, "identity with DeviceId"},
		{"column", "DeviceId, SHA1", "DeviceId, a b", 6, "no name of a column"},
		{"column twice", "DeviceId, SHA1", "DeviceId, deviceid", 6, "twice"},
		{"do", "do: both", "do: everything", 7, "do is never"},
		{"severity", "severity: Medium", "severity: medium", 8, "severity is never"},
		{"no severity", "// severity: Medium\n", "", 7, "severity is missing"},
		{"severity without findings", "do: both", "do: mail", 8, "severity is of findings"},
		{"empty without mail", "do: both", "do: findings", 11, "empty: mail asks for mail"},
		{"to", "lead@example.com", "lead@", 9, "mail addresses"},
		{"to", "lead@example.com", "lead-{{group}}@example.com", 9, "no templates"},
		{"first", "first: learn", "first: perhaps", 10, "first is never"},
		{"param form", "least long = 3", "least", 14, "declares no parameter"},
		{"param type", "least long", "least int", 14, `no type "int"`},
		{"param value", "least long = 3", "least long = three", 14, "no whole number"},
		{"param since", "least long", "since long", 14, "predefined"},
		{"param not used", "{{least}}", "3", 14, "not used"},
		{"param not declared", "{{least}}", "{{most}}", 20, "not declared"},
		{"param in a text", `"a // {x}"`, `"a {{least}}"`, 19, "within a text or a comment"},
		{"param in a comment", "// why", "// {{least}}", 19, "within a text or a comment"},
		{"open braces", "{{since}}", "{{since", 18, "does not begin a parameter"},
		{"free comment", "// do: both", "//do it\n// do: both", 7, "neither key: value"},
		{"control character", "why", "\x1b[2J", 19, "control character"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(sample, tt.old) {
				t.Fatalf("the sample has no %q", tt.old)
			}
			h, problems := Parse("hunts/x.kql", []byte(strings.Replace(sample, tt.old, tt.new, 1)))
			if h != nil {
				t.Fatal("it was taken")
			}
			for _, p := range problems {
				if p.Line == tt.line && strings.Contains(p.Message, tt.says) && p.Hint != "" {
					return
				}
			}
			t.Errorf("no problem in line %d says %q:\n%s", tt.line, tt.says, (&Error{problems}).Error())
		})
	}
	if h, problems := Parse("x.kql", []byte("// name: a\n// schedule: 0 0 * * * *\n// timespan: 1h\n")); h != nil ||
		len(problems) != 1 || !strings.Contains(problems[0].Message, "no query") {
		t.Errorf("without a query: %v", problems)
	}
}

func TestAnExcerptIsOneShortLine(t *testing.T) {
	t.Parallel()
	_, problems := Parse("x.kql", []byte("// name: "+strings.Repeat("\u202e", 5000)+"\nT"))
	text := (&Error{problems}).Error()
	if strings.Contains(text, "\u202e") || len(text) > 4000 {
		t.Errorf("%d bytes: %.200q", len(text), text)
	}
}

func TestACatalogueHasEveryNameOnce(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"b.kql":     {Data: []byte(sample)},
		"README.md": {Data: []byte("no hunt")},
		"a.kql":     {Data: []byte(strings.Replace(sample, "remote-tools", "another", 1))},
	}
	c, err := Load(files, "hunts")
	if err != nil {
		t.Fatal(err)
	}
	if hunts := c.Hunts(); len(hunts) != 2 || hunts[0].Name != "another" || hunts[1].File != "hunts/b.kql" {
		t.Errorf("%+v", hunts)
	}
	files["c.kql"] = files["b.kql"]
	var wrong *Error
	if _, err := Load(files, "hunts"); !errors.As(err, &wrong) ||
		!strings.Contains(err.Error(), "hunts/c.kql:1: the name remote-tools is taken by hunts/b.kql") {
		t.Errorf("the same name twice: %v", err)
	}
}

func TestLiteralsHoldNothingButTheirValue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		of          ParamType
		value, want string // empty: refused
	}{
		{TypeString, `a"; drop`, `"a\"; drop"`},
		{TypeString, `a\`, `"a\\"`},
		{TypeString, "a\nb\u202e", `"a\u000ab\u202e"`},
		{TypeString, "\xff", ""},
		{TypeString, strings.Repeat("x", kql.MaxText+1), ""},
		{TypeStrings, "a, b", `dynamic(["a", "b"])`},
		{TypeStrings, "a,,b", ""},
		{TypeLong, "-7", "long(-7)"},
		{TypeLong, "7 or 1", ""},
		{TypeReal, "0.5", "real(0.5)"},
		{TypeReal, "1e9", ""},
		{TypeBool, "true", "true"},
		{TypeBool, "True", ""},
		{TypeDatetime, "2026-03-02T10:00:00+01:00", "datetime(2026-03-02T09:00:00.0000000Z)"},
		{TypeDatetime, "now()", ""},
		{TypeTimespan, "90m", "time(0.01:30:00)"},
		{TypeTimespan, "2d", "time(2.00:00:00)"},
		{TypeTimespan, "ago(1d)", ""},
		{"int", "1", ""},
	} {
		got, err := tt.of.Literal(tt.value)
		if got != tt.want || (err == nil) == (tt.want == "") {
			t.Errorf("%s %.40q = %s, %v; want %s", tt.of, tt.value, got, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("// name: a\n// schedule: 0 0 * * * *\n// timespan: 1h\nT | where x == ```{{since}}``` or y == " +
		"@'a''b' {{since}}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		h, problems := Parse("x.kql", body)
		if (h == nil) == (len(problems) == 0) {
			t.Fatalf("a hunt %v with problems %v", h, problems)
		}
		if h == nil {
			return
		}
		if q, err := h.Query(time.Unix(0, 0), nil); err != nil || strings.Contains(h.Name, "/") ||
			h.Next(time.Unix(0, 0)).IsZero() {
			t.Errorf("%q: %v", q, err)
		}
	})
}

// FuzzLiteral holds that no value ends its literal: what stands behind it is still read as it was.
func FuzzLiteral(f *testing.F) {
	f.Add(`a"b`)
	f.Add(`\`)
	f.Fuzz(func(t *testing.T, value string) {
		if text, err := TypeString.Literal(value); err == nil && kql.Opaque(text+" | x") != len(text) {
			t.Errorf("%q is left early: %s", value, text)
		}
	})
}

func TestDayAndWeekdayOfAScheduleBothHaveToMatch(t *testing.T) {
	t.Parallel()
	const text = "// name: first-monday\n// description: The first Monday of every month at 08:00, as Azure " +
		"Functions reads it.\n// schedule: 0 0 8 1-7 * 1\n// timespan: 30d\nDeviceInfo\n| where Timestamp >= " +
		"{{since}}\n"
	h, problems := Parse("first-monday.kql", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, want := range []string{"2026-03-02", "2026-04-06", "2026-05-04", "2026-06-01", "2026-07-06"} {
		if at = h.Next(at); at.Format("2006-01-02 15:04") != want+" 08:00" {
			t.Errorf("%s, want %s 08:00", at, want)
		}
	}
}
