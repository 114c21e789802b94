package oncall

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"cordon/handler/cli/call"
	"cordon/handler/isolation"
	"cordon/handler/operate/wire"
)

// isolatedMachines have everything that can stand in a row, hostile and wide text, and next to nothing.
func isolatedMachines(noon time.Time) []wire.Isolation {
	return []wire.Isolation{
		{
			MachineID:   "1e5bc9d7e413ddd7902c2932e418702b84d0cc07",
			MachineName: "fin-lt-0147.corp.contoso.com",
			State:       string(isolation.Released),
			Ledger:      string(isolation.Isolated),
			API:         string(isolation.Not),
			Since:       noon,
			Until:       noon.Add(7 * 24 * time.Hour),
			By:          "cordon",
			RunID:       "da638994417204415533_-1184209733:v1",
			AlertID:     "da638994417204415533_-1184209733",
			Title:       "Suspicious \x1b[31mPowerShell\u202e command line " + strings.Repeat("端末", 40),
			Severity:    "High",
			Rule:        "contain-workstations",
			Drift:       "the ledger believes that it is isolated, and the API lists a release that was done",
		},
		{
			MachineID:   "1e5bc9d7e4ffddd7902c2932e418702b84d0cc07",
			MachineName: strings.Repeat("日本語の端末", 20),
			State:       string(isolation.Requested),
			By:          "person",
			Requestor:   "alice.with.a.very.long.name.indeed@emea.contoso.com",
		},
		{MachineID: "72c2932e418702b84d0cc071e5bc9d7e413ddd79", State: "isolated", Requestor: "eve@contoso.com"},
	}
}

func columns(line string) (n int) {
	for _, r := range line {
		kind := width.LookupRune(r).Kind()
		if n++; kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
			n++
		}
	}
	return n
}

func TestIsolatedMachinesFitATerminal(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	all := isolatedMachines(noon)
	var out strings.Builder
	if err := printIsolated(&out, call.Clock{Now: noon.Add(3 * time.Hour), Zone: time.UTC}, all); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		line = strings.TrimSuffix(line, "\n")
		if n := columns(line); n > 80 || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	said := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"1e5bc9d7e41", "1e5bc9d7e4f", "72c2932e418", "fin-lt-0147.cor", "3 h", "in 7 d", "cordon", "eve@contoso.com",
		"rule contain-workstations: Suspicious", "(High, da638994417204415533_-1184209733)", all[0].Drift, "(no name)",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is left out:\n%s", want, out.String())
		}
	}
}

// TestEachIDThatIsShownIsTaken holds that what a list shows is enough for every command.
func TestEachIDThatIsShownIsTaken(t *testing.T) {
	t.Parallel()
	var ids []string
	for i := range 300 {
		ids = append(ids, fmt.Sprintf("%08x%032x", i*2654435761%(1<<16), i))
	}
	short := call.Short(ids)
	for _, id := range ids {
		if got, found, err := call.Meant(short(id), ids); err != nil || !found || got != id {
			t.Errorf("%s is shown as %s, which means %s, %v", id, short(id), got, err)
		}
	}
}
