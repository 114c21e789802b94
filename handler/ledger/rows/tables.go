// Package rows keeps rows in Azure Tables: it reads, lists and changes them, and knows nothing of what they mean. The
// packages beside it, one an idea, say what is kept; the services use those.
//
// Every write that another instance could race is conditional. Keys begin with the tenant, so that tenants never meet.
package rows

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
)

// The tables, each behind the configured prefix.
const (
	Watermarks = "watermarks"
	Alerts     = "alerts"
	RunIndex   = "runindex"
	Latches    = "latches"
	Open       = "open"
	Budgets    = "budgets"
	Notices    = "notices"
	Switches   = "switches"
	Hunts      = "hunts"
	Decisions  = "decisions"
)

// Names lists the names of all tables, without the prefix.
func Names() []string {
	return []string{Watermarks, Alerts, RunIndex, Latches, Open, Budgets, Notices, Switches, Hunts,
		Decisions}
}

// Options says where the tables are.
type Options struct {
	ConnectionString string                 // a storage connection string; else ServiceURL and Credential
	ServiceURL       string                 // https://<account>.table.core.windows.net
	Credential       azcore.TokenCredential // used with ServiceURL
	Prefix           string                 // letters and digits; keeps several apps in one account apart
	Tenant           string                 // begins every key
	Transport        policy.Transporter     // nil: the default HTTP client
	Now              func() time.Time       // nil: time.Now; what passes between two answers is read from it, no more
}

// Tables are the tables of one tenant. They are safe for concurrent use.
type Tables struct {
	tenant string
	tables map[string]*Table
	clock  *clock

	mu    sync.Mutex
	ready bool
}

// Table is one of them.
type Table struct {
	name   string
	tenant string
	client *aztables.Client
}

// Connect makes Tables without any network traffic. An error means that the options are wrong.
func Connect(o Options) (*Tables, error) {
	told := &clock{now: o.Now}
	if told.now == nil {
		told.now = time.Now
	}
	client := &aztables.ClientOptions{ClientOptions: policy.ClientOptions{
		Transport:        o.Transport,
		PerRetryPolicies: []policy.Policy{told, discreet{}},
	}}
	var service *aztables.ServiceClient
	var err error
	if o.ConnectionString != "" {
		service, err = aztables.NewServiceClientFromConnectionString(o.ConnectionString, client)
	} else {
		service, err = aztables.NewServiceClient(o.ServiceURL, o.Credential, client)
	}
	if err != nil {
		// The cause may quote the connection string with its key.
		return nil, errors.New("ledger: the storage connection is not usable; check AzureWebJobsStorage")
	}
	t := &Tables{
		tenant: o.Tenant,
		tables: map[string]*Table{},
		clock:  told,
	}
	for _, name := range Names() {
		t.tables[name] = &Table{
			name:   name,
			tenant: o.Tenant,
			client: service.NewClient(o.Prefix + name),
		}
	}
	return t, nil
}

// Table is the table of a name, one of Names.
func (t *Tables) Table(name string) *Table {
	return t.tables[name]
}

// Tenant names whose tables these are.
func (t *Tables) Tenant() string { return t.tenant }

// Prepare creates the tables that do not exist. Once it has succeeded, a repeat is free.
func (t *Tables) Prepare(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ready {
		return nil
	}
	for _, name := range Names() {
		_, err := t.tables[name].client.CreateTable(ctx, nil)
		if err != nil && !hasCode(err, aztables.TableAlreadyExists) {
			return &Error{Op: "create table " + name, Cause: err}
		}
	}
	t.ready = true
	return nil
}

// discreet keeps the queries of requests, which may hold a shared access signature, out of the errors of the
// connection.
type discreet struct{}

// Do sends the request on.
func (discreet) Do(r *policy.Request) (*http.Response, error) {
	answer, err := r.Next()
	var failed *url.Error
	if errors.As(err, &failed) {
		failed.URL, _, _ = strings.Cut(failed.URL, "?")
	}
	return answer, err
}
