package defender_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/machine"
)

func numbered(from, to int) []string {
	var ids []string
	for i := from; i < to; i++ {
		ids = append(ids, fmt.Sprintf("%040x", i))
	}
	return ids
}

// fleet answers /api/machines for machines 0 to size-1, page by page.
func fleet(size int) *api {
	return &api{answer: func(r *http.Request) (*http.Response, error) {
		top, _ := strconv.Atoi(r.URL.Query().Get("$top"))
		skip, _ := strconv.Atoi(r.URL.Query().Get("$skip"))
		filter := r.URL.Query().Get("$filter")
		var page []string
		for _, id := range numbered(0, size) {
			if filter != "" && !strings.Contains(filter, "id eq '"+id+"'") {
				continue
			}
			if skip--; skip < 0 && len(page) < top {
				page = append(page, `{"id":"`+id+`"}`)
			}
		}
		if len(page) == 0 {
			return reply(404, fixture404), nil
		}
		return reply(200, list(page...)), nil
	}}
}

const fixture404 = `{"error":{"code":"NotFound","message":"No machines were found","target":"1"}}`

func ids(machines []machine.Machine) []string {
	var ids []string
	for _, m := range machines {
		ids = append(ids, m.ID)
	}
	return ids
}

func TestMachinesAreReadWithAllTheirFields(t *testing.T) {
	t.Parallel()
	const second = "a90b3d5e7f1128c4d6e8f0a2b4c6d8e0f1a3b5c7"
	got, err := always(200, fixture(t, "machine_list_page.json")).client().Machines(t.Context(),
		[]string{second, machineID})
	want := []machine.Machine{sampleMachine(t), {
		ID:               second,
		ComputerDNSName:  "hr-vm-22.corp.contoso.com",
		OSPlatform:       "WindowsServer2022",
		OSArchitecture:   "64-bit",
		Version:          "21H2",
		OSBuild:          20348,
		HealthStatus:     "Active",
		OnboardingStatus: "Onboarded",
		RiskScore:        "None",
		ExposureLevel:    "Low",
		DeviceValue:      "Normal",
		Tags:             []string{},
		LastIP:           "10.30.1.22",
		LastExternalIP:   "198.51.100.24",
		FirstSeen:        at(t, "2024-02-06T13:05:21.4419027Z"),
		LastSeen:         at(t, "2025-11-18T09:20:47.8810256Z"),
	}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestMachinesAreFoundByTheirNamesAndNothingElseGetsIntoTheFilter holds what is asked for a name.
func TestMachinesAreFoundByTheirNamesAndNothingElseGetsIntoTheFilter(t *testing.T) {
	t.Parallel()
	a := always(200, fixture(t, "machine_list_page.json"))
	found, err := a.client().MachinesNamed(t.Context(), "hr-vm-22")
	want := "computerDnsName eq 'hr-vm-22' or startswith(computerDnsName,'hr-vm-22.') or " +
		"computerDnsName eq 'HR-VM-22' or startswith(computerDnsName,'HR-VM-22.')"
	if err != nil || len(found) != 1 || len(a.asked) != 1 || a.asked[0].URL.Query().Get("$filter") != want {
		t.Errorf("%d machines, %v, asked %v", len(found), err, a.asked)
	}
	for _, name := range []string{"HR-vm-22", "hr-VM-22.CORP.contoso.com"} {
		found, err := always(200, fixture(t, "machine_list_page.json")).client().MachinesNamed(t.Context(), name)
		if err != nil || len(found) != 1 || found[0].ComputerDNSName != "hr-vm-22.corp.contoso.com" {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	if found, err := always(404, "").client().MachinesNamed(t.Context(), "nobody"); err != nil || found != nil {
		t.Errorf("of a name that nobody has: %v, %v", found, err)
	}
	for _, name := range []string{"", "x' or id ne '", "a b", "x)", "ü", strings.Repeat("x", 256)} {
		a := always(200, fixture(t, "machine_list_page.json"))
		if _, err := a.client().MachinesNamed(t.Context(), name); err == nil || len(a.asked) != 0 {
			t.Errorf("%q was asked for", name)
		}
	}
}

func TestMachinesAreReadInAsFewCallsAsCanBe(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fleet    int
		ask      []string
		want     []string
		calls    int
		filtered bool
	}{
		"none":                        {5, nil, nil, 0, false},
		"one":                         {5, numbered(3, 4), numbered(3, 4), 1, true},
		"25":                          {50, numbered(10, 35), numbered(10, 35), 1, true},
		"25, each named twice":        {50, append(numbered(10, 35), numbered(10, 35)...), numbered(10, 35), 1, true},
		"26":                          {50, numbered(10, 36), numbered(10, 36), 1, false},
		"some that do not exist":      {5, numbered(3, 9), numbered(3, 5), 1, true},
		"only such that do not exist": {5, numbered(7, 9), nil, 1, true},
		"many of no machine at all":   {0, numbered(0, 40), nil, 1, false},
		"beyond a page":               {10040, numbered(9990, 10030), numbered(9990, 10030), 2, false},
		"exactly a page":              {10000, numbered(9960, 10000), numbered(9960, 10000), 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := fleet(tt.fleet)
			got, err := a.client().Machines(t.Context(), tt.ask)
			if diff := cmp.Diff(tt.want, ids(got)); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if len(a.asked) != tt.calls {
				t.Errorf("%d calls, want %d", len(a.asked), tt.calls)
			}
			for _, r := range a.asked {
				if got := r.URL.Query().Has("$filter"); got != tt.filtered ||
					strings.ContainsAny(r.URL.RawQuery, "+' ") || r.URL.Query().Get("$top") != "10000" {
					t.Errorf("query %.200s, want a filter: %t", r.URL.RawQuery, tt.filtered)
				}
			}
		})
	}
}

// TestRefusedListOfIDsIsAskedForInSmallerOnes has the API take fewer ids than the client knows of.
func TestRefusedListOfIDsIsAskedForInSmallerOnes(t *testing.T) {
	t.Parallel()
	for atMost, calls := range map[int]int{25: 1, 24: 3, 13: 3, 12: 5, 1: 49} {
		all := fleet(50)
		a := &api{answer: func(r *http.Request) (*http.Response, error) {
			if strings.Count(r.URL.Query().Get("$filter"), "id eq") > atMost {
				return reply(400,
					`{"error":{"code":"BadRequest","message":"The node count limit of '100' has been exceeded.",`+
						`"target":"1"}}`), nil
			}
			return all.answer(r)
		}}
		got, err := a.client().Machines(t.Context(), numbered(10, 35))
		if diff := cmp.Diff(numbered(10, 35), ids(got)); err != nil || diff != "" || len(a.asked) != calls {
			t.Errorf("at most %d: %v in %d calls, want %d (-want +got):\n%s", atMost, err, len(a.asked), calls, diff)
		}
	}
	for status, calls := range map[int]int{400: 6, 403: 1, 401: 1, 503: 1, 429: 1} {
		// Of what is refused whatever its length, or fails, nothing is made a shorter list.
		a := always(status, `{"error":{"code":"ODataError","message":"no"}}`)
		if got, err := a.client().Machines(t.Context(), numbered(0, 25)); err == nil || got != nil ||
			len(a.asked) > calls {
			t.Errorf("%d: %d machines, %v, %d calls", status, len(got), err, len(a.asked))
		}
	}
}

func TestMachineThatStandsOnTwoPagesComesOnce(t *testing.T) {
	t.Parallel()
	full := make([]string, 10000)
	for i := range full {
		full[i] = `{"id":"x"}`
	}
	full[0] = `{"id":"` + machineID + `"}`
	a := &api{answer: func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Has("$skip") {
			return reply(200, list(full[0], `{"id":"not asked for"}`)), nil
		}
		return reply(200, list(full...)), nil
	}}
	got, err := a.client().Machines(t.Context(), []string{machineID})
	if diff := cmp.Diff([]string{machineID}, ids(got)); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestFailureOnALaterPageIsNotAShorterList(t *testing.T) {
	t.Parallel()
	first := fleet(10000)
	a := &api{answer: func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Has("$skip") {
			return reply(503, ""), nil
		}
		return first.answer(r)
	}}
	got, err := a.client().Machines(t.Context(), numbered(0, 40))
	if trouble, _ := machine.TroubleOf(err); trouble != machine.Transient || got != nil {
		t.Errorf("%d machines, %v", len(got), err)
	}
}

func TestListThatNeverEndsIsGivenUp(t *testing.T) {
	t.Parallel()
	// The smallest entries that count, so that a hundred full pages are quick.
	endless := list(strings.TrimSuffix(strings.Repeat("0,", 10000), ","))
	a := always(200, endless)
	_, err := a.client().CurrentActions(t.Context(), time.Time{})
	if trouble, _ := machine.TroubleOf(err); trouble != machine.Transient ||
		!strings.Contains(err.Error(), "does not end after 100 pages") || len(a.asked) != 100 {
		t.Errorf("%v after %d calls", err, len(a.asked))
	}
}
