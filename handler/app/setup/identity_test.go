package setup

import (
	"bytes"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"testing"

	"cordon/handler/config"
)

const (
	appID   = "1f7e6c5d-42a8-4e57-8f19-0c6de25a7341"
	ownID   = "0a6c7f10-42a8-4e57-8f19-0c6de25a7342"
	otherID = "0a6c7f10-42a8-4e57-8f19-0c6de25a7343"
)

// loaded are the settings of an app that reaches queues and tables by tokens, with what a test changes.
func loaded(t *testing.T, changes map[string]string) config.Config {
	t.Helper()
	values := map[string]string{
		"CORDON_TENANT_ID":                    "94fe6bd2-8d0e-4b7b-9a64-5c2d71e0b9f4",
		"ServiceBus__fullyQualifiedNamespace": "x.servicebus.windows.net",
		"AzureWebJobsStorage__accountName":    "acc",
		"CORDON_ALERT_QUEUE":                  "alerts",
		"CORDON_NOTICE_QUEUE":                 "notices",
		"CORDON_MAIL_FROM":                    "cordon@example.com",
		"CORDON_MAIL_TO":                      "soc@example.com",
	}
	maps.Copy(values, changes)
	c, err := config.Load(func(name string) string { return values[name] })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOneSourceServesAllThatShareAnIdentity(t *testing.T) {
	for _, name := range []string{"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "IMDS_ENDPOINT"} {
		t.Setenv(name, "")
	}
	for name, tt := range map[string]struct {
		settings         map[string]string
		app, bus, tables string // what the identities call themselves
		sources          int
	}{
		"secret for all": {map[string]string{"CORDON_CLIENT_ID": appID, "CORDON_CLIENT_SECRET": "s"},
			"client secret of app " + appID, "client secret of app " + appID, "client secret of app " + appID, 1},
		"system-assigned for all": {
			nil, "managed identity (system-assigned)", "managed identity (system-assigned)",
			"managed identity (system-assigned)", 1,
		},
		"one for Defender, one for the rest": {
			map[string]string{
				"CORDON_CLIENT_ID":              ownID,
				"ServiceBus__clientId":          otherID,
				"AzureWebJobsStorage__clientId": otherID,
			},
			"managed identity " + ownID, "managed identity " + otherID, "managed identity " + otherID, 2,
		},
		"the same one, named again": {
			map[string]string{
				"CORDON_CLIENT_ID":       ownID,
				"ServiceBus__credential": "managedidentity",
				"ServiceBus__clientId":   ownID,
			},
			"managed identity " + ownID, "managed identity " + ownID, "managed identity " + ownID, 1,
		},
		"secret for Defender, system-assigned for the queues": {
			map[string]string{
				"CORDON_CLIENT_ID":       appID,
				"CORDON_CLIENT_SECRET":   "s",
				"ServiceBus__credential": "managedidentity",
			},
			"client secret of app " + appID, "managed identity (system-assigned)", "client secret of app " + appID, 2,
		},
		"an app and an identity of the same id stay apart": {
			map[string]string{"CORDON_CLIENT_ID": appID, "CORDON_CLIENT_SECRET": "s", "ServiceBus__clientId": appID},
			"client secret of app " + appID, "managed identity " + appID, "client secret of app " + appID, 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			who, err := Identify(loaded(t, tt.settings), nil, &http.Transport{},
				slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			if who.App.Identity() != tt.app || who.Bus.Identity() != tt.bus || who.Tables.Identity() != tt.tables {
				t.Errorf("app %q, queues %q, tables %q; want %q, %q, %q",
					who.App.Identity(), who.Bus.Identity(), who.Tables.Identity(), tt.app, tt.bus, tt.tables)
			}
			sources := map[any]bool{who.App: true, who.Bus: true, who.Tables: true}
			if len(sources) != tt.sources {
				t.Errorf("%d sources of tokens, want %d", len(sources), tt.sources)
			}
			if !strings.Contains(log.String(), tt.bus) {
				t.Errorf("the log does not say whose tokens are used: %s", log.String())
			}
		})
	}
}
