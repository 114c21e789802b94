// Package keys signs tokens as Microsoft Entra ID does: RS256, by keys that rotate and whose public halves are
// published (https://learn.microsoft.com/entra/identity-platform/signing-key-rollover).
package keys

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
)

// What Verify returns. An API answers 401 to each of them.
var (
	ErrMalformed = errors.New("entrasim: not a token of this authority")
	ErrSignature = errors.New("entrasim: the token's signature is wrong")
)

// Header is the first part of a token.
type Header struct {
	Type       string `json:"typ"`
	Algorithm  string `json:"alg"`
	Thumbprint string `json:"x5t,omitempty"` // the same as Key; in tokens of version 1.0 only
	Key        string `json:"kid,omitempty"`
}

// Ring holds the keys of one authority. It is safe for concurrent use.
type Ring struct {
	mu   sync.RWMutex
	used int   // how many keys there ever were
	keys []key // the last one signs
	// believed are tokens whose signature was right, with their claims: stand-ins check one with every request, and a
	// signature takes longer than all else that they do.
	believed map[string][]byte
}

// maxBelieved bounds what is remembered.
const maxBelieved = 1000

type key struct {
	id      string
	private *rsa.PrivateKey
}

// New returns a Ring with one key.
func New() *Ring {
	r := &Ring{}
	r.Rotate()
	return r
}

// Rotate adds a key and signs with it from now on. The old ones stay published until Retire.
func (r *Ring) Rotate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used++
	r.keys = append(r.keys, key{newID(), pair(r.used)})
}

// Retire ends every key but the one that signs: what they signed is believed no more.
func (r *Ring) Retire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = r.keys[len(r.keys)-1:]
	clear(r.believed)
}

// Current is the id of the key that signs, and its public half.
func (r *Ring) Current() (id string, public *rsa.PublicKey) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	last := r.keys[len(r.keys)-1]
	return last.id, &last.private.PublicKey
}

// Published are the public halves as a JSON Web Key Set for an issuer. The real one's keys also carry their
// certificates.
func (r *Ring) Published(issuer string) map[string]any {
	r.mu.RLock()
	defer r.mu.RUnlock()
	set := []map[string]any{}
	for _, k := range r.keys {
		set = append(set, map[string]any{
			"kty":    "RSA",
			"use":    "sig",
			"kid":    k.id,
			"x5t":    k.id,
			"n":      Encode(k.private.N.Bytes()),
			"e":      Encode(big.NewInt(int64(k.private.E)).Bytes()),
			"issuer": issuer,
		})
	}
	return map[string]any{"keys": set}
}

// Sign makes a token of claims by the newest key. Tokens of version 1.0 name the key twice.
func (r *Ring) Sign(claims any, versionOne bool) string {
	r.mu.RLock()
	last := r.keys[len(r.keys)-1]
	r.mu.RUnlock()
	header := Header{Type: "JWT", Algorithm: "RS256", Key: last.id}
	if versionOne {
		header.Thumbprint = last.id
	}
	return Join(header, claims, func(text string) []byte { return signature(last.private, text) })
}

// Forge makes a token by a key that belongs to no Ring, under whatever key id.
func Forge(claims any, id string) string {
	return Join(Header{Type: "JWT", Algorithm: "RS256", Key: id}, claims, func(text string) []byte {
		return signature(pair(0), text)
	})
}

// Join puts a token together.
func Join(header Header, claims any, sign func(text string) []byte) string {
	signed := part(header) + "." + part(claims)
	return signed + "." + Encode(sign(signed))
}

// Verify checks a token's signature and returns its claims as they are written.
func (r *Ring) Verify(token string) (claims []byte, err error) {
	r.mu.RLock()
	claims, known := r.believed[token]
	r.mu.RUnlock()
	if known {
		return claims, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if claims, err = r.verify(token); err != nil {
		return nil, err
	}
	if r.believed == nil || len(r.believed) >= maxBelieved {
		r.believed = map[string][]byte{}
	}
	r.believed[token] = claims
	return claims, nil
}

func (r *Ring) verify(token string) (claims []byte, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, ErrMalformed
	}
	var header Header
	raw, err := decode(parts[0], "header")
	if err == nil && (json.Unmarshal(raw, &header) != nil || header.Algorithm != "RS256") {
		err = ErrMalformed
	}
	if err != nil {
		return nil, err
	}
	got, err := decode(parts[2], "signature")
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(r.keys, func(k key) bool { return k.id == header.Key })
	if at < 0 {
		return nil, ErrSignature
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(&r.keys[at].private.PublicKey, crypto.SHA256, sum[:], got) != nil {
		return nil, ErrSignature
	}
	return decode(parts[1], "payload")
}

func decode(text, what string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrMalformed, what, err)
	}
	return raw, nil
}

func part(of any) string {
	raw, err := json.Marshal(of)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return Encode(raw)
}

// Encode writes bytes as tokens and keys have them.
func Encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func signature(private *rsa.PrivateKey, text string) []byte {
	sum := sha256.Sum256([]byte(text))
	signed, err := rsa.SignPKCS1v15(nil, private, crypto.SHA256, sum[:])
	if err != nil {
		panic(err) // the key is long enough
	}
	return signed
}

// newID is the id of a key. The real one's is the thumbprint of the key's certificate, which nobody computes.
func newID() string {
	b := make([]byte, 20)
	_, _ = rand.Read(b) // crypto/rand ends the program rather than return an error
	return Encode(b)
}

// pairs are made once a process, because that takes long and sweeps make an authority a strike. Authorities of one
// process share them, but no key id, so that none believes what another signed. Number 0 belongs to nobody.
var pairs struct {
	sync.Mutex
	made map[int]*rsa.PrivateKey
}

func pair(n int) *rsa.PrivateKey {
	pairs.Lock()
	defer pairs.Unlock()
	if pairs.made[n] == nil {
		made, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err) // crypto/rand ends the program rather than return an error
		}
		if pairs.made == nil {
			pairs.made = map[int]*rsa.PrivateKey{}
		}
		pairs.made[n] = made
	}
	return pairs.made[n]
}
