package session

import (
	"strings"
	"testing"
)

// TestAHostileAddressIsRefusedBeforeAnythingIsSent has what somebody may be talked into.
func TestAHostileAddressIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http://cordon.example.com":                       "https only",
		"http://127.0.0.1.example.com":                    "https only",
		"http://localhost.example.com":                    "https only",
		"http://[2001:db8::1]":                            "https only",
		"https://cordon.example.com@evil.example":         "user name in front of the host",
		"https://user:pass@cordon.example.com":            "user name in front of the host",
		"https://cordon.example.com/api/operator":         "leave out the path /api/operator",
		"https://cordon.example.com/%2e%2e":               "leave out the path",
		"https://cordon.example.com?x=1":                  "leave out what follows",
		"https://cordon.example.com?":                     "leave out what follows",
		"https://cordon.example.com#f":                    "leave out what follows",
		"https://c\u043ardon.example.com":                 "its host is written in letters a to z",
		"https://cordon\u2024example.com":                 "its host is written in letters a to z",
		"https://cordon.example.com\u202e":                "its host is written in letters a to z",
		"https://cordon.example.com\x1b[2J":               "invalid control character",
		"https://cordon.example.com\n":                    "invalid control character",
		"https://":                                        "its host is written",
		"https://-":                                       "",
		"https://cordon..example.com":                     "its host is written",
		"https://cordon.example.com.":                     "its host is written",
		"https://cordon.example.com:":                     "its host is written",
		"https://cordon.example.com:port":                 "invalid port",
		"ftp://cordon.example.com":                        "expected https://host",
		"file:///etc/passwd":                              "expected https://host",
		"javascript:alert(1)":                             "expected https://host",
		"cordon.example.com":                              "expected https://host",
		"//cordon.example.com":                            "expected https://host",
		"https:cordon.example.com":                        "its host is written",
		"https://" + strings.Repeat("a.", 200) + "com":    "too long",
		"https://cordon.example.com/" + "\u2028":          "leave out the path",
		`https://cordon.example.com\@evil.example`:        "invalid userinfo",
		"https://cordon.example.com%00.evil.example":      "invalid URL escape",
		"https://CORDON.example.com":                      "",
		"https://xn--crdon-1ve.example.com":               "",
		"https://cordon.example.com/":                     "",
		"https://cordon.example.com:8443":                 "",
		"http://127.0.0.1:7071":                           "",
		"http://localhost:7071":                           "",
		"http://[::1]:7071":                               "",
		"https://cordon-prod.azurewebsites.net":           "",
		"https://[fe80::1%25eth0]":                        "its host is written",
		"http://0x7f.1":                                   "https only",
		"https://cordon.example.com:99999999999999999999": "its host is written",
	} {
		u, err := Address(text)
		switch {
		case want == "" && (err != nil || u.Path != "" || u.Host != strings.ToLower(u.Host)):
			t.Errorf("%q: %v, %v", text, u, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, %v, want %q", text, u, err, want)
		case err != nil && strings.ContainsAny(err.Error(), "\x1b\n\u202e\u2028"):
			t.Errorf("%q: a terminal would obey %q", text, err)
		}
	}
}

func TestNamesOfAppsAreShortAndPlain(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://cordon-prod.azurewebsites.net":       "cordon-prod",
		"http://127.0.0.1:7071":                       "local",
		"https://192.0.2.7":                           "app",
		"https://" + strings.Repeat("a", 60) + ".net": "app",
	} {
		u, err := Address(address)
		if err != nil || nameOf(u) != want {
			t.Errorf("%s: %s, %v", address, nameOf(u), err)
		}
	}
	for _, bad := range []string{"", "a/b", "..", "A", "a b", "\x1b", strings.Repeat("a", 41)} {
		if CheckName(bad) == nil {
			t.Errorf("%q is a name", bad)
		}
	}
}
