package entrasim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/local/entrasim"
)

const devicePage = host + "/" + tenantID + "/oauth2/deviceauth"

// deviceCode asks for a device code.
func deviceCode(t *testing.T, sim *entrasim.Sim) map[string]any {
	t.Helper()
	status, body := askDevice(t, sim, url.Values{"client_id": {cliID}, "scope": {webURI + "/Cordon.Use openid"}})
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, body)
	}
	return body
}

func askDevice(t *testing.T, sim *entrasim.Sim, form url.Values) (int, map[string]any) {
	t.Helper()
	w := serveRequest(sim, http.MethodPost, host+"/"+tenantID+"/oauth2/v2.0/devicecode", form)
	return w.Code, decoded(t, w)
}

// approve is the page after a person has typed in a code and chosen.
func approve(sim *entrasim.Sim, userCode, person string) *httptest.ResponseRecorder {
	return serveRequest(sim, http.MethodPost, devicePage, url.Values{"user_code": {userCode}, "person": {person}})
}

// poll asks for the tokens and returns the error of the answer.
func poll(t *testing.T, sim *entrasim.Sim, code any) (oauth string, body map[string]any) {
	t.Helper()
	_, _, body = ask(t, sim, tenantID, url.Values{
		"grant_type":  {"urn:ietf:params:oauth:grant-type:device_code"},
		"client_id":   {cliID},
		"device_code": {fmt.Sprint(code)},
	})
	oauth, _ = body["error"].(string)
	return oauth, body
}

func TestADeviceIsLetInByAPerson(t *testing.T) {
	c := fixtureClock()
	sim := tenant(t, c)
	said := deviceCode(t, sim)
	userCode, _ := said["user_code"].(string)
	if said["verification_uri"] != devicePage || said["expires_in"] != 900.0 || said["interval"] != 5.0 ||
		!strings.Contains(said["message"].(string), userCode) || len(userCode) != 9 {
		t.Errorf("said %v", said)
	}
	var got []string
	for _, wait := range []time.Duration{0, 5 * time.Second, time.Second, 5 * time.Second} {
		c.now = c.now.Add(wait)
		oauth, _ := poll(t, sim, said["device_code"])
		got = append(got, oauth)
	}
	want := []string{"authorization_pending", "authorization_pending", "slow_down", "authorization_pending"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("polled (-want +got):\n%s", diff)
	}
	page := serveRequest(sim, http.MethodGet, devicePage+"?user_code="+strings.ToLower(userCode), nil)
	if page.Code != http.StatusOK || !strings.Contains(page.Body.String(), operator) {
		t.Errorf("%d %s", page.Code, page.Body)
	}
	if page := approve(sim, userCode, stranger); !strings.Contains(page.Body.String(), "AADSTS50105") {
		t.Errorf("a stranger: %d %s", page.Code, page.Body)
	}
	if page := approve(sim, userCode, operator); page.Code != http.StatusOK {
		t.Fatalf("%d %s", page.Code, page.Body)
	}
	_, body := poll(t, sim, said["device_code"])
	access, ok := body["access_token"].(string)
	if !ok || body["id_token"] == nil || body["refresh_token"] != nil {
		t.Fatal(body)
	}
	if claims, signed := verified(t, sim, access); !signed || claims["preferred_username"] != operator {
		t.Errorf("%t %v", signed, claims)
	}
	if oauth, body := poll(t, sim, said["device_code"]); oauth != "invalid_grant" {
		t.Errorf("once more: %v", body)
	}
	if page := approve(sim, userCode, operator); !strings.Contains(page.Body.String(), "AADSTS70018") {
		t.Errorf("its code again: %s", page.Body)
	}
}

func TestADeviceIsNotLetIn(t *testing.T) {
	c := fixtureClock()
	sim := tenant(t, c)
	declined := deviceCode(t, sim)
	if page := approve(sim, declined["user_code"].(string), ""); page.Code != http.StatusOK {
		t.Errorf("%d %s", page.Code, page.Body)
	}
	late := deviceCode(t, sim)
	c.now = c.now.Add(15 * time.Minute)
	if page := approve(sim, late["user_code"].(string), operator); page.Code != http.StatusBadRequest {
		t.Errorf("a code of 15 minutes ago: %d", page.Code)
	}
	for want, code := range map[string]any{
		"authorization_declined": declined["device_code"],
		"expired_token":          late["device_code"],
		"bad_verification_code":  "other",
		"invalid_request":        "",
	} {
		if oauth, body := poll(t, sim, code); oauth != want {
			t.Errorf("%v, want %s", body, want)
		}
	}
}

func TestADeviceCodeIsForPublicClientsAndKnownScopes(t *testing.T) {
	sim := tenant(t, fixtureClock())
	scope := webURI + "/Cordon.Use"
	for want, form := range map[float64]url.Values{
		700016:  {"client_id": {"nobody"}, "scope": {scope}},
		900144:  {"client_id": {cliID}},
		7000218: {"client_id": {webID}, "scope": {scope}},
		500011:  {"client_id": {cliID}, "scope": {"api://other/Cordon.Use"}},
		65001:   {"client_id": {otherID}, "scope": {scope}},
	} {
		status, body := askDevice(t, sim, form)
		if status < 400 || !cmp.Equal(body["error_codes"], []any{want}) {
			t.Errorf("%v: %d %v, want %v", form, status, body, want)
		}
	}
}
