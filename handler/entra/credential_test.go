package entra_test

import (
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"cordon/local/entrasim"
)

func TestCredentialPassesTokenAndTimesOn(t *testing.T) {
	sim := authority(t)
	s := source(t, sim)
	want := mustToken(t, s)
	c := s.Credential()
	got, err := c.GetToken(t.Context(), policy.TokenRequestOptions{
		Scopes:   []string{scope},
		TenantID: strings.ToUpper(tenantID),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Token != want.Value.Reveal() || !got.ExpiresOn.Equal(want.ExpiresAt) ||
		!got.RefreshOn.Equal(want.RefreshAt) {
		t.Errorf("got a token to %v, refresh %v, want the source's own to %v, refresh %v", got.ExpiresOn, got.RefreshOn,
			want.ExpiresAt, want.RefreshAt)
	}

	renewed, err := c.GetToken(t.Context(), policy.TokenRequestOptions{
		Scopes: []string{scope},
		Claims: `{"access_token":{"nbf":{"value":"1"}}}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	if renewed.Token == got.Token || sim.Counts().Claims != 1 {
		t.Errorf("claims did not lead to a new token (%d asked)", sim.Counts().Claims)
	}
}

func TestCredentialRefusesWhatItCannotGive(t *testing.T) {
	c := source(t, authority(t)).Credential()
	for name, o := range map[string]policy.TokenRequestOptions{
		"no scope":     {},
		"two scopes":   {Scopes: []string{scope, entrasim.Graph + "/.default"}},
		"other tenant": {Scopes: []string{scope}, TenantID: "ffffffff-8d0e-4b7b-9a64-5c2d71e0b9f4"},
		"unknown API":  {Scopes: []string{"https://api.example.com/.default"}},
	} {
		if token, err := c.GetToken(t.Context(), o); err == nil || token.Token != "" {
			t.Errorf("%s: got a token", name)
		}
	}
}
