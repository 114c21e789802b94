package kusto_test

import (
	"slices"
	"strings"
	"testing"

	"cordon/local/kusto"
)

func TestWhatIsNoQueryIsSeen(t *testing.T) {
	t.Parallel()
	wrong := map[string]string{
		"a reserved word":      `AppTraces | extend line = parse_json(Message) | project by = tostring(line.by)`,
		"an unknown column":    `DeviceInfo | where DeviceNam == "x"`,
		"an unknown table":     `DeviceThings | take 1`,
		"a column that went":   `AppRequests | project Name | where Success == false`,
		"a type that is wrong": `AppRequests | where DurationMs has "x"`,
		"an unfinished clause": `AppTraces | where Message has "x" and`,
		"an unknown function":  `AppTraces | where isnutempty(Message)`,
		"two statements":       `AppTraces | take 1 AppTraces | take 1`,
	}
	var queries []string
	for _, query := range wrong {
		queries = append(queries, query)
	}
	for i, verdict := range kusto.Judge(t, queries...) {
		if len(verdict.Problems) == 0 {
			t.Errorf("nothing is said against %s", queries[i])
		}
	}
}

func TestTheVerdictHasColumnsAndTexts(t *testing.T) {
	t.Parallel()
	verdict := kusto.Judge(t,
		`AppTraces | extend line = parse_json(Message) | where line.msg in ("a\u200b", 'b"') | project n = `+
			`toint(line.n), TimeGenerated`)[0]
	if len(verdict.Problems) > 0 || strings.Join(verdict.Columns, ",") != "n:int,TimeGenerated:datetime" ||
		!slices.Equal(verdict.Texts, []string{"a\u200b", `b"`}) {
		t.Errorf("%+v", verdict)
	}
}
