package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// only gives the named settings of those that are required, with what a test changes, and nothing else.
func only(names string, changes ...string) func(string) string {
	all := settings(changes...)
	for i := 0; i < len(changes); i += 2 {
		names += " " + changes[i]
	}
	return func(name string) string {
		if slices.Contains(strings.Fields(names), name) {
			return all(name)
		}
		return ""
	}
}

func TestACommandIsAskedForWhatItNeedsAndNothingElse(t *testing.T) {
	const app, queues = "CORDON_TENANT_ID CORDON_CLIENT_ID", "CORDON_ALERT_QUEUE CORDON_NOTICE_QUEUE"
	for name, c := range map[string]struct {
		needs   []Need
		names   string // of the required settings that are enough
		changes []string
	}{
		"nothing":       {nil, "", nil},
		"the tenant":    {[]Need{Tenant}, "CORDON_TENANT_ID", nil},
		"queues by key": {[]Need{Queues}, queues + " ServiceBus", nil},
		"queues by the app's token": {
			[]Need{Queues}, queues + " " + app,
			[]string{"ServiceBus__fullyQualifiedNamespace", "x.servicebus.windows.net", "CORDON_CLIENT_SECRET", "s"},
		},
		"queues by a managed identity": {
			[]Need{Queues}, queues + " CORDON_TENANT_ID",
			[]string{"ServiceBus__fullyQualifiedNamespace", "x.servicebus.windows.net"},
		},
		"queues by one of their own": {
			[]Need{Queues}, queues,
			[]string{
				"ServiceBus__fullyQualifiedNamespace", "x.servicebus.windows.net",
				"ServiceBus__credential", "managedidentity",
			},
		},
		"the ledger by key": {[]Need{Ledger}, "CORDON_TENANT_ID AzureWebJobsStorage", nil},
		"the ledger by the app's token": {
			[]Need{Ledger}, app,
			[]string{"AzureWebJobsStorage__accountName", "acc", "CORDON_CLIENT_CERTIFICATE", "/app.pem"},
		},
		"the ledger by one of its own": {
			[]Need{Ledger}, "CORDON_TENANT_ID",
			[]string{
				"AzureWebJobsStorage__accountName", "acc", "AzureWebJobsStorage__clientId", identityID,
				"CORDON_CLIENT_SECRET", "s",
			},
		},
		"the API by the app's token": {[]Need{Defender}, app, []string{"CORDON_CLIENT_SECRET", "s"}},
		"queues and ledger by key": {
			[]Need{Queues, Ledger}, queues + " CORDON_TENANT_ID ServiceBus AzureWebJobsStorage", nil,
		},
		"others are wrong, and no harm": {
			[]Need{Queues}, queues + " ServiceBus",
			[]string{"CORDON_MODE", "loud", "CORDON_TENANT_ID", "a b", "CORDON_POLL_OVERLAP", "soon"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := LoadFor(only(c.names, c.changes...), c.needs...); err != nil {
				t.Errorf("with everything that is needed: %v", err)
			}
			for _, left := range strings.Fields(c.names) {
				fewer := strings.Join(slices.DeleteFunc(strings.Fields(c.names), func(n string) bool {
					return n == left
				}), " ")
				_, err := LoadFor(only(fewer, c.changes...), c.needs...)
				var wrong *Error
				if !errors.As(err, &wrong) || len(wrong.Problems) != 1 || wrong.Problems[0].Name != left {
					t.Errorf("without %s: %v", left, err)
				}
			}
		})
	}
}

func TestWhatACommandNeedsIsStillChecked(t *testing.T) {
	for name, value := range map[string]string{
		"ServiceBus":          "s3cr3t",
		"CORDON_ALERT_QUEUE":  "a b",
		"CORDON_NOTICE_QUEUE": "alerts",
		"CORDON_TENANT_ID":    "a b",
		"CORDON_TABLE_PREFIX": "1",
	} {
		_, err := LoadFor(only("CORDON_TENANT_ID ServiceBus AzureWebJobsStorage CORDON_ALERT_QUEUE CORDON_NOTICE_QUEUE",
			name, value), Queues, Ledger)
		var wrong *Error
		if !errors.As(err, &wrong) || len(wrong.Problems) != 1 || wrong.Problems[0].Name != name ||
			strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s=%q: %v", name, value, err)
		}
	}
	c, err := LoadFor(only("CORDON_TENANT_ID ServiceBus AzureWebJobsStorage CORDON_ALERT_QUEUE CORDON_NOTICE_QUEUE"),
		Queues, Ledger)
	if err != nil || c.AlertQueue != "alerts" || c.NoticeQueue != "notices" || c.TablePrefix != "cordon" ||
		c.ServiceBus.ConnectionString.IsZero() || c.Storage.ConnectionString.IsZero() {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestNeedsNameSettingsThatExist keeps the lists from naming what nobody reads.
func TestNeedsNameSettingsThatExist(t *testing.T) {
	byToken, err := Load(settings("ServiceBus", "", "ServiceBus__fullyQualifiedNamespace", "x",
		"AzureWebJobsStorage", "", "AzureWebJobsStorage__accountName", "acc"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []Need{Tenant, Queues, Ledger, Deciding, Defender} {
		for _, name := range n.settings(byToken) {
			known := slices.ContainsFunc(Settings(), func(s Setting) bool { return s.Name == name })
			if !known {
				t.Errorf("need %d names %s, which is no setting", n, name)
			}
		}
	}
}
