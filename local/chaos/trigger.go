package chaos

import (
	"context"
	"errors"

	"cordon/local/funchost"
)

// trigger is the broker as the host's queue trigger sees it. The host settles messages for the functions, in Azure over
// AMQP, so its settlements are where dispositions are counted.
type trigger struct {
	funchost.Broker
	gate      *gate
	functions map[string]string // which reads a queue, by the queue's name
	instances map[string]int    // processes of a function; 1 where nothing is said
}

var errCut = errors.New("the connection was reset")

func (t *trigger) Complete(ctx context.Context, queue, lockToken string) error {
	return t.settle(queue, func() error { return t.Broker.Complete(ctx, queue, lockToken) })
}

func (t *trigger) Abandon(ctx context.Context, queue, lockToken string) error {
	return t.settle(queue, func() error { return t.Broker.Abandon(ctx, queue, lockToken) })
}

// settle counts a settlement. Who dies with it is the host, which must not wait for its own end; or the function's
// process alone, and then the host, which lives, settles all the same.
func (t *trigger) settle(queue string, do func() error) error {
	function := t.functions[queue]
	instance := t.gate.point.K % max(t.instances[function], 1) // the host does not say in which one
	kind := t.gate.pass(Site{Dispositions, function})
	switch {
	case kind == "":
		return do()
	case t.gate.point.WithHost:
		err := errCut
		if kind == Served {
			err = do()
		}
		t.gate.strikeApart(function, 0)
		return err
	case kind == Before:
		t.gate.strike(function, instance)
		return do()
	case kind == Served:
		err := do()
		t.gate.strike(function, instance)
		return err
	}
	_ = do() // whatever it says is lost
	t.gate.strike(function, 0)
	return errCut
}
