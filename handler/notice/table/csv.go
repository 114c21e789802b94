// Package table writes what hunts found as a file that spreadsheets open.
package table

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// CSV writes a table as a file of comma-separated values (RFC 4180) in UTF-8 with a mark at its beginning, without
// which spreadsheets take it for something else. What a spreadsheet would take for a formula gets an apostrophe in
// front: the texts may be an attacker's.
func CSV(columns []string, rows [][]string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("\ufeff")
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	number := regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?$`)
	for _, row := range append([][]string{columns}, rows...) {
		tame := make([]string, len(row))
		for i, cell := range row {
			tame[i] = cell
			if isFormula(cell) && !number.MatchString(cell) {
				tame[i] = "'" + cell
			}
		}
		if err := w.Write(tame); err != nil {
			return nil, fmt.Errorf("write CSV: %w", err)
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// isFormula reports whether a spreadsheet may run a cell ("CSV Injection", OWASP): it begins with a sign of a formula,
// in either width, whatever blanks stand before it.
func isFormula(cell string) bool {
	if strings.HasPrefix(cell, "\t") ||
		strings.HasPrefix(cell, "\r") ||
		strings.HasPrefix(cell, "\n") {
		return true
	}
	cell = strings.TrimLeftFunc(cell, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
	return cell != "" && strings.ContainsRune("=+-@|%＝＋－＠", []rune(cell)[0])
}
