package main

import (
	"fmt"

	"cordon/handler/config"
	"cordon/handler/doctor"
	"cordon/handler/hunt"
)

// huntsArea checks the catalogue and, if there are hunts, that Graph lets the app hunt.
func (p *practice) huntsArea() doctor.Area {
	f := doctor.Finding{Check: "hunts"}
	hunts, err := loadHunts(p.settings)
	switch {
	case err != nil:
		f.State, f.Seen, f.Do = doctor.Fail, err.Error(), "mend them; cordon hunt check says when they are right. No hunt is run meanwhile, alerts are answered"
		return doctor.Told(f)
	case len(hunts.Hunts()) == 0:
		f.State, f.Seen = doctor.OK, "there are none"
		return doctor.Told(f)
	}
	f.State, f.Seen = doctor.OK, fmt.Sprintf("%d hunt(s) are right; whether their queries are, cordon hunt run NAME tells", len(hunts.Hunts()))
	return append(doctor.Told(f), p.area("Graph", config.Hunting, func() (doctor.Area, error) { return p.huntingArea(hunts) })...)
}

func (p *practice) huntingArea(hunts *hunt.Catalogue) (doctor.Area, error) {
	app, err := p.appSource()
	if err != nil {
		return nil, err
	}
	role := doctor.Role{Name: "ThreatHunting.Read.All", Why: fmt.Sprintf("to run %d hunt(s)", len(hunts.Hunts())), Absent: doctor.Fail,
		Grant: p.granting(appRole{graphAPI, "ThreatHunting.Read.All", "dd98c7f5-2d42-42d3-a0e4-633161547251"})}
	return doctor.Tokens(doctor.API{Name: "Graph hunting", Who: app.Identity(), Audience: p.settings.GraphAudience, Token: tokens(app, p.settings.GraphAudience), Roles: []doctor.Role{role}}), nil
}
