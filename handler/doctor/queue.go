package doctor

import (
	"context"
	"fmt"
	"time"
)

// Probe is what a message that was scheduled and taken back told of its queue.
type Probe struct {
	Looked bool          // what the broker kept could be looked at
	Kept   int           // of two messages with one id
	TTL    time.Duration // how long a message may wait; 0: the broker did not tell
	Left   []int64       // sequence numbers of messages that could not be taken back
}

// Queues is the broker as it can be seen with the rights to send and to listen. Errors say the way out.
type Queues interface {
	// Depth counts messages and dead letters, each up to limit, and takes nothing.
	Depth(ctx context.Context, queue string, limit int) (active, dead int, err error)
	// Probe schedules two messages with one id for a time at which nobody is left to want them, looks at what was kept
	// and takes both back, all before anybody could receive one. A Probe with Left is valid beside an error.
	Probe(ctx context.Context, queue string, at time.Time) (Probe, error)
}

const (
	// probeAhead is far enough for somebody to find a message that could not be taken back; what the handler makes of
	// it then is a dead letter.
	probeAhead = 30 * 24 * time.Hour
	// leastTTL is what a message has to be able to wait at least: an outage over a night.
	leastTTL = 24 * time.Hour
	// deadShown bounds how many dead letters are counted.
	deadShown = 10
)

// Queue are the checks of one queue. What is only to be seen with management rights, or by taking a message from the
// running app, is said to be not seen; lock is what the settings say of it.
func Queue(broker Queues, name string, lock time.Duration, now func() time.Time) Area {
	var p Probe
	show := "az servicebus queue show --resource-group … --namespace-name … --name " + name
	slow := "check that the app reaches the namespace on port 5671 (firewall, private endpoint, ServiceBus)"
	check := func(what string, run func(ctx context.Context) Finding) Check {
		return Check{
			Name: "queue " + name + " " + what,
			Slow: slow,
			Run:  run,
		}
	}
	return Area{
		check("listen", func(ctx context.Context) Finding {
			return depth(ctx, broker, name)
		}),
		check("send", func(ctx context.Context) (f Finding) {
			p, f = probe(ctx, broker, name, now())
			return f
		}),
		check("duplicate detection", func(context.Context) Finding {
			switch {
			case !p.Looked:
				return notSeen(show+" --query requiresDuplicateDetection", "the probe could not be looked at")
			case p.Kept > 1:
				return failed("make the queue anew: duplicate detection can only be switched on when it is created, "+
					"with a window of one day", "is off: a message whose id was there already was kept")
			}
			return ok("a message whose id was there already was dropped")
		}),
		check("time to live", func(context.Context) Finding {
			switch {
			case !p.Looked || p.TTL == 0:
				return notSeen(show+" --query defaultMessageTimeToLive should say P7D", "the broker did not tell")
			case p.TTL < leastTTL:
				return warning("set the queue's time to live to 7 days (P7D)",
					"a message waits %s only: what is older after an outage is a dead letter", p.TTL)
			}
			return ok("a message waits up to %s", p.TTL)
		}),
		check("lock", func(context.Context) Finding {
			do := fmt.Sprintf("%s should say lockDuration PT%.0fS, as CORDON_MESSAGE_LOCK does, "+
				"maxDeliveryCount 10 and deadLetteringOnMessageExpiration true", show, lock.Seconds())
			return notSeen(do, "only shows when a message is taken, which is left to the app")
		}),
	}
}

// reachQueue begins what to do about a queue that cannot be used; which role or right is wanted follows.
const reachQueue = "check ServiceBus, the queue's name, that the app reaches the namespace on port 5671, " +
	"and the role Azure Service Bus "

func depth(ctx context.Context, broker Queues, name string) Finding {
	_, dead, err := broker.Depth(ctx, name, deadShown)
	switch {
	case err != nil:
		return failed(reachQueue+"Data Receiver or the right Listen", "%v", err)
	case dead >= deadShown:
		return warning("look at them: cordon deadletter list", "works; %d or more dead letters", deadShown)
	case dead > 0:
		return warning("look at them: cordon deadletter list", "works; %d dead letter(s)", dead)
	}
	return ok("works; no dead letters")
}

func probe(ctx context.Context, broker Queues, name string, now time.Time) (Probe, Finding) {
	at := now.Add(probeAhead).UTC().Truncate(time.Hour)
	p, err := broker.Probe(ctx, name, at)
	switch {
	case len(p.Left) > 0:
		do := fmt.Sprintf("cancel the scheduled messages with the sequence numbers %d in the portal "+
			"(Service Bus Explorer), or leave them: they become dead letters", p.Left)
		return p, warning(do, "works, but the probe could not be taken back: it is scheduled for %s",
			at.Format(time.DateOnly))
	case err != nil:
		return p, failed(reachQueue+"Data Sender or the right Send", "%v", err)
	}
	return p, ok("a message was scheduled and taken back")
}
