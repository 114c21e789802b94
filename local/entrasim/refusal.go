package entrasim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// refusal is an error answer of the authority. Numbers and texts are those of
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes, and of what people quote in issues where
// that is vague. Which word goes with 28000, 500112, 650053 and 65001, that a code or token of another client is 70000,
// and that a verifier without a challenge is 50148, is assumed.
type refusal struct {
	status int
	oauth  string
	code   int
	text   string
}

func formless() refusal {
	return refusal{400, "invalid_request", 900144, "The request body is not a form."}
}

func unknownTenant(tenant string) refusal {
	return refusal{
		400, "invalid_tenant", 90002,
		fmt.Sprintf("Tenant '%s' not found. Check to make sure you have the correct tenant ID.", tenant),
	}
}

func unknownResource(tenant, resource string) refusal {
	return refusal{
		400, "invalid_resource", 500011,
		fmt.Sprintf("The resource principal named %s was not found in the tenant named %s.", resource, tenant),
	}
}

// confidential refuses a client that brings no credential and is not public.
func confidential() *refusal {
	return &refusal{
		401, "invalid_client", 7000218,
		"The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
	}
}

// says is the error as a text, with what people tell the support.
func (no refusal) says(now time.Time, trace, correlation string) string {
	return fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", no.code, no.text, trace,
		correlation, timestamp(now))
}

func timestamp(now time.Time) string { return now.UTC().Format("2006-01-02 15:04:05Z") }

// refusalValues are the error as a client gets it by the browser.
func (s *Sim) refusalValues(no refusal) url.Values {
	return url.Values{
		"error":             {no.oauth},
		"error_description": {no.says(s.options.Now(), newID(), newID())},
	}
}

func (s *Sim) refuse(w http.ResponseWriter, no refusal) {
	trace, correlation := newID(), newID()
	writeJSON(w, no.status, map[string]any{
		"error":             no.oauth,
		"error_description": no.says(s.options.Now(), trace, correlation),
		"error_codes":       []int{no.code},
		"timestamp":         timestamp(s.options.Now()),
		"trace_id":          trace,
		"correlation_id":    correlation,
	})
}

func writeJSON(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.WriteHeader(status)
	// The only failure is a client that has gone away.
	_ = json.NewEncoder(w).Encode(body)
}
