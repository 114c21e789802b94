package checkup

import (
	"fmt"

	"cordon/handler/app/setup"
	"cordon/handler/config"
	"cordon/handler/doctor"
	"cordon/handler/hunt"
)

// huntsArea checks the catalogue and, if there are hunts, that Graph lets the app hunt.
func (c *Checkup) huntsArea() doctor.Area {
	f := doctor.Finding{Check: "hunts"}
	hunts, err := setup.Hunts(c.settings)
	switch {
	case err != nil:
		f.State, f.Seen, f.Do = doctor.Fail, err.Error(), "mend them; cordon hunt check says when they are right. No hunt is run meanwhile, alerts are answered"
		return doctor.Told(f)
	case len(hunts.Hunts()) == 0:
		f.State, f.Seen = doctor.OK, "there are none"
		return doctor.Told(f)
	}
	f.State, f.Seen = doctor.OK, fmt.Sprintf("%d hunt(s) are right; whether their queries are, cordon hunt run NAME tells", len(hunts.Hunts()))
	return append(doctor.Told(f), c.area("Graph", config.Hunting, func() (doctor.Area, error) { return c.huntingArea(hunts) })...)
}

func (c *Checkup) huntingArea(hunts *hunt.Catalogue) (doctor.Area, error) {
	app, err := c.appSource()
	if err != nil {
		return nil, err
	}
	return doctor.Tokens(doctor.API{
		Name:     "Graph hunting",
		Who:      app.Identity(),
		Audience: c.settings.GraphAudience,
		Token:    tokens(app, c.settings.GraphAudience),
		Roles:    []doctor.Role{c.grants().Hunting(len(hunts.Hunts()))},
	}), nil
}
