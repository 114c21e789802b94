// Package tables stands in for the Azure Tables REST service on one machine, for the real aztables client.
//
// It keeps everything in memory and serves one account under path-style addresses (`/<account>/<table>`), as the
// vendor's emulator does. What it answers follows the vendor's "Table service REST API" pages on learn.microsoft.com;
// the same conformance suite runs over it and over the emulator. It differs from the real service in these points:
// request times are not checked against the clock, keys are ordered by code point instead of UTF-16 unit, shared access
// signatures and access policies are not there, and a transaction holds writes only.
package tables

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"cordon/local/internal/odata"
)

const (
	maxBody    = 4 << 20
	maxPage    = 1000
	apiVersion = "2019-02-02"
)

// Options say what a Server looks like to its clients. The zero value works.
type Options struct {
	// Account is the account's name, the first segment of every path; empty means devstoreaccount1.
	Account string
	// Key is the account key in base64; empty means a random one, to be had from Server.ConnectionString. A key that is
	// not base64 lets nobody in (aztables refuses such a key as well).
	Key string
	// Verify is asked about every bearer token, which are taken over TLS only; ErrNoPermission means that its bearer
	// has no role on the account, any other error that the token is no good. Nil means that only the key counts.
	Verify func(token string) error
	// Now gives row timestamps and the Date header; nil means time.Now. Timestamps always move forward, by at least 100
	// ns a write, even when Now stands still.
	Now func() time.Time
	// PageSize is the number of rows in a page of a query, 1 to 1,000; anything else means 1,000.
	PageSize int
	// ScanSize ends a page after so many rows were looked at, matching or not, as the service does when it crosses
	// partitions or runs out of time: a page can then be short, or empty, and still carry a continuation. 0 means
	// never.
	ScanSize int
	// Fault is asked before every request is authorised or done; nil, or a nil answer, means no fault. It may read the
	// body, and it is called from many goroutines at once. SetFault replaces it.
	Fault func(r *http.Request) *Fault
}

// Fault is what goes wrong with one request. Delay comes first, then Status or the request itself, then Drop.
type Fault struct {
	// Status is answered instead of doing the request; 0 means the request is done.
	Status int
	// Code is the x-ms-error-code that goes with Status; empty means the service's usual one for 429, 500, 503 and 504.
	Code string
	// Delay is waited before anything else happens; it ends early, with nothing done, when the client goes away.
	Delay time.Duration
	// Drop closes the connection instead of answering: the write is done and its answer is lost. Together with Status
	// nothing is done either.
	Drop bool
}

// Server is the service: an http.Handler over rows in memory. It is safe for concurrent use.
type Server struct {
	account  string
	key      string
	verify   func(token string) error
	secret   []byte
	now      func() time.Time
	pageSize int
	scanSize int

	mu     sync.Mutex
	fault  func(r *http.Request) *Fault
	tables map[string]*table
	stamp  time.Time
}

// New returns an empty service.
func New(o Options) *Server {
	s := &Server{
		account:  o.Account,
		key:      o.Key,
		verify:   o.Verify,
		now:      o.Now,
		pageSize: o.PageSize,
		scanSize: o.ScanSize,
		fault:    o.Fault,
		tables:   map[string]*table{},
	}
	if s.account == "" {
		s.account = "devstoreaccount1"
	}
	if s.key == "" {
		s.key = randomKey()
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.pageSize < 1 || s.pageSize > maxPage {
		s.pageSize = maxPage
	}
	// An undecodable key leaves secret empty, which authorises nobody.
	s.secret, _ = base64.StdEncoding.DecodeString(s.key)
	return s
}

func randomKey() string {
	key := make([]byte, 64)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
	return base64.StdEncoding.EncodeToString(key)
}

// ConnectionString returns what aztables.NewServiceClientFromConnectionString wants, for a Server that is reached at
// addr: host:port, or a URL without a path such as httptest.Server's. It holds the account key.
func (s *Server) ConnectionString(addr string) string {
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	scheme, _, _ := strings.Cut(addr, "://")
	return fmt.Sprintf("DefaultEndpointsProtocol=%s;AccountName=%s;AccountKey=%s;TableEndpoint=%s/%s;",
		scheme, s.account, s.key, strings.TrimRight(addr, "/"), s.account)
}

// ServeHTTP answers one request of the Table service. A Fault that drops the connection ends in http.ErrAbortHandler,
// which net/http takes as the order to close it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		s.write(w, r,
			failure(http.StatusRequestEntityTooLarge, "RequestBodyTooLarge",
				"The request body is too large and exceeds the maximum permissible limit (4 MiB)."))
		return
	}
	answer, drop := s.answer(r, body)
	if drop {
		panic(http.ErrAbortHandler)
	}
	s.write(w, r, answer)
}

// answer does the request, unless its fault says otherwise, and reports whether the answer is to be lost.
func (s *Server) answer(r *http.Request, body []byte) (response, bool) {
	fault := s.faultFor(r, body)
	if !wait(r, fault.Delay) {
		return response{}, true
	}
	if fault.Status != 0 {
		return fault.response(), fault.Drop
	}
	if problem := s.authorize(r); problem != nil {
		return problem.response(), fault.Drop
	}
	return s.route(r, body), fault.Drop
}

// SetFault replaces Options.Fault from the next request on; nil ends all faults.
func (s *Server) SetFault(fault func(r *http.Request) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func (s *Server) faultFor(r *http.Request, body []byte) Fault {
	s.mu.Lock()
	next := s.fault
	s.mu.Unlock()
	if next == nil {
		return Fault{}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	fault := next(r)
	if fault == nil {
		return Fault{}
	}
	return *fault
}

// wait reports false when the client went away first.
func wait(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// Row is one stored entity.
type Row struct {
	PartitionKey, RowKey string
	// Timestamp is the time of the last write, in UTC, to 100 ns.
	Timestamp time.Time
	// ETag is new with every write.
	ETag string
	// Properties holds all but the keys and the timestamp. Values are string, bool, int32, int64, float64, time.Time
	// (UTC), []byte or GUID.
	Properties map[string]any
}

// GUID is a property of type Edm.Guid, in lower case with hyphens.
type GUID = odata.GUID

// Rows returns copies of a table's rows, ordered by PartitionKey and RowKey; nil when there is no such table or no row.
func (s *Server) Rows(name string) []Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[strings.ToLower(name)]
	if t == nil {
		return nil
	}
	var rows []Row
	for _, row := range t.rows {
		rows = append(rows, row.clone())
	}
	return rows
}

// PutRow writes a row behind the clients' backs, whatever was there before. A table that does not exist is made.
func (s *Server) PutRow(name string, row Row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[strings.ToLower(name)]
	if t == nil {
		t = &table{name: name}
		s.tables[strings.ToLower(name)] = t
	}
	written := row.clone()
	written.Timestamp = s.tick()
	written.ETag = etag(written.Timestamp)
	t.put(&written)
}

// Lose drops all tables with their rows, and returns their rows by table.
func (s *Server) Lose() map[string][]Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := map[string][]Row{}
	for _, t := range s.tables {
		for _, row := range t.rows {
			lost[t.name] = append(lost[t.name], row.clone())
		}
	}
	clear(s.tables)
	return lost
}

// DeleteRow removes a row behind the clients' backs and reports whether it was there.
func (s *Server) DeleteRow(name, partitionKey, rowKey string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[strings.ToLower(name)]
	if t == nil || t.get(key{partitionKey, rowKey}) == nil {
		return false
	}
	t.remove(key{partitionKey, rowKey})
	return true
}
