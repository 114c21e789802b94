package portal

import (
	"strings"
	"testing"
)

func TestEachCloudHasItsPortal(t *testing.T) {
	t.Parallel()
	for cloud, host := range map[string]string{
		"global":  "security.microsoft.com",
		"gcc":     "security.microsoft.com",
		"gcchigh": "security.microsoft.us",
		"dod":     "security.apps.mil",
	} {
		p := Portal{Cloud: cloud, Tenant: "t1"}
		for got, want := range map[string]string{
			p.Hunting():       "/v2/advanced-hunting?tid=t1",
			p.Alert("da1_2"):  "/alerts/da1_2?tid=t1",
			p.Incident(7):     "/incidents/7?tid=t1",
			p.Machine("4c1f"): "/machines/4c1f?tid=t1",
		} {
			if got != "https://"+host+want {
				t.Errorf("%s: %s, want https://%s%s", cloud, got, host, want)
			}
		}
	}
}

func TestWhatThePortalDoesNotShowHasNoAddress(t *testing.T) {
	t.Parallel()
	p := Portal{Tenant: "t1"}
	for _, got := range []string{
		p.Alert(""),
		p.Incident(0),
		p.Machine(""),
		(Portal{}).Machine("4c1f"),
		(Portal{}).Hunting(),
	} {
		if got != "" {
			t.Errorf("an address of nothing: %s", got)
		}
	}
}

// TestNoIDEndsAnAddress though whoever made it up wants it to.
func TestNoIDEndsAnAddress(t *testing.T) {
	t.Parallel()
	p := Portal{Tenant: "t1"}
	for _, id := range []string{"a/../../x", "a?b=c", "a#b", "a b\r\n", `a"><script>`} {
		for _, got := range []string{p.Alert(id), p.Machine(id)} {
			path := strings.TrimSuffix(strings.TrimPrefix(got, "https://security.microsoft.com/"), "?tid=t1")
			if strings.Count(path, "/") != 1 || strings.ContainsAny(path, "?# \r\n\"<>") {
				t.Errorf("%q: %s", id, got)
			}
		}
	}
}

func TestTheConsoleHasAnAddressOnlyWhereThereIsOne(t *testing.T) {
	t.Parallel()
	c := Console{App: "https://cordon.example.com"}
	for want, got := range map[string]string{
		"https://cordon.example.com/api/console/machine?machine=m1":   c.Machine("m1"),
		"https://cordon.example.com/api/console/run?run=hunt%3Ax%26y": c.Run("hunt:x&y"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if (Console{}).Run("da1")+c.Run("")+c.Machine("") != "" {
		t.Error("where there is nothing there is an address")
	}
}
