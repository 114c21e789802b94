package functions

import "testing"

func TestVersions(t *testing.T) {
	t.Parallel()
	order := []string{"1.0-rc1", "1.0", "1.0.1", "1.10", "1809", "1909", "2004", "20H2", "21H1", "21H2", "22H2", "24H2"}
	for i, a := range order {
		for j, b := range order {
			if got, err := compareVersion([]string{a, b}); err != nil || got != sign(i-j) {
				t.Errorf("compareVersion(%s, %s) = %d, %v", a, b, got, err)
			}
		}
	}
	for _, equal := range [][2]string{{"1", "1.0.0"}, {"v1.2", "V1.02"}, {"23H2", "23h2"}, {"99999999999999999999999",
		"0099999999999999999999999"}} {
		if got, err := compareVersion(equal[:]); err != nil || got != 0 {
			t.Errorf("%v: %d, %v", equal, got, err)
		}
	}
}

func FuzzHelpers(f *testing.F) {
	for _, v := range []string{"22H2", "10.0.19045.3", "", "a1b2", "::1", "10.0.0.1%eth0", "\xff", "1809"} {
		f.Add(v, "10.0.0.0/8", "KIOSK-*?")
	}
	f.Fuzz(func(t *testing.T, a, b, pattern string) {
		one, oneErr := compareVersion([]string{a, b})
		other, otherErr := compareVersion([]string{b, a})
		if (oneErr == nil) != (otherErr == nil) || one != -other {
			t.Errorf("compareVersion(%q, %q) = %d, the other way round %d", a, b, one, other)
		}
		if inside, err := inCIDR([]string{a, b}); err != nil && inside {
			t.Errorf("in %q in spite of %v", b, err)
		}
		if all, err := glob([]string{a, "*"}); err == nil && !all {
			t.Errorf("%q is not any text", a)
		}
		_, _ = glob([]string{a, pattern})
	})
}
