package entra_test

import (
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cordon/handler/entra"
	"cordon/local/entrasim"
	"cordon/local/inprocess"
)

const (
	tenantID = "3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4"
	clientID = "b71d9c3e-42a8-4e57-8f19-0c6de25a7341"
	secret   = "s3cr3t~with/odd+chars="
	scope    = entrasim.Defender + "/.default"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func authority(t testing.TB, change ...func(*entrasim.Options)) *entrasim.Sim {
	t.Helper()
	o := entrasim.Options{Apps: []entrasim.App{{
		TenantID: tenantID, ClientID: clientID, Secret: secret,
		Roles: map[string][]string{entrasim.Defender: {"Machine.Isolate"}},
	}}}
	for _, f := range change {
		f(&o)
	}
	sim, err := entrasim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return sim
}

func source(t testing.TB, handler http.Handler, change ...func(*entra.Options)) *entra.Source {
	t.Helper()
	o := entra.Options{
		TenantID: tenantID, ClientID: clientID, Secret: secret, AuthorityURL: "https://login.example.com",
		HTTPClient: &http.Client{Transport: inprocess.Transport{To: handler}},
	}
	for _, f := range change {
		f(&o)
	}
	s, err := entra.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func refreshIn(d time.Duration) func(*entrasim.Options) {
	return func(o *entrasim.Options) { o.RefreshIn = d }
}
