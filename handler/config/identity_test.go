package config

import (
	"errors"
	"strings"
	"testing"
)

const identityID = "0a6c7f10-42a8-4e57-8f19-0c6de25a7342"

func TestWithoutSecretAndCertificateTheAppIsAManagedIdentity(t *testing.T) {
	for _, tt := range []struct {
		secret, certificate, client string
		wrong                       string // the setting that is named; empty: all is well
	}{
		{"s", "", identityID, ""}, {"", "/app.pem", identityID, ""}, {"", "", identityID, ""}, {"", "", "", ""},
		{"s", "", "", "CORDON_CLIENT_ID"}, {"", "/app.pem", "", "CORDON_CLIENT_ID"},
		{"", "", "my-app", "CORDON_CLIENT_ID"},
		{"s", "/app.pem", identityID, "CORDON_CLIENT_CERTIFICATE"},
		{"", "-----BEGIN PRIVATE KEY-----", identityID, "CORDON_CLIENT_CERTIFICATE"},
		{"", strings.Repeat("MIIs3cr3t", 200), identityID, "CORDON_CLIENT_CERTIFICATE"},
	} {
		c, err := Load(settings("CORDON_CLIENT_SECRET", tt.secret, "CORDON_CLIENT_CERTIFICATE", tt.certificate,
			"CORDON_CLIENT_ID", tt.client))
		if tt.wrong == "" {
			if err != nil || c.ClientID != tt.client || c.ClientCertificate != tt.certificate ||
				c.ClientSecret.Reveal() != tt.secret {
				t.Errorf("%+v: %v, %+v", tt, err, c)
			}
			continue
		}
		var wrong *Error
		if !errors.As(err, &wrong) || len(wrong.Problems) != 1 || wrong.Problems[0].Name != tt.wrong ||
			strings.Contains(err.Error(), "PRIVATE KEY") || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%+v: %v, want a problem of %s that quotes no key", tt, err, tt.wrong)
		}
	}
}

func TestAConnectionMayHaveAManagedIdentityOfItsOwn(t *testing.T) {
	for connection, instead := range map[string][2]string{
		"ServiceBus":          {"ServiceBus__fullyQualifiedNamespace", "x.servicebus.windows.net"},
		"AzureWebJobsStorage": {"AzureWebJobsStorage__accountName", "acc"},
	} {
		for _, tt := range []struct {
			credential, client string
			want               Identity
			wrong              string
		}{
			{"", "", Identity{}, ""},
			{"managedidentity", "", Identity{Managed: true}, ""},
			{"ManagedIdentity", identityID, Identity{Managed: true, ClientID: identityID}, ""},
			{"", identityID, Identity{Managed: true, ClientID: identityID}, ""},
			{"workloadidentity", "", Identity{}, "__credential"},
			{"", "my-identity", Identity{}, "__clientId"},
		} {
			c, err := Load(settings(connection, "", instead[0], instead[1], connection+"__credential", tt.credential,
				connection+"__clientId", tt.client))
			got := map[string]Identity{
				"ServiceBus":          c.ServiceBus.Identity,
				"AzureWebJobsStorage": c.Storage.Identity,
			}[connection]
			var wrong *Error
			switch {
			case tt.wrong == "" && (err != nil || got != tt.want):
				t.Errorf("%s %+v: %v, %+v", connection, tt, err, got)
			case tt.wrong != "" &&
				(!errors.As(err, &wrong) || len(wrong.Problems) != 1 || wrong.Problems[0].Name != connection+tt.wrong):
				t.Errorf("%s %+v: %v", connection, tt, err)
			}
		}
		for _, name := range []string{"__credential", "__clientId"} {
			_, err := Load(settings(connection+name, "managedidentity"))
			var wrong *Error
			if !errors.As(err, &wrong) || len(wrong.Problems) != 1 || wrong.Problems[0].Name != connection+name ||
				!strings.Contains(err.Error(), instead[0]) {
				t.Errorf("%s beside a connection string: %v", connection+name, err)
			}
		}
	}
}

func TestWithoutAMailServerMailGoesThroughGraph(t *testing.T) {
	c, err := Load(settings("CORDON_SMTP_URL", ""))
	if err != nil || !c.SMTPURL.IsZero() || c.GraphURL == nil || c.GraphAudience == "" {
		t.Errorf("%v, %+v", err, c)
	}
}
