package playbook

import "testing"

func TestPatternsMatchWholeNamesAndNothingElse(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"PC1", "PC1", true}, {"PC1", "pc1", true}, {"pc1", "PC1.contoso.com", true}, {"PC1", "PC10", false}, {"PC1",
			"PC100.contoso.com", false},
		{"PC1", "SRV-PC1", false}, {"PC1", "SRV-PC1.contoso.com", false}, {"PC1", "PC1-OLD", false},
		{"DC*", "DC1", true}, {"DC*", "dc", true}, {"DC*", "dc7.contoso.com", true}, {"DC*", "ADC1", false}, {"DC*",
			"ADC1.dc.contoso.com", false},
		{"*-HV*", "berlin-hv01", true}, {"*-HV*", "HV01", false}, {"*-HV*", "a-hv", true},
		{"DC?", "DC1", true}, {"DC?", "DC10", false}, {"DC?", "DC", false},
		{"*.tier0.contoso.com", "a.tier0.contoso.com", true}, {"*.tier0.contoso.com", "a.tier1.contoso.com", false},
		{"pc1.contoso.com", "PC1.CONTOSO.COM.", true}, {"pc1.contoso.com", "pc1", false},
		{"*", "x", true}, {"**a**", "bab", true}, {"a*b*c", "aXbXbXc", true}, {"a*b*c", "aXc", false}, {"[ab]", "a",
			false}, {"[ab]", "[AB]", true},
		{"ß*", "ßerver", true}, {"Σ", "ς", true}, {"k", "\u212a", true},
	} {
		_, _, got := firstMatch(bothNames(c.name), []string{c.pattern})
		if got != c.want {
			t.Errorf("%q against %q: %t", c.pattern, c.name, got)
		}
	}
}
