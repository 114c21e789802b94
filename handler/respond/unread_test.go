package respond_test

import (
	"strings"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// TestAMachineThatCannotBeAskedForIsHeldAndNamed has alerts whose machine id is none, and rules that ask whether there
// is a machine.
func TestAMachineThatCannotBeAskedForIsHeldAndNamed(t *testing.T) {
	t.Parallel()
	asks := strings.Replace(world.IsolateHigh, "when: ", "when: machine != nil && ", 1)
	for id, shown := range map[string]string{
		"pc1 contoso":            `"pc1 contoso"`,
		"../machines":            `"../machines"`,
		"...":                    `"..."`,
		"m1\u202e\x07":           `"m1\u202e\a"`,
		strings.Repeat("a", 900): `"` + strings.Repeat("a", 80) + `"`,
	} {
		for _, book := range []string{world.IsolateHigh, asks} {
			w := world.NewWorldWith(t, book)
			p := w.Start(-1, false)
			w.Change(alert.Alert{
				ID:        "da1",
				MachineID: machine.ID(id),
				Severity:  alert.High,
				Created:   w.Clock(),
				Updated:   w.Clock(),
			})
			w.Drain(p, 3)
			w.Grow(p, "da1")
			news := w.NewsOf("da1")
			if len(news) != 1 || news[0].Kind != notice.Held || !news[0].Unlisted ||
				!strings.Contains(news[0].Detail, shown+" cannot be a machine's id; look at the alert in the portal") {
				t.Errorf("told of machine %.20q: %+v", id, news)
			}
			if run := w.Run("da1", 2); run.Outcome != "held" || w.Posts != 0 {
				t.Errorf("machine %.20q, run %+v, %d requests", id, run, w.Posts)
			}
			if held, err := p.Ledger.Held.All(t.Context()); err != nil || len(held) != 0 {
				t.Errorf("listed %+v, %v", held, err)
			}
		}
	}
}
