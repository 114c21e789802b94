package terminal

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func machines() List {
	return List{
		Heading: []string{"MACHINE", "ID", "SINCE", "BY"},
		Cut:     []int{0, 3},
		Rows: []Entry{
			{
				Cells: []string{"fin-lt-0147.corp.contoso.com", "1e5bc9d7", "3 h", "alice.with.a.long.name@contoso.com"},
				Below: []string{
					"contain-high-severity: Suspicious PowerShell command line that goes on and on",
					strings.Repeat("x", 50),
				},
			},
			{Cells: []string{"日本語の端末-0147.corp.contoso.com", "72c2932e", "2 d", "cordon"}},
			{Cells: []string{"e\u0301\u0301vil\x1b[2J", "9c2932e4", "2 d", ""}},
		},
	}
}

func TestAListCutsWhatMayBeCutAndKeepsIDsWhole(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := machines().write(&out, 44, 200); err != nil {
		t.Fatal(err)
	}
	want := `MACHINE       ID        SINCE  BY
fin-lt-0147…  1e5bc9d7  3 h    alice.with.a…
  contain-high-severity: Suspicious
    PowerShell command line that goes on and
    on
  xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    xxxxxxxxxx
日本語の端…   72c2932e  2 d    cordon
` + "e\u0301\u0301vil\\x1b[2J   9c2932e4  2 d\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// TestNoListIsWiderThanItsTerminal has every width down to what cannot be cut any more.
func TestNoListIsWiderThanItsTerminal(t *testing.T) {
	t.Parallel()
	for room := 37; room < 150; room++ {
		var out strings.Builder
		if err := machines().write(&out, room, 200); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := spread(strings.TrimSuffix(line, "\n")); n > room {
				t.Errorf("%d columns of %d: %s", n, room, line)
			}
		}
		for _, id := range []string{"1e5bc9d7", "72c2932e", "9c2932e4"} {
			if !strings.Contains(out.String(), " "+id+" ") {
				t.Errorf("at %d columns %s is cut", room, id)
			}
		}
	}
}

func TestATableOfWideCharactersIsAligned(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := Table(&out, 40, []string{"A", "B"}, []string{"日本", "x"}, []string{"e\u0301", "y"}); err != nil {
		t.Fatal(err)
	}
	if want := "A     B\n日本  x\ne\u0301     y\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
