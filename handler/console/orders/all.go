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
			"Cordon will do what rails held. The alert and its machine are read again before that, and rails that no "+
				"person can pass still hold."),
			"done, once it is read again", operate.Desk.Continue),
		holding(named("drop", "Drop what is held", "Drop",
			"Cordon will not do what rails held. Newer versions of the alerts are decided anew."),
			"never done", operate.Desk.Drop),
		pausing("pause", "Pause all acting", "Pause",
			"Nothing is isolated, released, tagged or updated until somebody resumes. Alerts are still read, decided "+
				"and told.",
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
			"They go back to the end of their queue, and Cordon reads them as if they came new. What was done is not "+
				"done twice."),
			"sent again", operate.Desk.Replay),
		aside(named("discard", "Drop dead letters", "Drop",
			"They are gone for good. What they asked for is not done, unless the record knows of it otherwise."),
			"dropped for good", operate.Desk.Discard),
		runHunt(),
		erase(),
		pausing("resume", "Resume acting", "Resume",
			"Cordon acts again, also on what came in while it was paused and is not too old.", false),
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
