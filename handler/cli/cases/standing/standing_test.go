package standing_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/cli/cases/standing"
	"cordon/handler/internal/world"
	"cordon/handler/machine"
	"cordon/handler/playbook"
)

// lives is the playbook of the alerts that are followed here.
const lives = `version: 1
mode: enforce
rules:
  - {name: back, on: alert, when: alert.status == "Resolved", do: [release: {}, unrestrictApps: {}]}
  - name: contain
    on: alert
    when: alert.severity == "High"
    do: [collectPackage: {}, restrictApps: {}, isolate: {type: Full}, mail: {}]
  - {name: look, on: alert, when: alert.severity == "Medium", do: [scan: {type: Quick}]}
limits:
  isolate: {perHour: 100, perDay: 100, perMachine: {perDay: 100}}
  release: {perHour: 100, perDay: 100, perMachine: {perDay: 100}}
  restrictApps: {perHour: 100, perDay: 100, perMachine: {perDay: 100}}
  unrestrictApps: {perHour: 100, perDay: 100, perMachine: {perDay: 100}}
  scan: {perHour: 100, perDay: 100, perMachine: {perDay: 100}}
  collectPackage: {perHour: 100, perDay: 100, perMachine: {perDay: 100}}
`

// life is an alert that is answered by the product in a world, and beside it by what cases stand upon.
type life struct {
	*world.World
	process *world.Process
	stands  *standing.Standing
	random  *rand.Rand
	asked   int // actions of the world that were looked at
	done    []string
}

// TestMomentsComeToWhatTheProductDoes follows alerts through random lives: of each moment the product has to ask for
// exactly the machine actions that a case says are asked for.
func TestMomentsComeToWhatTheProductDoes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			l := &life{
				World:  world.NewWorldWith(t, lives),
				stands: standing.New(world.Lift),
				random: rand.New(rand.NewPCG(seed, 1)),
			}
			l.process = l.Start(-1, false)
			l.Advance(time.Hour)
			l.AlertOn("da1", "m1", alert.High)
			l.answer()
			for range 5 {
				l.Advance(time.Duration(1+l.random.IntN(20)) * time.Hour)
				l.byHand()
				l.EditAlert("da1", l.news)
				l.answer()
			}
		})
	}
}

// byHand is what a person may do to the machine.
func (l *life) byHand() {
	kinds := []machine.ActionType{
		"", "", machine.Unisolate, machine.Isolate, machine.Unrestrict, machine.Restrict,
	}
	kind := kinds[l.random.IntN(len(kinds))]
	if kind == "" {
		return
	}
	l.done = append(l.done, "by hand: "+string(kind))
	l.Mu.Lock()
	a := l.Add(kind, "m1", "by hand", "", "Portal")
	l.Finish(a.ID, machine.Succeeded)
	l.Mu.Unlock()
	l.Advance(time.Minute)
	l.Follow(l.process)
}

// news is another version of the alert.
func (l *life) news(a *alert.Alert) {
	a.IncidentID++
	a.Created = l.Clock()
	a.Severity = []alert.Severity{alert.High, alert.High, alert.Medium}[l.random.IntN(3)]
	a.Status = []alert.Status{alert.StatusNew, alert.StatusInProgress, alert.StatusResolved}[l.random.IntN(3)]
}

// answer has the alert answered both ways, and holds one against the other.
func (l *life) answer() {
	l.T.Helper()
	l.Mu.Lock()
	in := playbook.Input{
		Alert:      l.Alerts["da1"],
		Ceiling:    playbook.Enforce,
		StaleAfter: 24 * time.Hour,
		Now:        l.Now,
	}
	m := world.Whole(l.Machines["m1"])
	in.Machine = &m
	var theirs []machine.Action
	for _, a := range l.Actions {
		if !a.Marked() {
			theirs = append(theirs, a)
		}
	}
	l.asked = len(l.Actions)
	l.Mu.Unlock()
	l.stands.Begin(&in, theirs)
	var want, said []string
	for _, o := range l.stands.Carry(in, l.Book.Decide(in)) {
		said = append(said, o.Step+": "+o.Word)
		if o.Word == standing.Asked {
			kind, _, _ := strings.Cut(o.Step, " ")
			want = append(want, string(playbook.StepKind(kind).Action()))
		}
	}
	l.done = append(l.done, fmt.Sprintf("%s %s: %s", in.Alert.Severity, in.Alert.Status, strings.Join(said, ", ")))
	l.Settled(l.process)
	l.Mu.Lock()
	defer l.Mu.Unlock()
	var is []string
	for _, a := range l.Actions[l.asked:] {
		is = append(is, string(a.Type))
	}
	if diff := cmp.Diff(want, is); diff != "" {
		l.T.Fatalf("%s\nasked for (-by the case +by the product):\n%s", strings.Join(l.done, "\n"), diff)
	}
}
