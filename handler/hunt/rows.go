package hunt

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cordon/handler/alert"
	"cordon/handler/hunt/header"
	"cordon/handler/ledger/findings"
	"cordon/handler/ledger/hunts"
)

// Bounds of what one turn reports. What is beyond them is new at the next turn still.
const (
	maxNew   = 10_000
	maxBytes = 1_500_000 // of the rows' texts; a mail with all of them fits what Graph takes
)

// column finds a column whatever the case of its name, as the API's answers differ there; below 0 if there is none.
func (t Table) column(name string) int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return strings.EqualFold(c.Name, name) })
}

// identity are the places of the columns that make two rows the same.
func (h *Hunt) identity(t Table) ([]int, error) {
	if len(t.Columns) == 0 && len(t.Rows) == 0 {
		return nil, nil // a result without rows need not say its columns
	}
	if len(h.Identity) == 0 {
		all := make([]int, len(t.Columns))
		for i := range all {
			all[i] = i
		}
		return all, nil
	}
	var at []int
	var missing []string
	for _, name := range h.Identity {
		i := t.column(name)
		if i < 0 {
			missing = append(missing, name)
		}
		at = append(at, i)
	}
	if len(missing) > 0 {
		return nil,
			fmt.Errorf("the result has no column %s, which the identity names; it has %s", strings.Join(missing, ", "),
				names(t))
	}
	return at, nil
}

func names(t Table) string {
	list := make([]string, 0, len(t.Columns))
	for _, c := range t.Columns {
		list = append(list, plain(c.Name, 60))
	}
	return strings.Join(list[:min(len(list), header.MaxNames)], ", ")
}

// digest stands for the values of a row in some columns: rows with the same values in columns of the same names have
// the same, whatever else differs.
func digest(t Table, row []string, at []int) string {
	sum := sha256.New()
	part := func(s string) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		sum.Write(n[:])
		sum.Write([]byte(s))
	}
	for _, i := range at {
		name, value := strings.ToLower(t.Columns[i].Name), row[i]
		if name == strings.ToLower(MachineColumn) {
			value = strings.ToLower(value)
		}
		part(name)
		part(value)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// fresh picks the rows that are not known, each identity once, and says whether more are left out.
func (h *Hunt) fresh(t Table, known map[string]bool) (result hunts.Result, more bool, err error) {
	at, err := h.identity(t)
	if err != nil {
		return result, false, err
	}
	for _, c := range t.Columns {
		result.Columns = append(result.Columns, c.Name)
	}
	result.Mail = h.Do.mails()
	bytes := 0
	taken := map[string]bool{}
	for _, row := range t.Rows {
		d := digest(t, row, at)
		if known[d] || taken[d] {
			continue
		}
		size := 0
		for _, cell := range row {
			size += len(cell) + 1
		}
		if len(result.Rows) >= maxNew || len(result.Rows) > 0 && bytes+size > maxBytes {
			return result, true, nil
		}
		bytes += size
		taken[d] = true
		result.Rows, result.Digests, result.Machines = append(result.Rows,
			row), append(result.Digests, d), append(result.Machines, h.machine(t, row))
	}
	return result, false, nil
}

// all are the digests of every row.
func (h *Hunt) all(t Table) ([]string, error) {
	at, err := h.identity(t)
	if err != nil {
		return nil, err
	}
	taken := map[string]bool{}
	var digests []string
	for _, row := range t.Rows {
		d := digest(t, row, at)
		if !taken[d] {
			taken[d] = true
			digests = append(digests, d)
		}
	}
	return digests, nil
}

// machine is the id of the machine that a row makes a finding about, empty if it makes none. Only what is an id counts:
// a name could be anybody's.
func (h *Hunt) machine(t Table, row []string) string {
	i := t.column(MachineColumn)
	if !h.Do.finds() || i < 0 || !regexp.MustCompile(`^[0-9a-fA-F]{40}$`).MatchString(row[i]) {
		return ""
	}
	return strings.ToLower(row[i])
}

// finding makes the finding of a row of a record.
func (h *Hunt) finding(turn hunts.Turn, result hunts.Result, i int) (findings.Finding, error) {
	f := findings.Finding{
		ID:          alert.FindingID(h.Name, result.Digests[i]),
		Hunt:        h.Name,
		Description: h.Description,
		Severity:    string(h.Severity),
		MachineID:   result.Machines[i],
		FoundAt:     turn.At,
	}
	row := make(map[string]string, len(result.Columns))
	for j, name := range result.Columns {
		row[name] = result.Rows[i][j]
		if strings.EqualFold(name, "DeviceName") {
			f.MachineName = plain(result.Rows[i][j], 255)
		}
	}
	return f, f.SetRow(row)
}
