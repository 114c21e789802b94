// Package portal knows where Defender's portal shows what people are told about. No page of the vendor documents these
// addresses; public connectors and the vendor's mails have them.
package portal

import (
	"cmp"
	"net/url"
	"strconv"

	"cordon/handler/alert"
)

// Portal is the portal of a cloud, as a tenant sees it. Its zero value has no addresses.
type Portal struct {
	Cloud  string // as in the settings ("Microsoft Defender XDR for US Government customers")
	Tenant string
}

// Hunting is where people hunt by hand.
func (p Portal) Hunting() string { return p.at("/v2/advanced-hunting") }

// Alert is the page of an alert; empty for a finding of a hunt, which the portal does not know.
func (p Portal) Alert(id string) string {
	if id == "" || alert.IsFinding(id) {
		return ""
	}
	return p.at("/alerts/" + url.PathEscape(alert.APIID(id)))
}

// Incident is the page of an incident; empty for none.
func (p Portal) Incident(number int64) string {
	if number == 0 {
		return ""
	}
	return p.at("/incidents/" + strconv.FormatInt(number, 10))
}

// Machine is the page of a machine; empty for none.
func (p Portal) Machine(id string) string {
	if id == "" {
		return ""
	}
	return p.at("/machines/" + url.PathEscape(id))
}

func (p Portal) at(path string) string {
	if p.Tenant == "" {
		return ""
	}
	host := map[string]string{"gcchigh": "security.microsoft.us", "dod": "security.apps.mil"}[p.Cloud]
	return "https://" + cmp.Or(host, "security.microsoft.com") + path + "?tid=" + url.QueryEscape(p.Tenant)
}
