package entrasim

import (
	"crypto/rand"
	"sync"
	"time"

	"cordon/local/entrasim/keys"
)

// pending keeps what is handed out under a secret: codes and refresh tokens.
type pending[T any] struct {
	mu   sync.Mutex
	kept map[string]*held[T]
}

type held[T any] struct {
	what  T
	until time.Time
	used  bool
}

// put keeps something and returns the secret.
func (p *pending[T]) put(now time.Time, lifetime time.Duration, what T) string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // crypto/rand ends the program rather than return an error
	secret := keys.Encode(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil {
		p.kept = map[string]*held[T]{}
	}
	p.kept[secret] = &held[T]{what: what, until: now.Add(lifetime)}
	return secret
}

// get finds what is kept under a secret.
func (p *pending[T]) get(secret string) (held[T], bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h, found := p.kept[secret]
	if !found {
		return held[T]{}, false
	}
	return *h, true
}

// use marks it as used, and says whether it was not before.
func (p *pending[T]) use(secret string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.kept[secret]
	if h == nil || h.used {
		return false
	}
	h.used = true
	return true
}

// all is everything that is kept.
func (p *pending[T]) all() []T {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]T, 0, len(p.kept))
	for _, h := range p.kept {
		all = append(all, h.what)
	}
	return all
}
