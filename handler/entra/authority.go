package entra

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// authorityURL builds the tenant's authority and refuses what MSAL would refuse later or, worse, accept.
func authorityURL(base, tenant string) (authority, host string, err error) {
	if base == "" {
		base = "https://login.microsoftonline.com"
	}
	u, err := url.Parse(base)
	if err != nil ||
		u.Host == "" ||
		u.User != nil ||
		u.RawQuery != "" ||
		strings.Trim(u.Path, "/") != "" {
		return "", "",
			errors.New("entra: the authority URL is not of the form https://host: set CORDON_AUTHORITY_URL right or " +
				"leave it out")
	}
	if u.Scheme != "https" {
		return "", "",
			fmt.Errorf("entra: authority %s://%s is not https: set CORDON_AUTHORITY_URL to an https URL (a local "+
				"authority "+
				"serves TLS with a CA of its own, named by CORDON_CA_FILE)", u.Scheme, u.Host)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`).MatchString(tenant) {
		return "", "", fmt.Errorf("entra: tenant %q is neither an id nor a domain name: set CORDON_TENANT_ID", tenant)
	}
	switch strings.ToLower(tenant) {
	case "common", "organizations", "consumers":
		return "", "",
			fmt.Errorf("entra: tenant %q names no single tenant: set CORDON_TENANT_ID to the id of yours", tenant)
	}
	return "https://" + u.Host + "/" + tenant, u.Host, nil
}

// publicHost says whether Microsoft's public instance discovery knows the authority; about any other host it must not
// be asked, for it would not know it and need not be reachable.
func publicHost(host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	} else if port != "443" {
		return false
	}
	switch strings.ToLower(name) {
	case "login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "login.microsoftonline.us",
		"login.partner.microsoftonline.cn":
		return true
	}
	return false
}

func tokenClient(c *http.Client) *http.Client {
	if c == nil {
		c = &http.Client{}
	}
	own := *c
	own.CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}
	return &own
}
