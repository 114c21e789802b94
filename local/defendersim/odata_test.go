package defendersim

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sampleAlerts() []*Alert {
	at := time.Date(2025, 11, 18, 9, 0, 0, 0, time.UTC)
	return []*Alert{
		{ID: "a1", Severity: "High", Status: "New", Category: "Execution", IncidentID: 7, Updated: at},
		{
			ID:         "a2",
			Severity:   "Medium",
			Status:     "New",
			Category:   "Malware",
			Updated:    at.Add(100 * time.Nanosecond),
			AssignedTo: "o'neil@contoso.com",
		},
		{
			ID:              "a3",
			Severity:        "High",
			Status:          "Resolved",
			Category:        "Malware",
			IncidentID:      9,
			Updated:         at.Add(24 * time.Hour),
			InvestigationID: 3,
		},
	}
}

func TestFiltersKeepWhatTheySay(t *testing.T) {
	t.Parallel()
	s := New(Options{}).alertSet().schema
	for filter, want := range map[string]string{
		"":                   "a1 a2 a3",
		"severity eq 'High'": "a1 a3",
		"severity ne 'High'": "a2",
		"severity eq 'high'": "",
		" ( severity eq 'High' )  and (status eq 'New') ":                                   "a1",
		"severity eq 'High' and status eq 'New' or id eq 'a2'":                              "a1 a2",
		"id eq 'a2' or severity eq 'High' and status eq 'New'":                              "a1 a2",
		"(id eq 'a2' or severity eq 'High') and status eq 'Resolved'":                       "a3",
		"not (severity eq 'High')":                                                          "a2",
		"not not (severity eq 'High')":                                                      "a1 a3",
		"not (severity eq 'High') or id eq 'a1'":                                            "a1 a2",
		"not (not (severity eq 'High'))":                                                    "a1 a3",
		"severity in ('Low','Medium')":                                                      "a2",
		"incidentId in (7, 9)":                                                              "a1 a3",
		"lastUpdateTime ge 2025-11-18T09:00:00Z":                                            "a1 a2 a3",
		"lastUpdateTime gt 2025-11-18T09:00:00Z":                                            "a2 a3",
		"lastUpdateTime gt 2025-11-18T09:00:00.0000001Z":                                    "a3",
		"lastUpdateTime le 2025-11-18T09:00:00.0000000Z":                                    "a1",
		"lastUpdateTime lt 2025-11-18T09:00:00.0000001Z":                                    "a1",
		"lastUpdateTime eq 2025-11-18T10:00:00+01:00":                                       "a1",
		"lastUpdateTime lt 2025-11-18T09:00Z":                                               "",
		"lastUpdateTime ge 2025-11-19":                                                      "a3",
		"lastUpdateTime ge 2025-11-18T09:00:00Z and lastUpdateTime lt 2025-11-19T09:00:00Z": "a1 a2",
		"incidentId eq 7":                                                                   "a1",
		"incidentId gt 7":                                                                   "a3",
		"incidentId eq null":                                                                "a2",
		"incidentId ne null":                                                                "a1 a3",
		"incidentId gt null":                                                                "",
		"InvestigationId eq 3":                                                              "a3",
		"investigationId eq 3":                                                              "a3",
		"assignedTo eq null":                                                                "a1 a3",
		"assignedTo eq 'o''neil@contoso.com'":                                               "a2",
		"asssignedTo ne null":                                                               "a2",
		"startswith(category,'Mal')":                                                        "a2 a3",
		"not startswith(category, 'Mal')":                                                   "a1",
		"category gt 'F'":                                                                   "a2 a3",
		"id eq ''":                                                                          "",
	} {
		keep, err := s.compile(filter)
		if err != nil {
			t.Errorf("%q: %v", filter, err)
			continue
		}
		var got []string
		for _, a := range sampleAlerts() {
			if keep(a) {
				got = append(got, a.ID)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q keeps %q, want %q", filter, strings.Join(got, " "), want)
		}
	}
}

func TestFiltersThatTheAPIWouldNotReadAreRefused(t *testing.T) {
	t.Parallel()
	s := New(Options{}).alertSet().schema
	for filter, want := range map[string]string{
		"machineName eq 'x'": "Could not find a property named 'machineName' on type " +
			"'microsoft.windowsDefenderATP.api.Alert'.",
		"machineId eq 'x'":          "Could not find a property named 'machineId'",
		"Severity eq 'High'":        "Could not find a property named 'Severity'",
		"startswith(title,'x')":     "Could not find a property named 'title'",
		"severity eq High":          "Syntax error at position 12",
		"severity eq \"High\"":      "character '\"' is not valid at position 12",
		"severity eq 'High":         "unterminated string literal at position 12",
		"severity":                  "Syntax error",
		"severity eq":               "Syntax error",
		"severity is 'High'":        "Syntax error at position 9",
		"severity EQ 'High'":        "Syntax error at position 9",
		"severity eq 'High' and":    "Syntax error",
		"severity eq 'High' status": "Syntax error at position 19",
		"and":                       "Could not find a property named 'and'",
		"(severity eq 'High'":       "Syntax error",
		"severity eq 'High')":       "Syntax error at position 18",
		"()":                        "Syntax error at position 1",
		"not severity eq 'High'":    "incompatible type",
		"lastUpdateTime ge '2025-11-18T00:00:00Z'": "incompatible types",
		"lastUpdateTime ge 5":                      "'Edm.DateTimeOffset' and 'Edm.Int64' for operator kind 'ge'",
		"lastUpdateTime ge 2025-13-01T00:00:00Z":   "Syntax error at position 18",
		"lastUpdateTime ge 2025-11-18T09:00:00":    "Syntax error at position 18",
		"incidentId eq '7'":                        "incompatible types",
		"severity in 'High'":                       "Syntax error at position 12",
		"severity in ()":                           "Syntax error at position 13",
		"severity in ('High'":                      "Syntax error",
		"severity in ('High',7)":                   "incompatible types",
		"startswith(lastUpdateTime,'2')":           "incompatible types",
		"severity/any(x: x eq 'High')":             "Syntax error",
		strings.Repeat("(", 200) + "severity eq 'High'" + strings.Repeat(")", 200): "Recursion depth",
	} {
		if _, err := s.compile(filter); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", filter, err, want)
		}
	}
}

func TestMachinesAreFilteredByTag(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	for filter, want := range map[string][]string{
		"machineTags/any(tag: tag eq 'VIP')":         {laptop},
		"machineTags/any(tag: tag ne 'VIP')":         {laptop},
		"not (machineTags/any(tag: tag eq 'VIP'))":   {mac, server},
		"osPlatform eq 'macOS' or rbacGroupId gt 0":  {laptop, mac},
		"startswith(computerDnsName,'hr-')":          {server},
		"id in ('" + server + "','" + laptop + "')":  {laptop, server},
		"lastSeen ge 2025-11-18 and version eq null": {laptop, mac, server},
	} {
		if diff := cmp.Diff(want, tn.want(tn.filter("/api/machines", filter), 200, "").ids()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", filter, diff)
		}
	}
	for _, filter := range []string{
		"machineTags eq 'VIP'", "machineTags/any(t: u eq 'VIP')", "machineTags/all(t: t eq 'VIP')",
		"isAadJoined eq true", "machineTags/any(t t eq 'VIP')",
	} {
		tn.want(tn.filter("/api/machines", filter), http.StatusBadRequest, "ODataError")
	}
}

func TestListsRefuseOptionsThatAreNotTheirs(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	for _, path := range []string{
		"/api/alerts?$top=10001", "/api/alerts?$top=-1", "/api/alerts?$top=x", "/api/alerts?$skip=-1",
		"/api/alerts?$skip=", "/api/alerts?$expand=machine",
		"/api/alerts?$orderby=lastUpdateTime", "/api/alerts?$select=id", "/api/alerts?$count=true",
		"/api/machines?$expand=evidence",
		"/api/machineactions?$orderby=type", "/api/machineactions?$orderby=creationDateTimeUtc%20up",
		"/api/machineactions?$orderby=creationDateTimeUtc%20asc%20x",
	} {
		tn.want(tn.get(path), http.StatusBadRequest, "ODataError")
	}
	for _, path := range []string{
		"/api/alerts?$top=10000", "/api/alerts?$top=0",
		"/api/alerts?api-version=1", "/api/machineactions?$orderby=lastUpdateDateTimeUtc+desc",
	} {
		tn.want(tn.get(path), http.StatusOK, "")
	}
	tn.want(tn.get("/api/alerts?$filter=%zz"), http.StatusBadRequest, "BadRequest")
}

func FuzzFiltersNeverPanicAndDecideTheSameTwice(f *testing.F) {
	for _, seed := range []string{
		"severity eq 'High' and not (status in ('New','x')) or lastUpdateTime ge 2025-11-18T00:00:00.1Z",
		"startswith(id,'a')", "'", "((", "not", "id eq 'o''x'",
		"incidentId ge -5", "lastUpdateTime lt 2025-11-18T09:00:00+01:00", "a/any(x:x eq 'y')", "\xff",
		"id in (", "id eq null",
	} {
		f.Add(seed)
	}
	s := New(Options{}).alertSet().schema
	f.Fuzz(func(t *testing.T, filter string) {
		keep, err := s.compile(filter)
		again, errAgain := s.compile(filter)
		if (err == nil) != (errAgain == nil) || (keep == nil) != (err != nil) {
			t.Fatalf("%q: %v, then %v", filter, err, errAgain)
		}
		if err != nil {
			return
		}
		negated, err := s.compile("not (" + filter + ")")
		if err != nil && strings.TrimSpace(filter) != "" && !strings.Contains(err.Error(), "Recursion") {
			t.Fatalf("%q compiles, in parentheses it does not: %v", filter, err)
		}
		for _, a := range sampleAlerts() {
			if keep(a) != again(a) || negated != nil && strings.TrimSpace(filter) != "" && keep(a) == negated(a) {
				t.Fatalf("%q is not sure about %s", filter, a.ID)
			}
		}
	})
}

func TestTimesHaveAsManyDigitsAsTheyNeed(t *testing.T) {
	t.Parallel()
	tn := open(t, Options{})
	for nanoseconds, want := range map[int]string{
		0:         "2025-11-18T09:00:00Z",
		100:       "2025-11-18T09:00:00.0000001Z",
		99:        "2025-11-18T09:00:00Z",
		586666700: "2025-11-18T09:00:00.5866667Z",
		100000000: "2025-11-18T09:00:00.1Z",
		118000000: "2025-11-18T09:00:00.118Z",
	} {
		id := tn.AddAlert(Alert{Updated: time.Date(2025, 11, 18, 11, 0, 0, nanoseconds, time.FixedZone("east", 7200))},
			time.Time{})
		if got := tn.get("/api/alerts/" + id).text("lastUpdateTime"); got != want {
			t.Errorf("%d ns are written %s, want %s", nanoseconds, got, want)
		}
	}
	if texts := slices.Collect(strings.SplitSeq(tn.get("/api/alerts").Header().Get("Date"), ",")); len(texts) != 2 ||
		texts[1] != " 18 Nov 2025 09:45:02 GMT" {
		t.Errorf("Date is %v", texts)
	}
}

func TestFilterOfMoreThanAHundredNodesIsRefused(t *testing.T) {
	t.Parallel()
	s := New(Options{}).alertSet().schema
	clauses := func(n int) string { return strings.TrimSuffix(strings.Repeat("id eq 'a1' or ", n), " or ") }
	for filter, taken := range map[string]bool{
		clauses(25): true,
		clauses(26): false,
		clauses(30): false,
		"(" + clauses(13) + ") and (" + clauses(13) + ")":                      false,
		"id in (" + strings.TrimSuffix(strings.Repeat("'a1',", 98), ",") + ")": true,
		"id in (" + strings.TrimSuffix(strings.Repeat("'a1',", 99), ",") + ")": false,
	} {
		_, err := s.compile(filter)
		if (err == nil) != taken ||
			err != nil && !strings.Contains(err.Error(), "The node count limit of '100' has been exceeded.") {
			t.Errorf("%d clauses: %v", strings.Count(filter, "eq"), err)
		}
	}
}
