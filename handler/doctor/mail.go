package doctor

import (
	"context"
	"strings"
	"time"
)

// Ledger is the tables.
type Ledger interface {
	// Probe writes, reads, replaces on condition and removes a row of its own, and makes the tables that do not exist.
	Probe(ctx context.Context) error
}

// Tables is the check of the ledger.
func Tables(l Ledger) Area {
	const do = "check AzureWebJobsStorage and that the app reaches the account; " +
		"with tokens it needs the role Storage Table Data Contributor"
	return Area{{Name: "tables", Slow: do, Run: func(ctx context.Context) Finding {
		if err := l.Probe(ctx); err != nil {
			return failed(do, "%v", err)
		}
		return ok("a row was written, read, replaced on condition and removed")
	}}}
}

// Mail is the way that mail goes.
type Mail struct {
	Server string // for people
	// Check connects and logs in, and sends nothing; nil: there is nothing to see but a token.
	Check func(ctx context.Context) error
	// Send sends a mail to To; nil: none is sent.
	Send func(ctx context.Context) error
	To   []string
}

// Mailing are the checks of the way that mail goes.
func Mailing(m Mail) Area {
	slow := "check that the app reaches " + m.Server + "; port 25 is closed in Azure, use 587"
	var area Area
	if m.Check != nil {
		area = append(area, Check{
			Name: "mail server",
			Gate: true,
			Slow: slow,
			Run: func(ctx context.Context) Finding {
				if err := m.Check(ctx); err != nil {
					return failed("check CORDON_SMTP_URL and CORDON_CA_FILE", "%v", err)
				}
				return ok("%s is ready to take a mail", m.Server)
			},
		})
	}
	if m.Send == nil {
		return append(area, Check{Name: "mail", Run: func(context.Context) Finding {
			return notSeen("cordon doctor --direct --send-test sends one to CORDON_OPERATOR_MAIL", "no mail was sent")
		}})
	}
	return append(area, Check{
		Name: "mail",
		Slow: slow,
		Run: func(ctx context.Context) Finding {
			if err := m.Send(ctx); err != nil {
				return failed("mend what it says; docs/doctor.md, \"Mail\"", "%v", err)
			}
			return ok("%s took a mail to %s: look whether it arrives", m.Server, strings.Join(m.To, ", "))
		},
	})
}

// Schedule is when something happens by itself.
type Schedule struct {
	Name, Setting, Spec string
	Every               time.Duration // the longest pause that it makes; 0: it could not be read, as the settings told
}

// longPause is what nobody means who wants alerts to be answered.
const longPause = 5 * time.Minute

// Schedules are the checks of them.
func Schedules(all ...Schedule) Area {
	var findings []Finding
	for _, s := range all {
		f := ok("%s: at least every %s", s.Spec, s.Every)
		switch {
		case s.Every == 0:
			f = notSeen("", "not looked at: %s is not set or wrong", s.Setting)
		case s.Every > longPause:
			f = warning("set "+s.Setting+" to a shorter one, such as 0 * * * * *",
				"%s: up to %s pass without one", s.Spec, s.Every)
		}
		f.Check = "schedule " + s.Name
		findings = append(findings, f)
	}
	return Told(findings...)
}
