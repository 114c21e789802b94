package entrasim_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cordon/local/entrasim"
)

func wanted(flaw entrasim.Flaw) entrasim.Want {
	return entrasim.Want{Username: operator, Client: cliID, API: webID, Flaw: flaw}
}

func minted(t *testing.T, sim *entrasim.Sim, flaw entrasim.Flaw) string {
	t.Helper()
	token, err := sim.TokenFor(wanted(flaw))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestATokenMadeWithoutABrowserIsTheOneThatAClientGets(t *testing.T) {
	sim := tenant(t, fixtureClock())
	sim.At(host + "/")
	want, _ := verified(t, sim, signedIn(t, sim)["access_token"].(string))
	got, ok := verified(t, sim, minted(t, sim, entrasim.NoFlaw))
	delete(want, "uti")
	delete(got, "uti")
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("signed right %t (-client's +made):\n%s", ok, diff)
	}
	for name, w := range map[string]entrasim.Want{
		"without a role": {Username: stranger, Client: cliID, API: webID},
		"of nobody":      {Username: "nobody@contoso.com", Client: cliID, API: webID},
		"for no client":  {Username: operator, Client: "x", API: webID},
		"for no API":     {Username: operator, Client: cliID, API: cliID},
	} {
		if token, err := sim.TokenFor(w); err == nil {
			t.Errorf("%s: %s", name, token)
		}
	}
}

// TestAFlawedTokenIsWrongInOneWay holds every flaw against the right token: which claims differ, and whether an API that
// looks at the published keys believes the signature.
func TestAFlawedTokenIsWrongInOneWay(t *testing.T) {
	sim := tenant(t, fixtureClock())
	sim.At(host)
	right, _ := verified(t, sim, minted(t, sim, entrasim.NoFlaw))
	differs := map[entrasim.Flaw]string{
		entrasim.Expired:       "exp iat nbf",
		entrasim.NotYetValid:   "exp iat nbf",
		entrasim.OtherTenant:   "iss tid",
		entrasim.OtherIssuer:   "iss",
		entrasim.OtherAudience: "aud",
		entrasim.VersionOne:    "appid appidacr aud azp azpacr idp iss preferred_username unique_name ver",
		entrasim.ForeignKey:    "",
		entrasim.UnknownKey:    "",
		entrasim.Unsigned:      "",
		entrasim.Symmetric:     "",
		entrasim.NoScope:       "scp",
		entrasim.OtherScope:    "scp",
		entrasim.NoRoles:       "roles",
		entrasim.OtherRoles:    "roles",
		entrasim.IDToken:       "azp azpacr nonce scp",
		entrasim.AppOnly:       "name oid preferred_username scp sub",
	}
	forged := []entrasim.Flaw{entrasim.ForeignKey, entrasim.UnknownKey, entrasim.Unsigned, entrasim.Symmetric}
	if len(differs) != len(entrasim.Flaws()) {
		t.Errorf("%d flaws are known here, there are %d", len(differs), len(entrasim.Flaws()))
	}
	for _, flaw := range entrasim.Flaws() {
		claims, ok := verified(t, sim, minted(t, sim, flaw))
		if want := differs[flaw]; difference(right, claims) != want {
			t.Errorf("%s: %q differ, want %q", flaw, difference(right, claims), want)
		}
		if ok == slices.Contains(forged, flaw) {
			t.Errorf("%s: signed right: %t", flaw, ok)
		}
	}
}

// difference names the claims that differ, but for the one that always does.
func difference(a, b map[string]any) string {
	var names []string
	for _, claims := range []map[string]any{a, b} {
		for name := range claims {
			if name != "uti" && !cmp.Equal(a[name], b[name]) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestForgeriesNameTheKeysThatTheyPretendToBeSignedBy(t *testing.T) {
	sim := tenant(t, fixtureClock())
	header := func(flaw entrasim.Flaw) (h map[string]string) {
		t.Helper()
		raw, err := base64.RawURLEncoding.DecodeString(strings.Split(minted(t, sim, flaw), ".")[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &h); err != nil {
			t.Fatal(err)
		}
		return h
	}
	known := header(entrasim.NoFlaw)["kid"]
	for flaw, want := range map[entrasim.Flaw]map[string]string{
		entrasim.NoFlaw:     {"typ": "JWT", "alg": "RS256", "kid": known},
		entrasim.ForeignKey: {"typ": "JWT", "alg": "RS256", "kid": known},
		entrasim.Symmetric:  {"typ": "JWT", "alg": "HS256", "kid": known},
		entrasim.Unsigned:   {"typ": "JWT", "alg": "none"},
		entrasim.VersionOne: {"typ": "JWT", "alg": "RS256", "kid": known, "x5t": known},
	} {
		if diff := cmp.Diff(want, header(flaw)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", flaw, diff)
		}
	}
	if unknown := header(entrasim.UnknownKey)["kid"]; unknown == known || unknown == "" {
		t.Errorf("unknown key %q", unknown)
	}
	if token := minted(t, sim, entrasim.Unsigned); !strings.HasSuffix(token, ".") {
		t.Errorf("unsigned, and signed: %s", token)
	}
}

// TestTheSymmetricForgeryIsOneThatACarelessAPIBelieves computes it from what is public.
func TestTheSymmetricForgeryIsOneThatACarelessAPIBelieves(t *testing.T) {
	sim := tenant(t, fixtureClock())
	parts := strings.Split(minted(t, sim, entrasim.Symmetric), ".")
	der, err := x509.MarshalPKIXPublicKey(publicKeys(t, sim, host+"/"+tenantID)[0])
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	if got := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)); got != parts[2] {
		t.Errorf("signature %s, want %s", parts[2], got)
	}
}
