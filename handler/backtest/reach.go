package backtest

import (
	"cmp"
	"hash/fnv"
	"slices"

	"cordon/handler/playbook"
)

// mostMoves bounds what is kept of steps on machines, 40 bytes each; mostNames bounds the rules and groups that are
// told apart.
const (
	mostMoves = 500_000
	mostNames = 5_000
)

// move is one step that the playbook would carry out on a machine, or would if it did not only observe.
type move struct {
	at       int64 // Unix
	machine  uint64
	step     int32 // its name
	kind     int32 // its place in playbook.StepKinds
	rule     int32
	group    int32
	observed bool
}

// reach is which machines the playbook would reach, and when.
type reach struct {
	moves []move
	over  int // moves without room
	names []string
	index map[string]int32
}

func newReach() reach {
	return reach{
		names: []string{othersName},
		index: map[string]int32{},
	}
}

// othersName stands for names without room.
const othersName = "(others)"

// add keeps what a decision would do to the machine.
func (r *reach) add(in playbook.Input, is side) {
	if in.Machine == nil || in.Alert.MachineID == "" {
		return
	}
	for _, step := range is.steps {
		onMachine := step.Kind.Acts() && step.Kind != playbook.UpdateAlert
		if !onMachine || step.Verdict != playbook.Do && step.Verdict != playbook.WouldDo {
			continue
		}
		if len(r.moves) >= mostMoves {
			r.over++
			continue
		}
		r.moves = append(r.moves, move{
			at:       in.Now.Unix(),
			machine:  hashed(in.Alert.MachineID),
			step:     r.name(step.String()),
			kind:     int32(slices.Index(playbook.StepKinds(), step.Kind)),
			rule:     r.name(is.ruleOf(step)),
			group:    r.name(cmp.Or(in.Machine.RBACGroupName, "(none)")),
			observed: step.Verdict == playbook.WouldDo,
		})
	}
}

// hashed stands for a machine. That two of them have the same is one chance in billions.
func hashed(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return h.Sum64()
}

func (r *reach) name(text string) int32 {
	n, known := r.index[text]
	switch {
	case known:
		return n
	case len(r.names) >= mostNames:
		return 0
	}
	n = int32(len(r.names))
	r.names = append(r.names, shown(text))
	r.index[text] = n
	return n
}

// Reach is how many machines the steps of a kind would reach, against their cap.
type Reach struct {
	Kind playbook.StepKind `json:"kind"`
	Caps []string          `json:"caps"` // in words

	Machines     int   `json:"machines"`     // that would be reached
	WithObserved int   `json:"withObserved"` // the same if what is observed were done as well
	Days         []Day `json:"days"`         // with a machine, the oldest first
}

// Day is a day in UTC.
type Day struct {
	Day          string `json:"day"` // such as 2026-03-02
	Machines     int    `json:"machines"`
	WithObserved int    `json:"withObserved"` // as in Reach

	Held             int      `json:"held"`             // runs whose step a cap would hold
	HeldWithObserved int      `json:"heldWithObserved"` // the same if what is observed were done as well
	By               []string `json:"by,omitempty"`     // the caps that hold something either way
}

// Observe is what a rule would do on machines that only observes, or that observe mode keeps from acting.
type Observe struct {
	Rule     string `json:"rule"`
	Step     string `json:"step"`
	Runs     int    `json:"runs"`
	Machines int    `json:"machines"`
	Most     int    `json:"most"` // machines on the day with most of them
	On       string `json:"on"`   // that day
}

// report says what the steps of each kind with a cap come to.
func (r *reach) report(limits func(playbook.StepKind) playbook.Cap) []Reach {
	slices.SortStableFunc(r.moves, func(a, b move) int { return cmp.Compare(a.at, b.at) })
	all := []Reach{}
	for _, kind := range playbook.CappedKinds() {
		var own []move
		for _, m := range r.moves {
			if playbook.StepKinds()[m.kind] == kind {
				own = append(own, m)
			}
		}
		if len(own) > 0 {
			all = append(all, r.ofKind(kind, own, limits(kind)))
		}
	}
	return all
}

func (r *reach) ofKind(kind playbook.StepKind, moves []move, limit playbook.Cap) Reach {
	days := newDays()
	for _, m := range moves {
		days.add(m)
	}
	for _, observed := range []bool{false, true} {
		book := ledger{
			cap:   limit,
			lasts: lasts(kind),
			names: r.names,
			taken: map[bound]taken{},
		}
		for _, m := range moves {
			if m.observed && !observed {
				continue
			}
			if by := book.take(m); by != "" {
				days.hold(m, observed, by)
			}
		}
	}
	return Reach{
		Kind:         kind,
		Caps:         capWords(limit),
		Machines:     len(days.done),
		WithObserved: len(days.all),
		Days:         days.sorted(),
	}
}

// observe says what each rule would do that only observes.
func (r *reach) observe() []Observe {
	type key struct{ rule, step int32 }
	days := map[key]*days{}
	found := map[key]*Observe{}
	for _, m := range r.moves {
		if !m.observed {
			continue
		}
		k := key{m.rule, m.step}
		if found[k] == nil {
			days[k] = newDays()
			found[k] = &Observe{
				Rule: r.names[m.rule],
				Step: r.names[m.step],
			}
		}
		found[k].Runs++
		days[k].add(m)
	}
	all := []Observe{}
	for k, o := range found {
		o.Machines = len(days[k].all)
		for _, day := range days[k].sorted() {
			if day.WithObserved > o.Most {
				o.Most, o.On = day.WithObserved, day.Day
			}
		}
		all = append(all, *o)
	}
	slices.SortFunc(all, func(x, y Observe) int {
		return cmp.Or(byRuns(x.Runs, y.Runs), cmp.Compare(x.Rule, y.Rule), cmp.Compare(x.Step, y.Step))
	})
	return all
}
