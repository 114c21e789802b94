package switches

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/ledger/rows"
)

// met holds what is said about what decisions met.
func met(t *testing.T, s *Store) {
	note := func(at time.Time, found ...Met) {
		t.Helper()
		if err := s.NoteMet(t.Context(), found, at); err != nil {
			t.Fatal(err)
		}
	}
	list := func(at time.Time) []Met {
		t.Helper()
		list, err := s.Met(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if found := list(noon); len(found) != 0 {
		t.Errorf("nothing was met: %+v", found)
	}
	tag, group := Met{
		Fact:    "machineTags",
		Tag:     `"never_isolate"`,
		Like:    "never-isolate",
		Machine: "m1",
	}, Met{Fact: "rbacGroupName", Machine: "m1"}
	note(noon, tag, group)
	table := s.Table(rows.Switches)
	row := table.At("met")
	if _, err := table.Read(t.Context(), &row); err != nil {
		t.Fatal(err)
	}
	// The same a little later is not written again, and a tag is told once for all machines.
	other := tag
	other.Machine = "m2"
	note(noon.Add(time.Hour), tag, group, other)
	again := table.At("met")
	if _, err := table.Read(t.Context(), &again); err != nil || again.ETag != row.ETag {
		t.Error("what is known was written again")
	}
	note(noon.Add(25*time.Hour), other)
	found := list(noon.Add(26 * time.Hour))
	if len(found) != 2 || found[0].Machine != "m2" ||
		found[1] != (Met{Fact: "rbacGroupName", Machine: "m1", At: noon}) {
		t.Errorf("%+v", found)
	}
	if found := list(noon.Add(31 * 24 * time.Hour)); len(found) != 1 || found[0].Tag == "" {
		t.Errorf("what is too old is there: %+v", found)
	}
	// It stays small, whatever is met.
	for i := range MetMachines/50 + 2 {
		var many []Met
		for j := range 50 {
			n := i*50 + j
			many = append(many, Met{Fact: "rbacGroupName", Machine: fmt.Sprintf("%040x", n*n*n)},
				Met{
					Fact:    "machineTags",
					Tag:     fmt.Sprint(n) + strings.Repeat("x", 5000),
					Like:    "never-isolate",
					Machine: "m",
				})
		}
		note(noon.Add(40*24*time.Hour+time.Duration(i)*time.Minute), many...)
	}
	tags, machines := 0, 0
	for _, m := range list(noon.Add(41 * 24 * time.Hour)) {
		if m.Tag != "" {
			tags++
		} else {
			machines++
		}
	}
	if tags != MetTags || machines != MetMachines {
		t.Errorf("%d tags and %d machines are kept", tags, machines)
	}
}
