package shared_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/desk/shared"
	"cordon/handler/machine"
)

// sim is Defender: every answer takes a second, and is as things were when it was asked for.
type sim struct {
	mu      sync.Mutex
	calls   []string
	actions []machine.Action
}

func (s *sim) called(name string) []machine.Action {
	s.mu.Lock()
	s.calls = append(s.calls, name)
	is := slices.Clone(s.actions)
	s.mu.Unlock()
	time.Sleep(time.Second)
	return is
}

// took are the calls since the last time, in order.
func (s *sim) took() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := strings.Join(s.calls, " ")
	s.calls = nil
	return is
}

func (s *sim) ActionsSince(context.Context, time.Time) ([]machine.Action, error) {
	return s.called("list"), nil
}

func (s *sim) ActionsOn(context.Context, string, time.Time) ([]machine.Action, error) {
	return s.called("on"), nil
}

func (s *sim) Machine(_ context.Context, id string) (machine.Machine, error) {
	s.called("machine:" + id)
	return machine.Machine{ID: id}, nil
}

func (s *sim) Machines(_ context.Context, ids []string) ([]machine.Machine, error) {
	s.called("names")
	return make([]machine.Machine, len(ids)), nil
}

func (s *sim) MachinesNamed(_ context.Context, name string) ([]machine.Machine, error) {
	s.called("named:" + name)
	return []machine.Machine{{ID: "m1"}}, nil
}

func (s *sim) Action(_ context.Context, id string) (machine.Action, error) {
	s.called("action")
	return machine.Action{ID: id}, nil
}

func (s *sim) Act(_ context.Context, machineID string, r machine.Request) (machine.Action, error) {
	s.called("act")
	return s.add(machineID, r.Type), nil
}

// CancelAction loses its answer.
func (s *sim) CancelAction(
	_ context.Context,
	_ string,
	kind machine.ActionType,
	_ string,
) (machine.Action, error) {
	s.called("cancel")
	return s.add("m1", kind), errors.New("connection reset")
}

func (s *sim) add(machineID string, kind machine.ActionType) machine.Action {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := machine.Action{
		ID:        fmt.Sprint("a", len(s.actions)),
		MachineID: machineID,
		Type:      kind,
		Created:   time.Now(),
	}
	s.actions = append(s.actions, a)
	return a
}

// look has fifty people look at all that there is at once. One of so many actions is on another machine.
func look(t *testing.T, d *shared.Defender, since time.Time, actions int) {
	t.Helper()
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			r := d.Reads()
			all, err := r.ActionsSince(t.Context(), since.Add(time.Duration(i)*time.Microsecond))
			on, onErr := r.ActionsOn(t.Context(), "m1", since)
			found, namesErr := r.Machines(t.Context(), []string{"m2", "m1"})
			_, oneErr := r.Machine(t.Context(), "m1")
			_, namedErr := r.MachinesNamed(t.Context(), "ws-1")
			err = errors.Join(err, onErr, namesErr, oneErr, namedErr)
			if err != nil || len(all) != actions || len(on) != actions-1 || on[0].MachineID != "m1" ||
				len(found) != 2 {
				t.Errorf("%+v, %+v, %+v, %v", all, on, found, err)
			}
			clear(all) // which changes what nobody else sees
			clear(on)
		})
	}
	group.Wait()
}

// TestPeopleShareWhatTheySeeAndActAnew has a crowd look, somebody act, and the crowd look again.
func TestPeopleShareWhatTheySeeAndActAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sim{}
		s.add("m1", machine.Isolate)
		s.add("m2", machine.Isolate)
		d := shared.New(s, time.Now)
		since := time.Now().Add(-90 * 24 * time.Hour)
		const once = "list names machine:m1 named:ws-1"
		look(t, d, since, 2)
		if diff := cmp.Diff(once, s.took()); diff != "" {
			t.Error(diff)
		}
		look(t, d, since, 2)
		if got := s.took(); got != "" {
			t.Errorf("a second time: %s", got)
		}
		if _, err := d.Act(t.Context(), "m1", machine.Request{Type: machine.Unisolate}); err != nil {
			t.Fatal(err)
		}
		look(t, d, since, 3)
		if diff := cmp.Diff("act "+once, s.took()); diff != "" {
			t.Errorf("after a release: %s", diff)
		}
		if _, err := d.CancelAction(t.Context(), "a0", machine.Isolate, ""); err == nil {
			t.Fatal("the answer was lost")
		}
		look(t, d, since, 4)
		for range 3 {
			if _, err := d.ActionsSince(t.Context(), since); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff("cancel "+once+" list list list", s.took()); diff != "" {
			t.Errorf("after a cancel of unknown fate, and before another act: %s", diff)
		}
	})
}

// TestWhatWasAskedBeforeAnActIsNotShownAfterIt has a look begin before a release is asked for and end after that.
func TestWhatWasAskedBeforeAnActIsNotShownAfterIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sim{}
		d := shared.New(s, time.Now)
		sees := func(when string, actions int) {
			all, err := d.Reads().ActionsSince(t.Context(), time.Time{})
			if err != nil || len(all) != actions {
				t.Errorf("%s: %+v, %v", when, all, err)
			}
		}
		var group sync.WaitGroup
		group.Go(func() { _, _ = d.Act(t.Context(), "m1", machine.Request{Type: machine.Unisolate}) })
		time.Sleep(500 * time.Millisecond)
		group.Go(func() { sees("while it is asked for", 0) })
		time.Sleep(700 * time.Millisecond)
		sees("when it was asked for, and the look is on its way", 1)
		group.Wait()
		sees("when the look has ended", 1)
	})
}

// TestAReaderCannotUseUpWhatIsolationsNeed looks at ever other machines for two hours.
func TestAReaderCannotUseUpWhatIsolationsNeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sim{}
		d := shared.New(s, time.Now)
		began := time.Now()
		for i := 0; time.Since(began) < 2*time.Hour; i++ {
			if _, err := d.Reads().Machine(t.Context(), fmt.Sprint(i)); err != nil {
				time.Sleep(time.Second)
			}
		}
		if n := len(strings.Fields(s.took())); n < 1000 || n > 1500 {
			t.Errorf("%d calls in two hours", n)
		}
		if _, err := d.Act(t.Context(), "m1", machine.Request{Type: machine.Unisolate}); err != nil {
			t.Errorf("a release waits for readers: %v", err)
		}
	})
}
