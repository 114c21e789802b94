package checkup

import (
	"context"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/app/setup"
	"cordon/handler/config"
	"cordon/handler/defender"
	"cordon/handler/doctor"
	"cordon/handler/entra"
	"cordon/handler/playbook"
	"cordon/handler/playbook/permissions"
	"cordon/handler/poll"
)

func (c *Checkup) defenderArea() (doctor.Area, error) {
	app, err := c.appSource()
	if err != nil {
		return nil, err
	}
	area := tokensArea("Defender", app, c.settings.DefenderAudience, c.defenderRoles()...)
	api := setup.Defender(c.settings, c.transport, app, nil, c.log)
	source := slices.Contains(setup.AlertSources(c.settings), alert.Defender)
	reads := defenderReads{alertReads{api}, api}
	return append(area, doctor.Reads(reads, source, c.settings.DefenderURL.Host, time.Now)...), nil
}

// alertsAreas checks Microsoft Graph where alerts are read there.
func (c *Checkup) alertsAreas() []doctor.Area {
	if !slices.Contains(setup.AlertSources(c.settings), alert.Graph) {
		return nil
	}
	return []doctor.Area{c.area("Graph alerts", config.Alerts, c.graphAlerts)}
}

func (c *Checkup) graphAlerts() (doctor.Area, error) {
	app, err := c.appSource()
	if err != nil {
		return nil, err
	}
	area := tokensArea("Graph alerts", app, c.settings.GraphAudience, c.rolesOf(alert.Graph, c.grants().GraphAlerts)...)
	api := setup.NewAlerts(c.settings, c.transport, app, c.log)
	only := len(setup.AlertSources(c.settings)) == 1
	return append(area, doctor.ReadsGraph(alertReads{api}, only, c.settings.GraphURL.Host, time.Now)...), nil
}

// alertReads lets the doctor read alerts from a source without knowing it.
type alertReads struct{ api poll.Alerts }

func (a alertReads) Alerts(ctx context.Context) (time.Time, error) {
	window := alert.Window{From: time.Now().Add(-time.Minute), Top: 1}
	page, err := a.api.AlertPage(ctx, window, func(alert.Alert) error {
		return nil
	})
	return page.Date, err
}

// defenderReads lets the doctor read from the API without knowing it.
type defenderReads struct {
	alertReads
	api *defender.Client
}

func (d defenderReads) Actions(ctx context.Context) error {
	_, err := d.api.ActionsSince(ctx, time.Now().Add(-time.Minute))
	return err
}

// defenderRoles are the permissions of Defender that the playbook needs.
func (c *Checkup) defenderRoles() []doctor.Role {
	return c.rolesOf(alert.Defender, c.grants().Defender)
}

// rolesOf are the permissions of an API that the playbook needs; without one that can be read, those to find alerts and
// to see machines.
func (c *Checkup) rolesOf(api alert.Source, role func(name, why string) doctor.Role) []doctor.Role {
	book := c.book
	if book == nil {
		book = &playbook.Book{}
	}
	var roles []doctor.Role
	for _, w := range permissions.Of(book, setup.AlertSources(c.settings)...) {
		if w.API != api {
			continue
		}
		r := role(w.Name, w.For)
		r.Within = entra.Wider(w.Name)
		if len(r.Within) == 0 && setup.Mode(c.settings, c.book) != playbook.Enforce {
			r.Absent = doctor.Warn
			r.But = "in observe mode it can wait"
		}
		roles = append(roles, r)
	}
	return roles
}
