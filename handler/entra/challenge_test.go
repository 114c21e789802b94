package entra

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestClaimsChallenge(t *testing.T) {
	const claims = `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`
	const encoded = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxIn19fQ=="
	tests := []struct {
		name   string
		header []string
		want   string
	}{
		{"padded", []string{`Bearer error="insufficient_claims", claims="` + encoded + `"`}, claims},
		{
			"unpadded",
			[]string{`Bearer error="insufficient_claims", claims="` + strings.TrimRight(encoded, "=") + `"`}, claims,
		},
		{"unquoted", []string{`Bearer error=insufficient_claims, claims=` + encoded}, claims},
		{"odd case and spaces", []string{`bearer  Error = "insufficient_claims" ,Claims= "` + encoded + `"`}, claims},
		{
			"comma in another value",
			[]string{`Bearer error_description="a, \"b\" c", error="insufficient_claims", claims="` + encoded + `"`},
			claims,
		},
		{
			"behind another scheme",
			[]string{`Basic realm="x", Bearer error="insufficient_claims", claims="` + encoded + `"`}, claims,
		},
		{
			"in the second header",
			[]string{`Basic realm="x"`, `Bearer error="insufficient_claims", claims="` + encoded + `"`}, claims,
		},
		{"of another scheme", []string{`PoP error="insufficient_claims", claims="` + encoded + `"`}, ""},
		{"split over two schemes", []string{`Bearer error="insufficient_claims", PoP claims="` + encoded + `"`}, ""},
		{"unterminated", []string{`Bearer error="insufficient_claims", claims="` + encoded}, ""},
		{"not an object", []string{`Bearer error="insufficient_claims", claims="MQ=="`}, ""},
		{
			"too long",
			[]string{`Bearer error="insufficient_claims", claims="` + strings.Repeat("A", maxClaims+1) + `"`}, "",
		},
		{"none", nil, ""},
		{"empty", []string{""}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := claimsChallenge(tt.header)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("got %q, %v, want %q", got, ok, tt.want)
			}
		})
	}
}

func FuzzClaimsChallenge(f *testing.F) {
	f.Add(`Bearer realm="", error="insufficient_claims", claims="eyJhIjoxfQ=="`)
	f.Add(`Basic realm="a\"b", Bearer error=insufficient_claims , claims=eyJhIjoxfQ`)
	f.Add(`Bearer ,,=,"`)
	f.Fuzz(func(t *testing.T, header string) {
		claims, ok := claimsChallenge([]string{header})
		if ok != json.Valid([]byte(claims)) || len(claims) > maxClaims {
			t.Errorf("claimsChallenge(%q) = %q, %v", header, claims, ok)
		}
	})
}
