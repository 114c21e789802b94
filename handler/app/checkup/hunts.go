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
		f.State, f.Seen = doctor.Fail, err.Error()
		f.Do = "mend them; cordon hunt check says when they are right. No hunt is run meanwhile, alerts are answered"
		return doctor.Told(f)
	case len(hunts.Hunts()) == 0:
		f.State, f.Seen = doctor.OK, "there are none"
		return doctor.Told(f)
	}
	f.State = doctor.OK
	f.Seen = fmt.Sprintf("%d hunt(s) are right; whether their queries are, cordon hunt run NAME tells",
		len(hunts.Hunts()))
	hunting := c.area("Graph", config.Hunting, func() (doctor.Area, error) {
		return c.huntingArea(hunts)
	})
	return append(doctor.Told(f), hunting...)
}

func (c *Checkup) huntingArea(hunts *hunt.Catalogue) (doctor.Area, error) {
	app, err := c.appSource()
	if err != nil {
		return nil, err
	}
	return tokensArea("Graph hunting", app, c.settings.GraphAudience, c.grants().Hunting(len(hunts.Hunts()))), nil
}
