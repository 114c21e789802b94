package cli

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"cordon/handler/alert"
	"cordon/handler/cli/call"
	"cordon/handler/ledger"
	"cordon/handler/ledger/held"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/poll"
	"cordon/local/tables"
)

// operated are the commands that write or read the ledger.
func operated() [][]string {
	return [][]string{
		{"pause", "--reason", "x", "--yes"},
		{"resume", "--yes"},
		{
			"held",
			"list",
		},
		{"held", "run", "da1", "--reason", "x", "--yes"},
		{"held", "drop", "da1", "--reason", "x", "--yes"},
		{
			"isolated",
		},
		{"release", "ws-1", "--reason", "x", "--yes"},
		{"hunt", "list"},
		{"run", "--alert", "da1", "--observe", "../../playbook.yaml"},
	}
}

// TestACommandRefusesALedgerInWhichNoAppWorked has the app's tables under another tenant and under another prefix, and
// no tables at all. A pause there would be read by nobody.
func TestACommandLineThatIsWrongIsNamedOnceAndWhole(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"held run da1 --yes":       "held run wants --reason: it is recorded, and others read it",
		"held drop da1 --yes":      "held drop wants --reason: it is recorded, and others read it",
		"held drop da1 --reason x": "held drop changes something: it asks on a terminal, and elsewhere it wants --yes",
		"pause --yes":              "pause wants --reason: it is recorded, and others read it",
		"deadletter drop":          "deadletter drop wants the numbers that list shows, or --all",
		"enqueue hunt:x:1": `alert id "hunt:x:1" is the id of a finding: only a hunt of Cordon itself makes ` +
			`those`,
		"enqueue a/b": `alert id "a/b" has the character '/'; letters, digits and - _ . : are allowed`,

		"held run a/b --reason x --yes": `alert id "a/b" has the character '/'; letters, digits and - _ . : are allowed`,
		"release ws-1 --yes":            "release wants --reason: it is recorded, and others read it",
	} {
		code, _, stderr := command(t, nil, strings.Fields(line)...)
		if code != call.ExitUsage || stderr != "cordon: "+want+"\n" {
			t.Errorf("%s: %d %s", line, code, stderr)
		}
	}
}

func TestACommandRefusesALedgerInWhichNoAppWorked(t *testing.T) {
	t.Parallel()
	const other = "0f8fad5b-d9cb-469f-a165-70867728950e"
	used, unused := account(t), account(t)
	app := storeIn(t, used, ours)
	if err := app.Switches.SetMark(t.Context(), poll.MarkPoll, noon, ""); err != nil {
		t.Fatal(err)
	}
	for _, args := range operated() {
		for name, env := range map[string]map[string]string{
			"another tenant": {"AzureWebJobsStorage": used, "CORDON_TENANT_ID": other},
			"another prefix": {"AzureWebJobsStorage": used, "CORDON_TENANT_ID": ours, "CORDON_TABLE_PREFIX": "cordon2"},
			"no tables":      {"AzureWebJobsStorage": unused, "CORDON_TENANT_ID": ours},
		} {
			ask := direct
			if args[0] == "run" {
				ask = command // its author's, and has no other way
			}
			code, stdout, stderr := ask(t, withAll(env), args...)
			if code != call.ExitFailed || stdout != "" ||
				!strings.Contains(stderr,
					"no app has worked under tenant "+env["CORDON_TENANT_ID"]+" in these tables") ||
				!strings.Contains(stderr, "CORDON_TABLE_PREFIX") {
				t.Errorf("cordon %s, %s: code %d\n%s%s", strings.Join(args, " "), name, code, stdout, stderr)
			}
		}
	}
	// Looking makes no table.
	if names, err := tablesOf(t, unused); err != nil || len(names) > 0 {
		t.Errorf("tables %q were made, %v", names, err)
	}
	for _, tenant := range []string{ours, other} {
		if pause, err := storeIn(t, used, tenant).Switches.Pause(t.Context()); err != nil || pause.Paused {
			t.Errorf("acting of tenant %s is paused: %+v, %v", tenant, pause, err)
		}
	}
	// In capitals the id is the same one, so the app reads the pause.
	code, stdout, stderr := direct(t,
		withAll(map[string]string{"AzureWebJobsStorage": used, "CORDON_TENANT_ID": strings.ToUpper(ours)}), "pause",
		"--reason", "x", "--yes")
	if pause, err := app.Switches.Pause(t.Context()); code != call.ExitDone || err != nil || !pause.Paused {
		t.Errorf("code %d, %+v, %v\n%s%s", code, pause, err, stdout, stderr)
	}
}

// TestEnqueueSendsOnlyWhatTheAppTakes has what the app would set aside as a dead letter: ids that are none, beside a
// good one, and another spelling of the tenant.
func TestEnqueueSendsOnlyWhatTheAppTakes(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.env["CORDON_TENANT_ID"] = strings.ToUpper(ours)
	const good = "da638994417204415533_-1184209733"
	for _, bad := range []string{
		"", "../x", "da 1", "..", "hunt:a:b", "HUNT:a:b", strings.Repeat("a", 129), "da1\n", "dä1",
	} {
		if code, _, stderr := direct(t, y.env, "enqueue", good, bad); code != call.ExitUsage ||
			!strings.Contains(stderr, "alert id ") {
			t.Errorf("%q: code %d, %s", bad, code, stderr)
		}
	}
	if n := y.Counts("alerts").Active; n != 0 {
		t.Errorf("%d messages were sent beside ids that are none", n)
	}
	if code, _, stderr := direct(t, y.env, "enqueue", good); code != call.ExitDone {
		t.Fatalf("code %d, %s", code, stderr)
	}
	sent, err := y.Receive(t.Context(), "alerts")
	if err != nil {
		t.Fatal(err)
	}
	if m, err := alert.DecodeMessageFor(ours, sent.Body); err != nil || m.AlertID != good {
		t.Errorf("%s: %v", sent.Body, err)
	}
}

// TestHeldIsShownByItsSteps has a scan and a tag that a rail held, and an isolation from before rows had steps.
func TestHeldIsShownByItsSteps(t *testing.T) {
	t.Parallel()
	connection := account(t)
	store := storeIn(t, connection, ours)
	rows := []held.Entry{
		{
			AlertID:     "da638994417204415533_-1184209733",
			Version:     1,
			MachineID:   "m1",
			MachineName: "fin-lt-0147.corp.contoso.com",
			Severity:    "High",
			Rule:        "look",
			At:          noon,
			Steps: held.Steps{
				{
					Key:    "scan:Quick",
					Step:   "scan Quick",
					Reason: "the cap on antivirus scans is reached, 60 of at most 60 an hour are taken",
				},
				{
					Key:    "tag:add:seen",
					Step:   "tag add seen",
					Reason: "acting is paused: the CMDB import is wrong, by bob since 2026-03-02T11:00:00Z",
				},
			},
		},
		{
			AlertID:     "da2",
			Version:     1,
			MachineID:   "m2",
			MachineName: "hr-vm-22.corp.contoso.com",
			Severity:    "Medium",
			Rule:        "contain",
			Reason:      "protected",
			At:          noon.Add(time.Minute),
		},
	}
	for _, h := range rows {
		if _, err := store.Runs.Observe(t.Context(),
			runs.Observation{Alert: alert.Alert{ID: h.AlertID, Updated: noon}, Hash: "h", At: noon}); err != nil {
			t.Fatal(err)
		}
		_, err := store.Runs.Update(t.Context(), h.AlertID, 1, func(r *runs.Run) (bool, error) {
			r.State, r.Outcome = runs.Closed, runs.HeldOutcome
			return true, nil
		})
		if err = errors.Join(err, store.Held.Add(t.Context(), h, machine.Machine{ID: h.MachineID}),
			store.Switches.SetMark(t.Context(), poll.MarkPoll, noon, "")); err != nil {
			t.Fatal(err)
		}
	}
	env := withAll(map[string]string{"AzureWebJobsStorage": connection, "CORDON_TENANT_ID": ours})
	_, shown, stderr := direct(t, env, "held", "list")
	golden(t, "held-list", shown+stderr)
	for line := range strings.Lines(shown) {
		if utf8.RuneCountInString(line) > 81 {
			t.Errorf("wider than a terminal: %s", line)
		}
	}
	_, listed, stderr := direct(t, env, "held", "list", "--json")
	golden(t, "held-list.json", listed+stderr)
}

// account is the connection string of a storage account without tables.
func account(t *testing.T) string {
	t.Helper()
	server := tables.New(tables.Options{})
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	return server.ConnectionString(web.URL)
}

// tablesOf are the names of an account's tables.
func tablesOf(t *testing.T, connection string) (names []string, err error) {
	t.Helper()
	client, err := aztables.NewServiceClientFromConnectionString(connection, nil)
	if err != nil {
		return nil, err
	}
	for pages := client.NewListTablesPager(nil); pages.More(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			return names, err
		}
		for _, table := range page.Tables {
			names = append(names, *table.Name)
		}
	}
	return names, nil
}

// storeIn is an app's ledger in an account.
func storeIn(t *testing.T, connection, tenant string) *ledger.Store {
	t.Helper()
	store, err := ledger.Open(rows.Options{ConnectionString: connection, Prefix: "cordon", Tenant: tenant})
	if err == nil {
		err = store.Prepare(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// withAll adds the settings of everything that a command may want to reach; nothing is there.
func withAll(env map[string]string) map[string]string {
	for name, value := range map[string]string{
		"CORDON_CLIENT_ID":     appID,
		"CORDON_CLIENT_SECRET": "s3cr3t",
		"CORDON_HUNTS":         "../../hunts",
		"CORDON_ALERT_QUEUE":   "alerts",
		"CORDON_NOTICE_QUEUE":  "notices",
		"ServiceBus": "Endpoint=sb://127.0.0.1;SharedAccessKeyName=k;SharedAccessKey=s3cr3t;" +
			"UseDevelopmentEmulator=true",
	} {
		env[name] = value
	}
	return env
}
