package signin

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/operate/wire"
)

// TestAnIDTokenSaysWhoSignedInAndIsOfThatSignIn has each way in which one can be wrong that is not one of every token.
func TestAnIDTokenSaysWhoSignedInAndIsOfThatSignIn(t *testing.T) {
	t.Parallel()
	id := set{"azp": nil, "azpacr": nil, "scp": nil, "nonce": "n-1"}
	for name, c := range map[string]struct {
		change set
		nonce  string
		want   refusal
	}{
		"right":                     {nil, "n-1", refusal{}},
		"of another sign-in":        {nil, "n-2", refusal{401, "wrong_nonce", true}},
		"without a nonce":           {set{"nonce": nil}, "n-1", refusal{401, "wrong_nonce", true}},
		"nobody asked with a nonce": {set{"nonce": nil}, "", refusal{401, "wrong_nonce", true}},
		"an access token": {
			set{"azp": cliID, "scp": "Cordon.Use"}, "n-1", refusal{401, "not_id_token", true},
		},
		"an app's token":             {set{"azp": cliID, "sub": personID}, "n-1", refusal{401, "not_id_token", true}},
		"an app's without a client":  {set{"idtyp": "app", "sub": personID}, "n-1", refusal{401, "not_id_token", true}},
		"for another app":            {set{"aud": cliID}, "n-1", refusal{401, "wrong_audience", true}},
		"of another tenant":          {set{"tid": personID}, "n-1", refusal{401, "other_tenant", true}},
		"expired":                    {set{"exp": at.Unix() - 120}, "n-1", refusal{401, "expired", true}},
		"of version 1":               {set{"ver": "1.0"}, "n-1", refusal{401, "wrong_version", true}},
		"without a role":             {set{"roles": nil}, "n-1", refusal{403, "no_role", true}},
		"of nobody":                  {set{"oid": nil}, "n-1", refusal{401, "malformed", true}},
		"with a signature of others": {set{}, "n-1", refusal{401, "bad_signature", false}},
	} {
		now, a := &clock{at: at}, newAuthority(t)
		key := testKeys(t)[0]
		if c.want.code == "bad_signature" {
			key = testKeys(t)[1]
		}
		who, err := verifier(a, now, io.Discard).IDToken(t.Context(), signed(key, rs256, claimsOf(at, id, c.change)),
			c.nonce)
		if c.want.code == "" {
			want := Person{
				Name: "duty@example.com", ObjectID: personID, Tenant: tenantID,
				Roles: []wire.Role{wire.Operator}, Client: clientID, Until: at.Add(time.Hour),
			}
			if diff := cmp.Diff(want, who); diff != "" || err != nil {
				t.Errorf("%s: %v %s", name, err, diff)
			}
			continue
		}
		var problem *wire.Problem
		if !errors.As(err, &problem) {
			t.Errorf("%s: %+v, %v", name, who, err)
			continue
		}
		if got := (refusal{problem.Status, problem.Code, a.requests() == 0}); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
