package setup

import (
	"cordon/handler/config"
	"cordon/handler/operate/wire"
	"cordon/handler/portal"
)

// Portal is the portal of the cloud and the tenant.
func Portal(settings config.Config) portal.Portal {
	return portal.Portal{Cloud: settings.Cloud, Tenant: settings.TenantID}
}

// Console is the app's own console; it has no address where sign-in is off.
func Console(settings config.Config) portal.Console {
	if !settings.SignIn.On() {
		return portal.Console{}
	}
	return portal.Console{App: settings.SignIn.AppURL.String()}
}

// links are where the portal shows an alert, its incident and its machine.
func links(settings config.Config, alertID string, incident int64, machineID string) wire.Links {
	p := Portal(settings)
	return wire.Links{
		Alert:    p.Alert(alertID),
		Incident: p.Incident(incident),
		Machine:  p.Machine(machineID),
	}
}
