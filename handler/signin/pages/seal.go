package pages

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"time"
)

const (
	keyRetry = 10 * time.Second // after a reading of the key failed
	keyTime  = 10 * time.Second // that a reading may take
	maxSeal  = 2 << 10          // bytes of a cookie
)

// seals marks what cookies hold as ours. It hides nothing: what a browser has, its owner may read.
type seals struct {
	read    func(ctx context.Context) (string, error)
	now     func() time.Time
	context string // address of the app: a seal counts nowhere else

	mu     sync.Mutex
	key    string
	failed time.Time
}

var errNoKey = errors.New("the key of cookies could not be read a moment ago")

// ready reads the key, once. Whoever comes meanwhile waits; after a failure nobody reads it for a moment.
func (s *seals) ready(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != "" {
		return s.key, nil
	}
	if s.now().Sub(s.failed) < keyRetry {
		return "", errNoKey
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keyTime)
	defer cancel()
	key, err := s.read(ctx)
	if err != nil {
		s.failed = s.now()
		return "", err
	}
	s.key = key
	return key, nil
}

// seal marks a value for one purpose.
func (s *seals) seal(ctx context.Context, purpose, value string) (string, error) {
	key, err := s.ready(ctx)
	if err != nil {
		return "", err
	}
	mark := s.mac(key, purpose, value)
	return encode([]byte(value)) + "." + encode(mark), nil
}

// open returns the value that was sealed for a purpose; ok: it was.
func (s *seals) open(ctx context.Context, purpose, sealed string) (value string, ok bool, err error) {
	text, mark, cut := strings.Cut(sealed, ".")
	raw, errText := base64.RawURLEncoding.Strict().DecodeString(text)
	given, errMark := base64.RawURLEncoding.Strict().DecodeString(mark)
	readable := cut &&
		errText == nil &&
		errMark == nil &&
		len(sealed) <= maxSeal
	if !readable {
		return "", false, nil
	}
	key, err := s.ready(ctx)
	if err != nil {
		return "", false, err
	}
	if !hmac.Equal(given, s.mac(key, purpose, string(raw))) {
		return "", false, nil
	}
	return string(raw), true, nil
}

func (s *seals) mac(key, purpose, value string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	for _, part := range []string{purpose, s.context, value} {
		mac.Write([]byte(part))
		mac.Write([]byte{0})
	}
	return mac.Sum(nil)
}

// draw is a text of 256 random bits.
func draw() string {
	var bits [32]byte
	_, _ = rand.Read(bits[:]) // it never fails
	return encode(bits[:])
}

func encode(b []byte) string {
	return base64.RawURLEncoding.EncodeToString(b)
}

// digest stands for a text where the text itself must not be.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
