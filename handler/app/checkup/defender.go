package checkup

import (
	"context"
	"time"

	"cordon/handler/alert"
	"cordon/handler/app/setup"
	"cordon/handler/defender"
	"cordon/handler/doctor"
	"cordon/handler/entra"
	"cordon/handler/playbook"
)

func (c *Checkup) defenderArea() (doctor.Area, error) {
	app, err := c.appSource()
	if err != nil {
		return nil, err
	}
	area := tokensArea("Defender", app, c.settings.DefenderAudience, c.defenderRoles()...)
	api := setup.Defender(c.settings, c.transport, app, nil, c.log)
	return append(area, doctor.Reads(defenderReads{api}, c.settings.DefenderURL.Host, time.Now)...), nil
}

// defenderReads lets the doctor read from the API without knowing it.
type defenderReads struct{ api *defender.Client }

func (d defenderReads) Alerts(ctx context.Context) (time.Time, error) {
	page, err := d.api.AlertPage(ctx, alert.Window{
		From: time.Now().Add(-time.Minute),
		Top:  1,
	},
		func(alert.Alert) error { return nil })
	return page.Date, err
}

func (d defenderReads) Actions(ctx context.Context) error {
	_, err := d.api.ActionsSince(ctx, time.Now().Add(-time.Minute))
	return err
}

// defenderRoles are the permissions that the playbook needs; without one that can be read, those to find alerts and to
// see machines.
func (c *Checkup) defenderRoles() []doctor.Role {
	wanted := (&playbook.Book{}).Permissions()
	if c.book != nil {
		wanted = c.book.Permissions()
	}
	var roles []doctor.Role
	for _, w := range wanted {
		role := c.grants().Defender(w.Name, w.For)
		role.Within = entra.Wider(w.Name)
		if len(role.Within) == 0 && setup.Mode(c.settings, c.book) != playbook.Enforce {
			role.Absent = doctor.Warn
			role.But = "in observe mode it can wait"
		}
		roles = append(roles, role)
	}
	return roles
}
