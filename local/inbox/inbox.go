// Package inbox keeps the mails that a stand-in for a mail server took: for tests, which read them or wait for them,
// and for people, who get a page.
package inbox

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Inbox is the mails in the order they came in. It is safe for concurrent use; several stand-ins may share one.
type Inbox struct {
	now func() time.Time

	mu      sync.Mutex
	mails   []Mail
	changed chan struct{} // closed and replaced with every mail
}

// New makes an empty Inbox. Now is the clock for Mail.At; nil means time.Now.
func New(now func() time.Time) *Inbox {
	if now == nil {
		now = time.Now
	}
	return &Inbox{now: now, changed: make(chan struct{})}
}

// Add keeps a mail as it was sent, with the addresses of its envelope.
func (b *Inbox) Add(from string, to []string, raw []byte) {
	m := Parse(raw)
	m.From, m.To = from, slices.Clone(to)
	b.mu.Lock()
	defer b.mu.Unlock()
	m.N, m.At = len(b.mails)+1, b.now()
	b.mails = append(b.mails, m)
	close(b.changed)
	b.changed = make(chan struct{})
}

// Mails returns what was taken so far, oldest first.
func (b *Inbox) Mails() []Mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.mails)
}

// mail returns the n-th mail, counted from 1.
func (b *Inbox) mail(n int) (Mail, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n < 1 || n > len(b.mails) {
		return Mail{}, false
	}
	return b.mails[n-1], true
}

// Wait returns the mails as soon as there are at least n. When the context ends first, it returns those there are and
// an error that says how many are missing.
func (b *Inbox) Wait(ctx context.Context, n int) ([]Mail, error) {
	for {
		b.mu.Lock()
		mails, changed := slices.Clone(b.mails), b.changed
		b.mu.Unlock()
		if len(mails) >= n {
			return mails, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return mails, fmt.Errorf("wait for %d mails, have %d: %w", n, len(mails), ctx.Err())
		}
	}
}
