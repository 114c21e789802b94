package setup

import (
	"net/url"
	"strconv"

	"cordon/handler/alert"
	"cordon/handler/config"
	"cordon/handler/operate/wire"
)

// Portal is an address of the portal of a cloud, for the tenant ("Microsoft Defender XDR for US Government customers").
func Portal(settings config.Config, path string) string {
	host := map[string]string{"gcchigh": "security.microsoft.us", "dod": "security.apps.mil"}[settings.Cloud]
	if host == "" {
		host = "security.microsoft.com"
	}
	return "https://" + host + path + "?tid=" + url.QueryEscape(settings.TenantID)
}

// links are where the portal shows an alert, its incident and its machine. No page of the vendor documents these
// addresses; public connectors and the vendor's mails have them.
func links(settings config.Config, alertID string, incident int64, machineID string) (l wire.Links) {
	if !alert.IsFinding(alertID) {
		l.Alert = Portal(settings, "/alerts/"+url.PathEscape(alert.APIID(alertID)))
	}
	if incident != 0 {
		l.Incident = Portal(settings, "/incidents/"+strconv.FormatInt(incident, 10))
	}
	if machineID != "" {
		l.Machine = Portal(settings, "/machines/"+url.PathEscape(machineID))
	}
	return l
}
