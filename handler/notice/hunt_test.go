package notice

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/ledger/hunts"
)

// rowsPages are the mails of turns, with the rows of hostile devices among them.
func rowsPages() map[string]rowsPage {
	e := Event{
		Kind:   HuntRows,
		Hunt:   "remote-tools",
		Turn:   noon,
		Detail: "Tools for remote control that nobody installed.",
	}
	turn := hunts.Turn{
		Hunt:  "remote-tools",
		Due:   noon,
		At:    noon.Add(3 * time.Second),
		Since: noon.Add(-2 * time.Hour),
		Rows:  7,
		New:   2,
	}
	few := hunts.Result{
		Columns:  []string{"DeviceName", "DeviceId", "FileName", "ProcessCommandLine"},
		Mail:     true,
		Machines: []string{"4c1f", ""},
		Rows: [][]string{
			{
				"fin-lt-0147.corp.contoso.com", "4c1f7a90be2d35689f00d1e2a7b3c4558d6e9f12",
				"anydesk.exe", `"C:\Users\p\anydesk.exe" --silent`,
			},
			{
				"<img src=x onerror=alert(1)>", "",
				"a\r\nSubject: x\u202egpj.exe", "<script>" + strings.Repeat("unbroken", 100),
			}},
	}
	many := hunts.Result{Mail: true}
	for i := range 16 {
		many.Columns = append(many.Columns, fmt.Sprintf("ColumnWithALongName%d", i))
	}
	for i := range 60 {
		row := make([]string, len(many.Columns))
		row[0] = fmt.Sprintf("row %d", i+1)
		many.Rows, many.Machines = append(many.Rows, row), append(many.Machines, "")
	}
	full := turn
	full.More, full.Cut = true, true
	pages := map[string]rowsPage{"hunt": pageOfRows(e, turn, few), "hunt-many": pageOfRows(e, full, many)}
	for name, p := range pages {
		p.Portal = "https://security.microsoft.com/v2/advanced-hunting"
		pages[name] = p
	}
	return pages
}

func TestMailsOfHuntsReadAsTheGoldenFiles(t *testing.T) {
	t.Parallel()
	for name, p := range rowsPages() {
		text, html, err := renderRows(p)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".txt.golden", "Subject: "+p.Subject+"\n\n"+text)
		golden(t, name+".html.golden", html)
		if strings.Contains(html, "<script>") || strings.Contains(html, "<img") ||
			strings.Contains(text, "\nSubject: x") || strings.Count(html, "<tbody>") > shownRows {
			t.Errorf("%s: a row speaks for the mail, or there are too many", name)
		}
	}
}
