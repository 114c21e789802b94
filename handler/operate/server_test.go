package operate_test

import (
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"cordon/handler/internal/office"
	"cordon/handler/internal/world"
	"cordon/handler/operate"
	"cordon/handler/operate/web"
	"cordon/handler/operate/wire"
	"cordon/handler/signin"
	"cordon/local/entrasim"
)

const (
	tenantID = "94fe6bd2-8d0e-4b7b-9a64-5c2d71e0b9f4"
	apiID    = "5a1b0d3e-42a8-4e57-8f19-0c6de25a7343"
	cliID    = "6b2c1e4f-42a8-4e57-8f19-0c6de25a7344"
	appHost  = "cordon.contoso.com"

	reader   = "reader@contoso.com"
	operator = "operator@contoso.com"
)

// api is the operator API over a world, with the stand-in of Entra beside it.
type api struct {
	t      *testing.T
	world  *world.World
	entra  *entrasim.Sim
	office *operate.Office
	server *web.Server
}

func newAPI(t *testing.T, w *world.World) *api {
	t.Helper()
	sim, err := entrasim.New(entrasim.Options{
		Now: w.Clock,
		Apps: []entrasim.App{
			{TenantID: tenantID, ClientID: apiID, Secret: "s", Name: "Cordon", API: &entrasim.API{
				URI:           "api://" + appHost + "/" + apiID,
				Scopes:        []string{"Cordon.Use"},
				Roles:         []string{string(wire.Reader), string(wire.Operator), string(wire.Approver)},
				PreAuthorized: []string{cliID},
			}},
			{TenantID: tenantID, ClientID: cliID, Public: true, Name: "Cordon CLI"},
		},
		People: []entrasim.Person{
			{TenantID: tenantID, Username: reader, Roles: map[string][]string{apiID: {string(wire.Reader)}}},
			{TenantID: tenantID, Username: operator, Roles: map[string][]string{apiID: {string(wire.Operator)}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	authority := httptest.NewUnstartedServer(sim)
	authority.TLS = sim.TLSConfig()
	authority.StartTLS()
	t.Cleanup(authority.Close)
	sim.At(authority.URL)
	client := authority.Client()
	client.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true // the stand-in's own authority
	a := &api{
		t:      t,
		world:  w,
		entra:  sim,
		office: office.New(t, w),
	}
	a.server = web.NewServer(a.office, signin.New(signin.Options{
		Authority: authority.URL,
		Tenant:    tenantID,
		ClientID:  apiID,
		Host:      appHost,
		Client:    client,
		Log:       slog.New(slog.DiscardHandler),
		Now:       w.Clock,
	}), wire.SignIn{Tenant: tenantID, API: apiID, CLI: cliID, Cloud: "global"}, slog.New(slog.DiscardHandler))
	return a
}

// token is a bearer token of a person.
func (a *api) token(who string, flaw entrasim.Flaw) string {
	a.t.Helper()
	token, err := a.entra.TokenFor(entrasim.Want{Username: who, Client: cliID, API: apiID, Flaw: flaw})
	if err != nil {
		a.t.Fatal(err)
	}
	return token
}

// ask sends a request with a token; empty: without one.
func (a *api) ask(method, path string, query url.Values, token, body string) *http.Response {
	r := httptest.NewRequest(method, wire.Base+path+"?"+query.Encode(), strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Add("X-Forwarded-For", "10.0.0.1, 198.51.100.9")
	r.Header.Add("X-Forwarded-For", "192.0.2.7:50123")
	out := httptest.NewRecorder()
	a.server.ServeHTTP(out, r)
	return out.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

var update = flag.Bool("update", false, "write docs/openapi.json")

// request asks for the isolated machines, unless they are as a tag says.
func request(t *testing.T, token, tag string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, wire.Base+"/isolated", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("If-None-Match", tag)
	return r
}

func (a *api) serve(r *http.Request) *http.Response {
	out := httptest.NewRecorder()
	a.server.ServeHTTP(out, r)
	return out.Result()
}
