// Package ledger is the record and the authority: the watermark, what was seen of each alert, the run of each version,
// the latch of each machine, budgets and notices, in Azure Tables. Queue messages and caches are hints; what is not
// written here did not happen, and nothing acts that cannot be written here first.
//
// Every write that another instance could race is conditional. Keys begin with the tenant, so that tenants never meet.
package ledger

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"cordon/handler/outgoing"
)

// The tables, each behind the configured prefix.
const (
	tableWatermarks = "watermarks"
	tableAlerts     = "alerts"
	tableRunIndex   = "runindex"
	tableLatches    = "latches"
	tableOpen       = "open"
	tableBudgets    = "budgets"
	tableNotices    = "notices"
	tableSwitches   = "switches"
	tableHunts      = "hunts"
)

// Tables lists the names of all tables, without the prefix.
func Tables() []string {
	return []string{tableWatermarks, tableAlerts, tableRunIndex, tableLatches, tableOpen, tableBudgets, tableNotices, tableSwitches, tableHunts}
}

// ErrConflict says that somebody else changed a row first. Read it again and decide anew.
var ErrConflict = errors.New("the row was changed by another instance")

// errNotFound says that a row does not exist; the exported methods answer with zero values instead.
var errNotFound = errors.New("no such row")

// Error is a failure of the store itself, as opposed to ErrConflict. It is worth a later try: the service was not
// reachable, throttled, or refused the request; the run stays open meanwhile.
type Error struct {
	Op    string // what was tried, with the table
	cause error
}

func (e *Error) Error() string { return fmt.Sprintf("ledger: %s: %v", e.Op, e.cause) }
func (e *Error) Unwrap() error { return e.cause }

// Transient reports that a later try may work. It is always true: the ledger is never given up on.
func (e *Error) Transient() bool { return true }

// Options says where the tables are.
type Options struct {
	ConnectionString string                 // a storage connection string; else ServiceURL and Credential
	ServiceURL       string                 // https://<account>.table.core.windows.net
	Credential       azcore.TokenCredential // used with ServiceURL
	Prefix           string                 // letters and digits; keeps several apps in one account apart
	Tenant           string                 // begins every key
	Neighbours       bool                   // what is observed is indexed by machine and incident, for AlertsOnMachine and AlertsInIncident
	Transport        policy.Transporter     // nil: the default HTTP client
	Now              func() time.Time       // nil: time.Now; what passes between two answers is read from it, no more
}

// Store is the ledger on Azure Tables. It is safe for concurrent use.
type Store struct {
	tenant     string
	neighbours bool
	service    *aztables.ServiceClient
	tables     map[string]*aztables.Client
	clock      *clock

	reserving chan struct{} // holds a token while somebody reserves
	looking   chan struct{} // holds a token while somebody counts a look-up

	mu        sync.Mutex
	ready     bool
	troubleAt time.Time // when NoteTrouble wrote last
}

// Open makes a Store without any network traffic. An error means that the options are wrong.
func Open(o Options) (*Store, error) {
	told := &clock{now: o.Now}
	if told.now == nil {
		told.now = time.Now
	}
	client := &aztables.ClientOptions{ClientOptions: policy.ClientOptions{Transport: o.Transport, PerRetryPolicies: []policy.Policy{told, discreet{}}}}
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
	s := &Store{tenant: o.Tenant, neighbours: o.Neighbours, service: service, tables: map[string]*aztables.Client{}, clock: told, reserving: make(chan struct{}, 1), looking: make(chan struct{}, 1)}
	for _, name := range Tables() {
		s.tables[name] = service.NewClient(o.Prefix + name)
	}
	return s, nil
}

// discreet keeps the queries of requests, which may hold a shared access signature, out of the errors of the connection.
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

// Prepare creates the tables that do not exist. Once it has succeeded, a repeat is free.
func (s *Store) Prepare(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready {
		return nil
	}
	for _, name := range Tables() {
		_, err := s.tables[name].CreateTable(ctx, nil)
		if err != nil && !hasCode(err, aztables.TableAlreadyExists) {
			return &Error{Op: "create table " + name, cause: err}
		}
	}
	s.ready = true
	return nil
}

// Tenant names whose ledger this is.
func (s *Store) Tenant() string { return s.tenant }

// keys begins every stored row. Nonce is new with every write: after an answer was lost and the request repeated, it
// tells our own write from another instance's.
type keys struct {
	PartitionKey string
	RowKey       string
	Nonce        string      `json:",omitempty"`
	ETag         azcore.ETag `json:"odata.etag,omitempty"`

	overwrite bool // in a transaction: write whatever was there before
}

func (k *keys) base() *keys { return k }

// row is a stored struct: it embeds keys.
type row interface{ base() *keys }

func encode(r row) ([]byte, error) {
	b := r.base()
	etag := b.ETag
	b.ETag, b.Nonce = "", rand.Text()
	body, err := outgoing.Encode(r)
	b.ETag = etag
	return body, err
}

// get fills r from the row with the given keys, or returns errNotFound.
func (s *Store) get(ctx context.Context, table, pk, rk string, r row) error {
	answer, err := s.tables[table].GetEntity(ctx, pk, rk, nil)
	if hasStatus(err, http.StatusNotFound) {
		return errNotFound
	}
	if err != nil {
		return &Error{Op: "read " + table, cause: err}
	}
	return decodeRow(table, answer.Value, answer.ETag, r)
}

func decodeRow(table string, body []byte, etag azcore.ETag, r row) error {
	if err := json.Unmarshal(body, r); err != nil {
		return &Error{Op: "decode a row of " + table, cause: err}
	}
	if etag != "" {
		r.base().ETag = etag
	}
	return nil
}

// save inserts r if it has no ETag, else replaces exactly the row that was read. ErrConflict: somebody was first.
// On success r carries the new ETag.
func (s *Store) save(ctx context.Context, table string, r row) error {
	body, err := encode(r)
	if err != nil {
		return &Error{Op: "encode a row of " + table, cause: err}
	}
	b := r.base()
	if b.ETag == "" {
		answer, err := s.tables[table].AddEntity(ctx, body, nil)
		if err == nil {
			b.ETag = answer.ETag
			return nil
		}
		return s.settle(ctx, table, "insert into "+table, b, err)
	}
	answer, err := s.tables[table].UpdateEntity(ctx, body, &aztables.UpdateEntityOptions{IfMatch: &b.ETag, UpdateMode: aztables.UpdateModeReplace})
	if err == nil {
		b.ETag = answer.ETag
		return nil
	}
	return s.settle(ctx, table, "replace in "+table, b, err)
}

// settle decides what a refused conditional write was: our own earlier try whose answer was lost, or a conflict.
func (s *Store) settle(ctx context.Context, table, op string, wrote *keys, err error) error {
	if !hasStatus(err, http.StatusConflict, http.StatusPreconditionFailed, http.StatusNotFound) {
		return &Error{Op: op, cause: err}
	}
	var found keys
	if s.get(ctx, table, wrote.PartitionKey, wrote.RowKey, &found) == nil && found.Nonce == wrote.Nonce {
		wrote.ETag = found.ETag
		return nil
	}
	return fmt.Errorf("%s %s: %w", op, wrote.RowKey, ErrConflict)
}

// put writes r whatever was there before.
func (s *Store) put(ctx context.Context, table string, r row) error {
	body, err := encode(r)
	if err == nil {
		_, err = s.tables[table].UpsertEntity(ctx, body, &aztables.UpsertEntityOptions{UpdateMode: aztables.UpdateModeReplace})
	}
	if err != nil {
		return &Error{Op: "write " + table, cause: err}
	}
	return nil
}

// remove deletes a row; one that is not there is fine.
func (s *Store) remove(ctx context.Context, table, pk, rk string) error {
	_, err := s.tables[table].DeleteEntity(ctx, pk, rk, nil)
	if err != nil && !hasStatus(err, http.StatusNotFound) {
		return &Error{Op: "delete from " + table, cause: err}
	}
	return nil
}

// transact writes rows of one partition at once: insert without ETag, else replace of exactly what was read. The first
// row's nonce decides whether a refused transaction was our own earlier try.
func (s *Store) transact(ctx context.Context, table string, rows ...row) error {
	actions := make([]aztables.TransactionAction, 0, len(rows))
	for _, r := range rows {
		body, err := encode(r)
		if err != nil {
			return &Error{Op: "encode a row of " + table, cause: err}
		}
		action := aztables.TransactionAction{ActionType: aztables.TransactionTypeAdd, Entity: body}
		if etag := r.base().ETag; etag != "" {
			action.ActionType, action.IfMatch = aztables.TransactionTypeUpdateReplace, &etag
		}
		if r.base().overwrite {
			action.ActionType, action.IfMatch = aztables.TransactionTypeInsertReplace, nil
		}
		actions = append(actions, action)
	}
	if _, err := s.tables[table].SubmitTransaction(ctx, actions, nil); err != nil {
		if !isRefusedTransaction(err) {
			return &Error{Op: "transaction on " + table, cause: err}
		}
		first := rows[0].base()
		var found keys
		if s.get(ctx, table, first.PartitionKey, first.RowKey, &found) != nil || found.Nonce != first.Nonce {
			return fmt.Errorf("transaction on %s %s: %w", table, first.PartitionKey, ErrConflict)
		}
	}
	return nil
}

// list reads the rows that match an OData filter, page by page, and hands each to visit. Only the columns in sel are
// read, all of them if it is empty.
func (s *Store) list(ctx context.Context, table, filter, sel string, visit func(body []byte) error) error {
	options := &aztables.ListEntitiesOptions{Filter: &filter}
	if sel != "" {
		options.Select = &sel
	}
	pager := s.tables[table].NewListEntitiesPager(options)
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return &Error{Op: "list " + table, cause: err}
		}
		for _, body := range page.Entities {
			if err := visit(body); err != nil {
				return err
			}
		}
	}
	return nil
}

func hasStatus(err error, statuses ...int) bool {
	var answer *azcore.ResponseError
	if !errors.As(err, &answer) {
		return false
	}
	for _, status := range statuses {
		if answer.StatusCode == status {
			return true
		}
	}
	return false
}

func hasCode(err error, code aztables.TableErrorCode) bool {
	var answer *azcore.ResponseError
	return errors.As(err, &answer) && answer.ErrorCode == string(code)
}

// isRefusedTransaction reports whether a condition of a transaction failed. The service answers such a batch with 202
// and puts the real code into the multipart body, which the client keeps in its error text only.
func isRefusedTransaction(err error) bool {
	if hasStatus(err, http.StatusConflict, http.StatusPreconditionFailed) {
		return true
	}
	if !hasStatus(err, http.StatusAccepted) {
		return false
	}
	text := err.Error()
	for _, code := range []aztables.TableErrorCode{aztables.EntityAlreadyExists, aztables.UpdateConditionNotSatisfied, aztables.ResourceNotFound} {
		if strings.Contains(text, string(code)) {
			return true
		}
	}
	return false
}

// key joins parts into a partition or row key. Bytes that the service forbids in keys, and the separators, are written
// as =XX, so that no two lists of parts make the same key.
func key(parts ...string) string {
	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			b.WriteByte('|')
		}
		for j := range len(part) {
			c := part[j]
			if c <= ' ' || c >= 0x7f || strings.IndexByte(`/\#?|='%`, c) >= 0 {
				fmt.Fprintf(&b, "=%02X", c)
			} else {
				b.WriteByte(c)
			}
		}
	}
	return b.String()
}

func (s *Store) pk(parts ...string) string { return key(append([]string{s.tenant}, parts...)...) }

// prefixFilter selects the rows of a partition whose row key begins with prefix.
func prefixFilter(pk, prefix string) string {
	filter := "PartitionKey eq '" + pk + "'"
	if prefix != "" {
		// '~' sorts behind every byte that key lets through.
		filter += " and RowKey ge '" + prefix + "' and RowKey lt '" + prefix + "~'"
	}
	return filter
}
