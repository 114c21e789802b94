package signin

import (
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// How long keys are good for, and how often they are asked for. Whoever sends tokens that are plainly meant for us and
// signed by nobody must not make the app ask the authority all the time.
const (
	keysRenewed = time.Hour       // then they are read again, while they still serve
	keysTrusted = 24 * time.Hour  // then they serve nobody any more
	keysPause   = 5 * time.Minute // the least time between two readings
	keysRetry   = 10 * time.Second
	keysTime    = 10 * time.Second // that a reading may take
	maxDocument = 1 << 20          // bytes
)

// keys are the authority's, as it publishes them. Those who need them at the same time share one reading.
type keys struct {
	issuer string
	client *http.Client
	log    *slog.Logger
	now    func() time.Time

	mu      sync.Mutex
	known   map[string][]crypto.PublicKey // by key id; nil: none were read yet
	at      time.Time                     // when known was read
	failed  time.Time                     // when the last reading failed; zero: it did not
	reading chan struct{}                 // closed when the reading under way is over; nil: there is none
}

func newKeys(
	issuer string,
	client *http.Client,
	log *slog.Logger,
	now func() time.Time,
) *keys {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &keys{
		issuer: issuer,
		client: &own,
		log:    log,
		now:    now,
	}
}

// noKeys says that nobody can tell now whether a signature is right.
type noKeys struct{ wait time.Duration }

func (n *noKeys) Error() string {
	return "the keys of the authority could not be read"
}

var errNotSigned = errors.New("no key of the authority made this signature")

// verify returns the payload of a token that a key of the authority signed. A key that is not known is looked for at
// the authority, unless its keys were read a moment ago. The error is a *noKeys if that could not be done.
func (k *keys) verify(ctx context.Context, token string) ([]byte, error) {
	h, _, err := read(token)
	if err != nil {
		return nil, err
	}
	payload, err := signedBy(ctx, k.trusted()[h.KeyID], token)
	if err == nil {
		return payload, nil
	}
	newer, err := k.again(ctx)
	if err != nil {
		return nil, err
	}
	return signedBy(ctx, newer[h.KeyID], token)
}

func signedBy(
	ctx context.Context,
	keys []crypto.PublicKey,
	token string,
) ([]byte, error) {
	if len(keys) == 0 {
		return nil, errNotSigned
	}
	return (&oidc.StaticKeySet{PublicKeys: keys}).VerifySignature(ctx, token)
}

// trusted are the keys that were read and may still be believed. Old ones are read again meanwhile.
func (k *keys) trusted() map[string][]crypto.PublicKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	age := k.now().Sub(k.at)
	if k.known == nil || age >= keysTrusted {
		return nil
	}
	if age >= keysRenewed {
		k.begin()
	}
	return k.known
}

// again reads the keys, or waits for whoever does.
func (k *keys) again(ctx context.Context) (map[string][]crypto.PublicKey, error) {
	k.mu.Lock()
	if k.known != nil && k.now().Sub(k.at) < keysPause {
		k.mu.Unlock()
		return nil, errNotSigned
	}
	k.begin()
	reading, wait := k.reading, keysRetry-k.now().Sub(k.failed)
	k.mu.Unlock()
	if reading == nil {
		return nil, &noKeys{wait}
	}
	select {
	case <-reading:
	case <-ctx.Done():
		return nil, &noKeys{keysRetry}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.failed.IsZero() {
		return nil, &noKeys{keysRetry}
	}
	return k.known, nil
}

// begin reads the keys in the background, unless somebody does, or the last reading failed a moment ago. The caller
// holds the lock.
func (k *keys) begin() {
	if k.reading != nil || k.now().Sub(k.failed) < keysRetry {
		return
	}
	k.reading = make(chan struct{})
	go k.run()
}

// run belongs to nobody's request: those who wait for it may go.
func (k *keys) run() {
	ctx, cancel := context.WithTimeout(context.Background(), keysTime)
	defer cancel()
	found, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		k.failed = k.now()
		k.log.Warn("the keys of Microsoft Entra could not be read; until they are, nobody new can be believed",
			"error", err.Error())
	} else {
		k.known = found
		k.at = k.now()
		k.failed = time.Time{}
	}
	close(k.reading)
	k.reading = nil
}

// fetch reads the keys where the authority's own description says they are.
func (k *keys) fetch(ctx context.Context) (map[string][]crypto.PublicKey, error) {
	var about struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := k.get(ctx, k.issuer+"/.well-known/openid-configuration", &about); err != nil {
		return nil, err
	}
	if about.Issuer != k.issuer {
		return nil, fmt.Errorf("%s says that it is %.200q: check CORDON_AUTHORITY_URL and CORDON_CLOUD", k.issuer,
			about.Issuer)
	}
	at, err := url.Parse(about.Keys)
	if err != nil || at.Scheme != "https" || at.Host == "" {
		return nil, fmt.Errorf("%s names no https address of its keys", k.issuer)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := k.get(ctx, at.String(), &set); err != nil {
		return nil, err
	}
	found := map[string][]crypto.PublicKey{}
	for _, one := range set.Keys {
		var key jose.JSONWebKey
		// A kind of key that is not known here signs nothing that is taken here.
		if json.Unmarshal(one, &key) != nil {
			continue
		}
		signs := key.Use == "" ||
			key.Use == "sig"
		if !signs || key.KeyID == "" {
			continue
		}
		public, isRSA := key.Key.(*rsa.PublicKey)
		if isRSA {
			found[key.KeyID] = append(found[key.KeyID], public)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s publishes no RSA key", k.issuer)
	}
	return found, nil
}

// get reads a JSON document. Its errors quote nothing of it.
func (k *keys) get(
	ctx context.Context,
	from string,
	into any,
) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, http.NoBody)
	if err != nil {
		return err
	}
	response, err := k.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", from, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err != nil {
		return err
	}
	if len(body) > maxDocument || json.Unmarshal(body, into) != nil {
		return fmt.Errorf("%s is no JSON document of at most %d bytes", from, maxDocument)
	}
	return nil
}
