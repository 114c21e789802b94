package oncall

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestIsolatedMachinesFitATerminal has everything that can stand in a row, and next to nothing.
func TestIsolatedMachinesFitATerminal(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	views := []isolationView{
		{
			MachineID:   "1e5bc9d7e413ddd7902c2932e418702b84d0cc07",
			MachineName: "fin-lt-0147.corp.contoso.com",
			Ledger:      "isolated",
			API:         "not isolated",
			Since:       noon,
			Until:       noon.Add(7 * 24 * time.Hour),
			By:          "cordon",
			RunID:       "da638994417204415533_-1184209733:v1",
			Drift:       "the ledger believes that it is isolated, and the API lists a release that was done",
		},
		{MachineID: "72c2932e418702b84d0cc071e5bc9d7e413ddd79", API: "isolated", Requestor: "alice@contoso.com"},
	}
	var out strings.Builder
	if err := printIsolated(&out, views); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	said := strings.Join(strings.Fields(out.String()), " ")
	for _, v := range views {
		for _, want := range []string{v.MachineID, v.MachineName, v.API, v.RunID, v.Requestor, v.Drift} {
			if !strings.Contains(said, want) {
				t.Errorf("%q is left out:\n%s", want, out.String())
			}
		}
	}
}
