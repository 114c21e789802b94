package lists

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/internal/long"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/rows/rowstest"
	"cordon/local/tables"
)

// TestNamesHold holds what is promised of the names of machines.
func TestNamesHold(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, In, map[string]func(*testing.T, *Store){
		"every beginning finds just what begins so": begun,
		"foreign texts are found as they are":       foreign,
		"the newest sight of a name stands":         newest,
		"what is forgotten is not found":            forgotten,
		"more than are wanted are said to be more":  tooMany,
	})
}

// seen enters a run on a machine.
func seen(t *testing.T, s *Store, id, name string, at time.Time) {
	t.Helper()
	enter(t, s, Entry{
		AlertID:     fmt.Sprintf("da%d", at.Unix()),
		Version:     1,
		ObservedAt:  at,
		MachineID:   id,
		MachineName: name,
	}, "")
}

// namesOf are the machines that are found.
func namesOf(t *testing.T, s *Store, prefix string) (found []string) {
	t.Helper()
	all, more, err := s.Named(t.Context(), prefix, 900)
	if err != nil || more {
		t.Fatalf("%q: %v, more %v", prefix, err, more)
	}
	for _, n := range all {
		found = append(found, n.MachineName+" "+n.MachineID)
	}
	return found
}

// begun holds beginnings of names and ids against going through all machines.
func begun(t *testing.T, s *Store) {
	random := rand.New(rand.NewPCG(5, 6))
	text := func(most int) (made string) {
		for range random.IntN(most + 1) {
			made += []string{"a", "A", "b", "-", ".", "1"}[random.IntN(6)]
		}
		return made
	}
	known := map[[2]string]string{} // by what is the same in any letter case
	for i := range 60 {
		id, name := "m"+text(2), text(4)
		seen(t, s, id, name, noon.Add(time.Duration(i)*time.Minute))
		known[[2]string{strings.ToLower(id), strings.ToLower(name)}] = name + " " + id
	}
	for range 60 {
		prefix := text(3)
		if random.IntN(2) == 0 {
			prefix = "M" + text(2)
		}
		var want []string
		lower := strings.ToLower(prefix)
		for key, machine := range known {
			_, other := known[[2]string{key[0], ""}]
			named := 0
			for also := range known {
				if also[0] == key[0] && also[1] != "" && (strings.HasPrefix(also[0], lower) || strings.HasPrefix(also[1], lower)) {
					named++
				}
			}
			nameless := key[1] == "" && other && named > 0
			if (strings.HasPrefix(key[0], lower) || strings.HasPrefix(key[1], lower)) && !nameless {
				want = append(want, machine)
			}
		}
		got := namesOf(t, s, prefix)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q:\n got %q\nwant %q", prefix, got, want)
		}
	}
}

func foreign(t *testing.T, s *Store) {
	texts := []string{"pc'1", "pc|1", "pc~1", "pc/1#?%", "PC É\u202e", "pc\x00", "' or PartitionKey ne '"}
	texts = append(texts, "pc"+strings.Repeat("/", 4000)+"a", "pc"+strings.Repeat("/", 4000)+"b")
	for i, text := range texts {
		seen(t, s, fmt.Sprintf("m%d", i), text, noon.Add(time.Duration(i)*time.Second))
		seen(t, s, "x"+text, "", noon.Add(time.Hour+time.Duration(i)*time.Second))
	}
	for i, text := range texts {
		want := fmt.Sprintf("%s m%d", text, i)
		letters := []rune(text)
		for _, prefix := range []string{text, strings.ToUpper(text), string(letters[:len(letters)-1])} {
			if got := namesOf(t, s, prefix); !slices.Contains(got, want) {
				t.Errorf("%.20q: %.100q, want %.20q", prefix, got, want)
			}
		}
		if got := namesOf(t, s, "X"+text); len(got) != 1 || got[0] != " x"+text {
			t.Errorf("x%.20q: %.100q", text, got)
		}
	}
	seen(t, s, "same", "SAME", noon)
	if got := namesOf(t, s, "sam"); fmt.Sprint(got) != "[SAME same]" {
		t.Errorf("a name that is an id: %q", got)
	}
}

func newest(t *testing.T, s *Store) {
	seen(t, s, "m1", "pc1", noon)
	seen(t, s, "m2", "pc1", noon.Add(time.Hour))
	e := Entry{
		AlertID:     "da1",
		Version:     1,
		ObservedAt:  noon,
		ClosedAt:    noon.Add(2 * time.Hour),
		MachineID:   "M1",
		MachineName: "PC1",
	}
	enter(t, s, e, "")
	enter(t, s, e, "")
	dropped := e
	dropped.AlertID, dropped.ClosedAt = "da2", noon.Add(time.Minute)
	dropped.Known = true
	enter(t, s, dropped, "")
	found, _, err := s.Named(t.Context(), "pc", 9)
	if err != nil || len(found) != 2 || found[0].MachineID != "M1" || found[0].SeenAt != e.ClosedAt ||
		found[1].SeenAt != noon.Add(time.Hour) {
		t.Errorf("%+v, %v", found, err)
	}
}

func forgotten(t *testing.T, s *Store) {
	seen(t, s, "m1", "pc1", noon)
	seen(t, s, "M1", "pc1.contoso.com", noon.Add(time.Second))
	seen(t, s, "m1", "", noon.Add(time.Minute))
	seen(t, s, "m2", "pc1", noon.Add(time.Hour))
	seen(t, s, "m3", "m1", noon.Add(2*time.Hour))
	for range 2 {
		if err := s.ForgetNames(t.Context(), "M1"); err != nil {
			t.Fatal(err)
		}
		if got := namesOf(t, s, "pc"); fmt.Sprint(got) != "[pc1 m2]" {
			t.Errorf("by name: %q", got)
		}
		if got := namesOf(t, s, "m1"); fmt.Sprint(got) != "[ m1 m1 m3]" {
			t.Errorf("by id: %q", got)
		}
	}
}

func tooMany(t *testing.T, s *Store) {
	for i := range 8 {
		seen(t, s, fmt.Sprintf("m%d", i), fmt.Sprintf("pc%d", i), noon.Add(time.Duration(i)*time.Second))
	}
	for limit, more := range map[int]bool{5: true, 8: false} {
		found, is, err := s.Named(t.Context(), "PC", limit)
		if err != nil || is != more || len(found) != limit || found[0].MachineName != "pc0" {
			t.Errorf("%d: %+v, more %v, %v", limit, found, is, err)
		}
	}
}

// TestMachinesAreFoundByOneCallHoweverManyThereAre looks for the same beginnings among a hundred machines and among a
// hundred thousand.
func TestMachinesAreFoundByOneCallHoweverManyThereAre(t *testing.T) {
	long.Test(t)
	for _, machines := range []int{100, 100_000} {
		s, server := filled(t, 0)
		var all []tables.Row
		for i := range machines {
			for _, row := range s.named(Entry{
				MachineID:   fmt.Sprintf("m%06d", i),
				MachineName: fmt.Sprintf("PC%06d.contoso.com", i),
				ObservedAt:  noon,
			}) {
				all = append(all, stored(t, row))
			}
		}
		slices.SortFunc(all, func(a, b tables.Row) int { return strings.Compare(a.RowKey, b.RowKey) })
		for _, row := range all {
			server.PutRow(rows.RunIndex, row)
		}
		for prefix, wanted := range map[string]int{"pc": 50, "PC00001": 10, "m00001": 10, "pc000012.contoso.com": 1, "z": 0} {
			server.calls = 0
			begun := time.Now()
			found, more, err := s.Named(t.Context(), prefix, 50)
			took := time.Since(begun).Round(time.Millisecond)
			if err != nil || len(found) != wanted || more != (wanted == 50) || server.calls != 1 {
				t.Errorf("%q of %d: %d machines, more %v, by %d calls: %v", prefix, machines, len(found), more, server.calls, err)
			}
			t.Logf("%q of %d: %s", prefix, machines, took)
		}
	}
}
