// Package orders is what people can order in the console. Each order looks first, so that its page says what will happen
// to what, and then has the operator API do it.
//
// Neighbours: handler/console serves the pages, handler/operate carries orders out.
package orders

import "cordon/handler/operate"

// All are the orders that there are.
func All() []Order {
	return []Order{
		release(),
		holding(named("continue", "Continue with what is held", "Continue",
			"Cordon does what rails held, also on a protected machine: rails do not hold it again, and it counts against "+
				"the caps. Alert and machine are read again first; if they have changed since, nothing is done, and the "+
				"page says why."),
			"done, once it is read again", operate.Desk.Continue),
		holding(named("drop", "Drop what is held", "Drop",
			"Cordon does not do what rails held. A newer version of the alert is decided anew."),
			"never done", operate.Desk.Drop),
		pausing("pause", "Pause all acting", "Pause",
			"What rules want done is held until somebody resumes, and people are told. Alerts are answered and mails "+
				"sent as always. A machine action that was requested already goes on, and people can still "+
				"release machines.",
			true),
		cancel(),
		enqueue(),
		mailing(named("send", "Send mails now", "Send now",
			"These mails are sent at once instead of when they are due. Whoever has one already does not get it twice."),
			"sent", operate.Desk.SendMails, "waiting", "failed"),
		mailing(named("giveup", "Drop mails", "Drop",
			"These mails are not tried any more: whoever does not have one by now never gets it. It cannot be undone."),
			"dropped for good", operate.Desk.DropMails, "failed"),
		aside(named("replay", "Send dead letters again", "Send again",
			"They are sent again under fresh ids. What still cannot be read is refused, and what was done is not done "+
				"twice."),
			"sent again", operate.Desk.Replay),
		aside(named("discard", "Drop dead letters", "Drop",
			"They are gone for good. The alerts that they name are not lost: sweeps find what is open."),
			"dropped for good", operate.Desk.Discard),
		runHunt(),
		erase(),
		pausing("resume", "Resume acting", "Resume",
			"Cordon acts again on what it decides from now on. What it held meanwhile stays held: continue with what is "+
				"still wanted.", false),
	}
}

// named is an order with its texts.
func named(name, title, button, says string) chosen {
	return chosen{
		Order: Order{
			Name:   name,
			Title:  title,
			Button: button,
		},
		says: says,
	}
}
