package table

import (
	"encoding/csv"
	"strings"
	"testing"
)

func TestCSVRunsNothingAndLosesNothing(t *testing.T) {
	t.Parallel()
	cells := []string{
		"=1+1", "+A1", "-A1", "@x", "\t=1", " =cmd|' /C calc'!A0", "＝1", "\u202e=1", "plain", "-5",
		"+3.5", "a,\"b\"\r\nc", "", "ä",
	}
	body, err := CSV([]string{"=name"}, [][]string{cells})
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(body), "\ufeff")))
	r.FieldsPerRecord = -1
	got, err := r.ReadAll()
	if err != nil || len(got) != 2 || got[0][0] != "'=name" {
		t.Fatalf("%q, %v", got, err)
	}
	for i, cell := range got[1] {
		want := strings.ReplaceAll(cells[i], "\r\n", "\n")
		if i < 8 {
			want = "'" + want
		}
		if cell != want {
			t.Errorf("%q became %q", cells[i], cell)
		}
	}
}
