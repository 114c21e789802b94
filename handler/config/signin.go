package config

import (
	"net/url"
	"strings"
)

// signIn checks where people sign in. What was set in part is a mistake: nobody could sign in, and nobody would know.
func (r raw) signIn(p *problems) SignIn {
	certificate := certificateFile(p, "CORDON_SIGNIN_CERTIFICATE", r.SignInCertificate)
	if !r.SignInSecret.IsZero() && r.SignInCertificate != "" {
		p.add("CORDON_SIGNIN_CERTIFICATE", "CORDON_SIGNIN_SECRET is set too: expected only one of them")
	}
	some := r.AppURL != "" || r.SignInClientID != "" || !r.SignInSecret.IsZero() || r.SignInCertificate != "" ||
		r.CLIClientID != ""
	const together = "it is not set, and other settings of sign-in are: expected %s, or none of them"
	s := SignIn{
		AppURL:      appURL(p, r.AppURL),
		ClientID:    strings.ToLower(r.SignInClientID),
		Secret:      r.SignInSecret,
		Certificate: certificate,
		CLIClientID: strings.ToLower(r.CLIClientID),
	}
	if some && r.AppURL == "" {
		p.add("CORDON_APP_URL", together, "the app's address, such as https://cordon.example.com")
	}
	if some && r.SignInClientID == "" {
		p.add("CORDON_SIGNIN_CLIENT_ID", together, "the client id of the app registration that people sign in to")
	}
	r.checkRegistrations(p)
	return s
}

// checkRegistrations keeps three registrations apart. Whoever has the credential of the one that acts would get tokens
// for it, which the API would have to believe; and people who sign in to it would be asked for all that it may do. The
// command line is a public client, whose id anybody may use: the registration that it asks tokens for must not be one.
func (r raw) checkRegistrations(p *problems) {
	if r.SignInClientID != "" {
		checkGUID(p, "CORDON_SIGNIN_CLIENT_ID", r.SignInClientID,
			"expected the application (client) id of the app registration that people sign in to")
	}
	if r.CLIClientID != "" {
		checkGUID(p, "CORDON_CLI_CLIENT_ID", r.CLIClientID,
			"expected the application (client) id of the app registration of the command line")
	}
	const apart = "it is that of %s too: expected another app registration; infra/app-registrations.sh makes both"
	if r.SignInClientID != "" && strings.EqualFold(r.SignInClientID, r.ClientID) {
		p.add("CORDON_SIGNIN_CLIENT_ID", apart, "CORDON_CLIENT_ID, which acts")
	}
	if r.CLIClientID == "" {
		return
	}
	if strings.EqualFold(r.CLIClientID, r.SignInClientID) {
		p.add("CORDON_CLI_CLIENT_ID", apart, "CORDON_SIGNIN_CLIENT_ID")
	}
	if strings.EqualFold(r.CLIClientID, r.ClientID) {
		p.add("CORDON_CLI_CLIENT_ID", apart, "CORDON_CLIENT_ID, which acts")
	}
}

// appURL is scheme and host of the app, in lower case, as browsers write an origin; nil for what is none.
func appURL(p *problems, value string) *url.URL {
	const name = "CORDON_APP_URL"
	if value == "" {
		return nil
	}
	before := len(p.found)
	u := serviceURL(p, name, value)
	if len(p.found) > before || u == nil {
		return nil
	}
	if strings.Trim(u.Path, "/") != "" || !hostName(u.Host) {
		p.add(name, "%s is more than scheme and host: expected one such as https://cordon.example.com", quote(value))
		return nil
	}
	host := strings.ToLower(u.Host)
	host = strings.TrimSuffix(host, map[string]string{"https": ":443", "http": ":80"}[u.Scheme])
	return &url.URL{Scheme: u.Scheme, Host: host}
}

// certificateFile refuses what is no path. What people put there by mistake holds the key, so it is not quoted.
func certificateFile(p *problems, name, value string) string {
	if strings.Contains(value, "-----BEGIN") ||
		strings.ContainsAny(value, "\r\n\x00") ||
		len(value) > 1024 {
		p.add(name,
			"it is no path: expected the path of a PEM file with the certificate and its key, not their content")
		return ""
	}
	return value
}
