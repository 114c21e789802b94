package judge

import (
	"strings"
	"testing"
)

func TestMailsAboutAFindingAreNoSecondMailOfTheRows(t *testing.T) {
	t.Parallel()
	rows := mail(2, "a", "")
	rows.Subject = "[Cordon] Hunt remote-tools: 1 new row"
	finding := mail(6, "a", "Isolated")
	finding.Subject = `[Cordon] PC1: Isolated – High alert "Hunt remote-tools"`
	e := kept()
	e.Hunted = []string{"a"}
	e.Findings = []Finding{{MachineID: "a", Answered: true}}
	e.Mails = append(e.Mails, rows, finding)
	if got := strings.Join(Judge(e).Problems, "\n"); strings.Contains(got, "rows of the hunt") {
		t.Errorf("one mail of the rows, and: %s", got)
	}
	again := rows
	again.ID += "again"
	e.Mails = append(e.Mails, again)
	if got := strings.Join(Judge(e).Problems, "\n"); !strings.Contains(got, "the rows of the hunt were mailed 2 times") {
		t.Errorf("two mails of the rows, and: %s", got)
	}
}
