package answer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// TestNewsSaysWhoseMachineItIs also where the machine could not be read: then the alert says what it knows of it.
func TestNewsSaysWhoseMachineItIs(t *testing.T) {
	t.Parallel()
	run := &Run{Facts: Facts{
		Alert: alert.Alert{
			ID:            "da1",
			RBACGroupName: "of the alert",
			RelatedUser:   alert.User{Name: "u4711", Domain: "CONTOSO"},
		},
		Machine: &machine.Machine{
			ID:            "m1",
			RBACGroupName: "Finance",
			Tags:          []string{"vip"},
		},
	}}
	clerk := &Clerk{Now: time.Now}
	type whose struct {
		User, Group string
		Tags        []string
	}
	of := func() whose {
		e := clerk.Event(run, notice.Held)
		return whose{e.User, e.Group, e.Tags}
	}
	if diff := cmp.Diff(whose{`CONTOSO\u4711`, "Finance", []string{"vip"}}, of()); diff != "" {
		t.Error(diff)
	}
	run.Machine, run.Missing = nil, "404"
	if diff := cmp.Diff(whose{`CONTOSO\u4711`, "of the alert", nil}, of()); diff != "" {
		t.Error(diff)
	}
	run.Missing = ""
	if diff := cmp.Diff(whose{}, of()); diff != "" {
		t.Errorf("without a machine: %s", diff)
	}
}
