package world

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cordon/local/alertsim"
	"cordon/local/defendersim"
	"cordon/local/entrasim"
)

// asking is a client of Graph with a token of the app registration.
func asking(t *testing.T, w *World) func(method, path, body string) (int, string) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.Entra.CertPEM())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	t.Cleanup(client.CloseIdleConnections)
	send := func(r *http.Request) (status int, answer map[string]any) {
		t.Helper()
		got, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		_ = json.NewDecoder(got.Body).Decode(&answer) // an answer without a body has no members
		return got.StatusCode, answer
	}
	ask, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		w.Settings["CORDON_AUTHORITY_URL"]+"/"+TenantID+"/oauth2/v2.0/token", strings.NewReader(url.Values{
			"grant_type":    {"client_credentials"},
			"client_id":     {ClientID},
			"client_secret": {ClientSecret},
			"scope":         {entrasim.Graph + "/.default"},
		}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, answer := send(ask)
	token, _ := answer["access_token"].(string)
	return func(method, path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, w.Settings["CORDON_GRAPH_URL"]+path,
			strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		status, answer := send(r)
		title, _ := answer["title"].(string)
		return status, title
	}
}

// TestGraphHasTheAlertsOfTheTenant asks with the handler's own permissions: for alerts, and for what was there before.
func TestGraphHasTheAlertsOfTheTenant(t *testing.T) {
	t.Parallel()
	between := 0
	w, err := Start(Options{
		Alerts: alertsim.Options{GraphID: func(id string) string { return "g-" + id }},
		BetweenAlerts: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { between++; next.ServeHTTP(w, r) })
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.Defender.AddAlert(defendersim.Alert{ID: "a", Title: "of the tenant"}, time.Time{})
	ask := asking(t, w)
	if status, title := ask(http.MethodGet, "/v1.0/security/alerts_v2/g-a", ""); status != 200 ||
		title != "of the tenant" {
		t.Errorf("one alert: %d %q", status, title)
	}
	if status, _ := ask(http.MethodGet, "/v1.0/security/alerts_v2?$top=1", ""); status != 200 {
		t.Errorf("alerts: %d", status)
	}
	if status, _ := ask(http.MethodPatch, "/v1.0/security/alerts_v2/g-a", `{"status":"resolved"}`); status != 200 ||
		w.Defender.Alerts()[0].Status != "Resolved" {
		t.Errorf("a change: %d, %+v", status, w.Defender.Alerts())
	}
	if calls := w.Alerts.Calls(); between != 3 || len(calls) != 3 || calls[0].AppID != ClientID {
		t.Errorf("%d calls came by, %+v", between, calls)
	}
	if status, _ := ask(http.MethodPost, "/v1.0/security/runHuntingQuery", `{"Query":"x"}`); status != 400 ||
		len(w.Graph.HuntingCalls()) != 1 {
		t.Errorf("hunting: %d, %+v", status, w.Graph.HuntingCalls())
	}
	if status, _ := ask(http.MethodGet, "/v1.0/security/alerts", ""); status != 404 || between != 3 {
		t.Errorf("the old API of alerts: %d", status)
	}
}
