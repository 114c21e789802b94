package session

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"

	"cordon/handler/terminal"
)

const longestAddress = 300

// Address reads the address of an app: scheme and host, nothing else. It is https but for this computer, and the host
// is shown as it is written: one that only looks like another stands there in its own letters.
func Address(text string) (*url.URL, error) {
	quoted := terminal.Plain(text, 100)
	refuse := func(why string) (*url.URL, error) {
		return nil, fmt.Errorf("%s is no address of an app: %s", quoted, why)
	}
	if len(text) > longestAddress {
		return refuse("it is too long; expected https://host")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		var wrong *url.Error
		if errors.As(err, &wrong) {
			err = wrong.Err
		}
		return refuse(terminal.Plain(err.Error(), 100) + "; expected https://host")
	case u.User != nil:
		return nil, errors.New("the address of the app has a user name in front of the host: expected https://host")
	case u.Scheme != "https" && u.Scheme != "http":
		return refuse("expected https://host")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return refuse("leave out what follows the host")
	case strings.Trim(u.Path, "/") != "":
		return refuse("leave out the path " + terminal.Plain(u.Path, 40))
	case !hostName(u):
		return refuse("its host is written in letters a to z, digits, dots and dashes, an international one as xn--…")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return refuse("a token goes over https only; http is for this computer")
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}, nil
}

func hostName(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	name := regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`).MatchString(u.Hostname())
	port := regexp.MustCompile(`^[0-9]{0,5}$`).MatchString(u.Port())
	return (ip != nil || name) &&
		port &&
		!strings.HasSuffix(u.Host, ":")
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// isAddress tells the address of an app from its name.
func isAddress(which string) bool { return strings.ContainsAny(which, ":/.") }

// CheckName refuses what is no name for an app.
func CheckName(name string) error {
	if regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`).MatchString(name) {
		return nil
	}
	return fmt.Errorf("%s is no name for an app: expected a to z, digits and dashes, at most 40",
		terminal.Plain(name, 60))
}

// nameOf is what an app is called that nobody gave a name: the first part of its host.
func nameOf(u *url.URL) string {
	if loopback(u.Hostname()) {
		return "local"
	}
	first, _, _ := strings.Cut(u.Hostname(), ".")
	if CheckName(first) != nil || net.ParseIP(u.Hostname()) != nil {
		return "app"
	}
	return first
}
