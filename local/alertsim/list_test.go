package alertsim

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/local/defendersim"
)

// numbered raises alerts a0001, a0002, …, each a second younger than the one before.
func numbered(tn *tenant, n int) {
	for i := range n {
		at := start().Add(time.Duration(i) * time.Second)
		tn.raise(fmt.Sprintf("a%04d", i+1), func(a *defendersim.Alert) { a.Created, a.Updated = at, at })
	}
}

func TestAListIsNewestFirstAndInPages(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	numbered(tn, 250)
	first := tn.want(tn.get(""), 200, "")
	if len(first.list()) != 100 || !strings.HasPrefix(first.ids(), "a0250 a0249 ") {
		t.Errorf("first page: %s", first.ids())
	}
	var seen []string
	for page := first; ; {
		seen = append(seen, page.ids())
		next := page.text("@odata.nextLink")
		if next == "" {
			break
		}
		page = tn.want(tn.ask("GET", strings.TrimPrefix(next, "http://example.com"), ""), 200, "")
	}
	if all := strings.Fields(strings.Join(seen, " ")); len(all) != 250 || all[249] != "a0001" || len(seen) != 3 {
		t.Errorf("%d alerts on %d pages, the last is %s", len(all), len(seen), all[len(all)-1])
	}
	for _, tt := range []struct {
		options []string
		n       int
		first   string
		more    bool
	}{
		{[]string{"$top", "1000"}, 250, "a0250", false},
		{[]string{"$top", "1001"}, 250, "a0250", false},
		{[]string{"$top", "0"}, 0, "", false},
		{[]string{"$top", "2", "$orderby", "lastUpdateDateTime asc"}, 2, "a0001", true},
		{[]string{"$top", "2", "$orderby", "lastUpdateDateTime desc", "$skip", "1"}, 2, "a0249", true},
		{[]string{"$top", "2", "$orderby", "createdDateTime"}, 2, "a0001", true},
		{[]string{"$skip", "249"}, 1, "a0001", false},
		{[]string{"$skip", "500"}, 0, "", false},
	} {
		got := tn.want(tn.get("", tt.options...), 200, "")
		if n := len(got.list()); n != tt.n || !strings.HasPrefix(got.ids(), tt.first) ||
			(got.text("@odata.nextLink") != "") != tt.more {
			t.Errorf("%v: %d from %.5s, next %q", tt.options, n, got.ids(), got.text("@odata.nextLink"))
		}
	}
	if got := tn.get("", "$count", "true", "$top", "1"); got.body["@odata.count"] != 250.0 {
		t.Errorf("count: %v", got.body["@odata.count"])
	}
}

func TestTopIsCutToAThousandAndSkipEndsAtFiveHundred(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	numbered(tn, 1005)
	filter := "lastUpdateDateTime ge 2025-01-01T00:00:00Z"
	page := tn.get("", "$top", "5000", "$orderby", "lastUpdateDateTime asc", "$filter", filter)
	next, err := url.Parse(page.text("@odata.nextLink"))
	if err != nil || len(page.list()) != 1000 {
		t.Fatalf("%d alerts, %v", len(page.list()), err)
	}
	if q := next.Query(); q.Get("$top") != "1000" || q.Get("$skip") != "1000" || q.Get("$filter") != filter ||
		q.Get("$orderby") != "lastUpdateDateTime asc" || next.Host != "example.com" || next.Path != base {
		t.Errorf("next is %s", next)
	}
	tn.want(tn.ask("GET", next.RequestURI(), ""), 400, "BadRequest")
	tn.want(tn.get("", "$skip", "501"), 400, "BadRequest")
	without := open(t, Options{NoNextLink: true, PageSize: 3})
	numbered(without, 5)
	if got := without.get(""); len(got.list()) != 3 || got.text("@odata.nextLink") != "" {
		t.Errorf("%d alerts, next %q", len(got.list()), got.text("@odata.nextLink"))
	}
}

func TestPagesCanBeShortAndInNoOrder(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{LargestPage: 4, Shuffle: true})
	numbered(tn, 10)
	seen := map[string]bool{}
	var order []string
	for skip := range 3 {
		page := tn.want(tn.get("", "$top", "500", "$skip", fmt.Sprint(4*skip)), 200, "")
		if n := len(page.list()); n != min(4, 10-4*skip) || (page.text("@odata.nextLink") != "") != (skip < 2) {
			t.Errorf("page %d has %d alerts, next %q", skip, n, page.text("@odata.nextLink"))
		}
		for _, id := range strings.Fields(page.ids()) {
			seen[id], order = true, append(order, id)
		}
	}
	if len(seen) != 10 || slices.IsSorted(order) || order[0] == "a0010" {
		t.Errorf("listed in the order %v", order)
	}
	if got := tn.get("", "$orderby", "createdDateTime desc").ids(); got != "a0010 a0009 a0008 a0007" {
		t.Errorf("in an order that was asked for: %s", got)
	}
}

func TestAFilterTakesWhatThePageNames(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	numbered(tn, 3)
	tn.defender.AddAlert(defendersim.Alert{
		ID:             "b",
		Severity:       "Low",
		Status:         "Resolved",
		Classification: "TruePositive",
		Determination:  "CompromisedUser",
		AssignedTo:     "it's@contoso.com",
		Updated:        start().Add(time.Hour),
		Created:        start().Add(-time.Hour),
	}, start())
	tn.AddAlert(Alert{ID: "c", Updated: start().Add(-time.Hour)}, start())
	for filter, want := range map[string]string{
		"":                   "a0003 a0002 a0001 b c",
		"severity eq 'high'": "a0003 a0002 a0001",
		"severity ne 'high'": "b c",
		"severity eq 'High'": "", // enumerations are in Graph's spelling
		"status eq 'resolved' and severity eq 'low'":                                 "b",
		"status eq 'resolved' or serviceSource eq 'microsoftDefenderForIdentity'":    "b c",
		"classification eq null":                                                     "a0003 a0002 a0001 c",
		"determination eq 'compromisedAccount'":                                      "b",
		"assignedTo eq 'it''s@contoso.com'":                                          "b",
		"lastUpdateDateTime gt 2025-11-18T09:45:03.1180934Z":                         "a0003 b",
		"lastUpdateDateTime ge 2025-11-18T09:45:03.1180934Z":                         "a0003 a0002 b",
		"lastUpdateDateTime lt 2025-11-18T09:45:02.1180934Z":                         "c",
		"lastUpdateDateTime le 2025-11-18T09:45:02.1180934Z":                         "a0001 c",
		"createdDateTime lt 2025-11-18 or createdDateTime ge 2025-11-18T09:45:04Z":   "a0003",
		"not (severity eq 'high') and (status eq 'new' or status eq 'resolved')":     "b c",
		"lastUpdateDateTime ge 2025-11-18T09:45:03Z and severity eq 'high'":          "a0003 a0002",
		"serviceSource eq 'microsoftDefenderForEndpoint' and severity eq 'low'":      "b",
		"lastUpdateDateTime ge 2025-11-18T10:45:03+01:00 and assignedTo eq null":     "a0003 a0002",
		"lastUpdateDateTime eq 2025-11-18T09:45:02.1180934Z or severity eq 'bogus'":  "a0001",
		"(((severity eq 'low')))":                                                    "b",
		strings.Repeat("(", 80) + "severity eq 'low'" + strings.Repeat(")", 80):      "b",
		"severity eq '" + strings.Repeat("x", 5000) + "'":                            "",
		"assignedTo eq '\u202e\x00<script>' or severity eq 'low'":                    "b",
		"severity eq 'low' or severity eq ''' or 1 eq 1 or severity eq '''":          "b",
		"createdDateTime ge 0001-01-01T00:00:00Z and createdDateTime lt 9999-12-31":  "a0003 a0002 a0001 b c",
		"lastUpdateDateTime ge 2025-11-18T09:45:02.9999999Z and severity ne 'low'  ": "a0003 a0002",
	} {
		if got := tn.want(tn.get("", "$filter", filter), 200, ""); got.ids() != want {
			t.Errorf("%s: %q, want %q", filter, got.ids(), want)
		}
	}
}

func TestWhatNoPageNamesIsRefused(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	numbered(tn, 1)
	for _, filter := range []string{
		"investigationState eq 'running'", "providerAlertId eq 'x'", "id eq 'a0001'", "title eq 'x'", "nothing eq 1",
		"lastUpdateTime ge 2025-11-18", "lastUpdateDateTime ge 'x'", "lastUpdateDateTime ge '2025-11-18T00:00:00Z'",
		"severity eq high", "severity eq 1", "severity in ('high')", "startswith(assignedTo,'x')", "severity eq",
		"severity eq 'high' and", "severity eq 'high", "severity = 'high'", "(severity eq 'high'",
		"severity eq 'high')",
		"evidence/any(e: e/microsoft.graph.security.deviceEvidence/deviceDnsName eq 'x')", "severity eq 'a' ; drop",
		strings.Repeat("(", 200) + "severity eq 'low'" + strings.Repeat(")", 200),
		strings.Repeat("severity eq 'low' or ", 40) + "severity eq 'low'", "\x00",
	} {
		tn.want(tn.get("", "$filter", filter), 400, "BadRequest")
	}
	for _, options := range [][]string{
		{"$top", "-1"}, {"$top", "x"}, {"$top", "1.5"}, {"$top", ""}, {"$skip", "-1"}, {"$skip", "9223372036854775808"},
		{"$orderby", "severity"}, {"$orderby", "lastUpdateDateTime up"}, {"$orderby", ""},
		{"$orderby", "lastUpdateDateTime,id"}, {"$select", "id"}, {"$search", "x"}, {"$top", "1", "$top", "2"},
	} {
		tn.want(tn.get("", options...), 400, "BadRequest")
	}
	tn.want(tn.get("", "$expand", "evidence"), 500, "InternalServerError")
	tn.want(tn.ask("GET", base+"?$filter=%zz", ""), 400, "BadRequest")
	for _, id := range []string{"nobody", "a0001%2F..", "%00", "%27or%201eq1", strings.Repeat("x", 5000)} {
		tn.want(tn.get("/"+id), 404, "ResourceNotFound")
	}
	tn.want(tn.ask("DELETE", base+"/a0001", ""), 404, "ResourceNotFound")
	tn.want(tn.ask("GET", "/v1.0/security/incidents", ""), 404, "ResourceNotFound")
}
