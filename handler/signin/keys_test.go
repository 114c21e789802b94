package signin

import (
	"bytes"
	"context"
	"crypto/rsa"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/operate/wire"
)

const reading = 2 // requests that one reading of the keys takes

// codeOf is the code of a refusal, empty for none.
func codeOf(t *testing.T, err error) string {
	t.Helper()
	var problem *wire.Problem
	if err != nil && !errors.As(err, &problem) {
		t.Errorf("not a problem: %v", err)
	}
	if problem == nil {
		return ""
	}
	return problem.Code
}

// TestNobodyCanMakeTheAppAskForKeysAllTheTime sends tokens that are plainly meant for us and signed by nobody.
func TestNobodyCanMakeTheAppAskForKeysAllTheTime(t *testing.T) {
	t.Parallel()
	now, a := &clock{at: at}, newAuthority(t)
	v := verifier(a, now, io.Discard)
	for i := range 200 {
		head := map[string]any{"alg": "RS256", "kid": "made up " + strconv.Itoa(i)}
		_, err := bearer(t.Context(), v, signed(testKeys(t)[1], head, claimsOf(at)))
		if codeOf(t, err) != "bad_signature" {
			t.Fatal(err)
		}
	}
	if a.requests() != reading {
		t.Errorf("%d requests", a.requests())
	}
	now.set(at.Add(keysPause))
	for range 200 {
		_, _ = bearer(t.Context(), v, signed(testKeys(t)[1], rs256, claimsOf(at)))
	}
	if a.requests() != 2*reading {
		t.Errorf("%d requests after five minutes", a.requests())
	}
	if _, err := bearer(t.Context(), v, signed(testKeys(t)[0], rs256, claimsOf(at))); err != nil ||
		a.requests() != 2*reading {
		t.Errorf("a right token meanwhile: %v, %d requests", err, a.requests())
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	keys := testKeys(t)
	now, a := &clock{at: at}, newAuthority(t)
	v := verifier(a, now, io.Discard)
	token := func(key *rsa.PrivateKey, id string) string {
		return signed(key, map[string]any{"alg": "RS256", "kid": id}, claimsOf(now.now()))
	}
	if _, err := bearer(t.Context(), v, token(keys[0], "first")); err != nil {
		t.Fatal(err)
	}
	a.publish(map[string]*rsa.PrivateKey{"first": keys[0], "second": keys[1]})
	now.set(now.now().Add(keysPause))
	for _, c := range []string{token(keys[1], "second"), token(keys[0], "first")} {
		if _, err := bearer(t.Context(), v, c); err != nil {
			t.Error(err)
		}
	}
	if _, err := bearer(t.Context(), v, token(keys[0], "second")); codeOf(t, err) != "bad_signature" {
		t.Errorf("signed by one key in the name of the other: %v", err)
	}
}

// TestAKeyThatWasTakenBackIsNotTrustedForEver is about keys that the authority publishes no more.
func TestAKeyThatWasTakenBackIsNotTrustedForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := testKeys(t)
		now, a := &clock{at: at}, newAuthority(t)
		v := verifier(a, now, io.Discard)
		ask := func() string {
			_, err := bearer(t.Context(), v, signed(keys[0], rs256, claimsOf(now.now())))
			synctest.Wait()
			return codeOf(t, err)
		}
		if code := ask(); code != "" {
			t.Fatal(code)
		}
		a.publish(map[string]*rsa.PrivateKey{"second": keys[1]})
		now.set(now.now().Add(keysRenewed))
		if code := ask(); code != "" { // believed, and the keys are read again meanwhile
			t.Error(code)
		}
		if code := ask(); code != "bad_signature" || a.requests() != 2*reading {
			t.Errorf("%q after %d requests", code, a.requests())
		}
	})
}

// TestWithoutKeysNobodyIsLetThrough breaks the authority in several ways, at the start and later.
func TestWithoutKeysNobodyIsLetThrough(t *testing.T) {
	t.Parallel()
	status := func(status int) func(*http.Request) *http.Response {
		return func(*http.Request) *http.Response { return answer(status, nil) }
	}
	about := func(body any) func(*http.Request) *http.Response {
		return func(r *http.Request) *http.Response {
			if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
				return answer(http.StatusOK, body)
			}
			return nil
		}
	}
	keys := func(body any) func(*http.Request) *http.Response {
		return func(r *http.Request) *http.Response {
			if strings.HasSuffix(r.URL.Path, "/keys") {
				return answer(http.StatusOK, body)
			}
			return nil
		}
	}
	for name, wrong := range map[string]func(*http.Request) *http.Response{
		"out of order": status(http.StatusServiceUnavailable),
		"not found":    status(http.StatusNotFound),
		"sent elsewhere": func(r *http.Request) *http.Response {
			if r.URL.Host == "evil.example.net" {
				return nil
			}
			elsewhere := answer(http.StatusFound, nil)
			elsewhere.Header.Set("Location", "https://evil.example.net"+r.URL.Path)
			return elsewhere
		},
		"not JSON":          about("keys"),
		"another authority": about(set{"issuer": "https://evil.example.com", "jwks_uri": authorityURL + "/keys"}),
		"keys in the clear": about(set{"issuer": issuer, "jwks_uri": "http://login.microsoftonline.com/keys"}),
		"keys from a file":  about(set{"issuer": issuer, "jwks_uri": "file:///etc/passwd"}),
		"no keys":           keys(set{"keys": []any{}}),
		"endless keys":      keys(set{"keys": []any{strings.Repeat("A", maxDocument)}}),
		"a key for something else": keys(set{"keys": []any{
			set{"kty": "RSA", "kid": "first", "use": "enc", "e": "AQAB", "n": strings.Repeat("B", 400)},
		}}),
		"a password as key": keys(set{"keys": []any{set{"kty": "oct", "kid": "first", "k": "c2VjcmV0"}}}),
	} {
		now, a := &clock{at: at}, newAuthority(t)
		var log bytes.Buffer
		v := verifier(a, now, &log)
		a.broken(wrong)
		token := signed(testKeys(t)[0], rs256, claimsOf(at))
		for range 50 {
			_, err := bearer(t.Context(), v, token)
			var problem *wire.Problem
			if !errors.As(err, &problem) || problem.Status != http.StatusServiceUnavailable ||
				problem.Code != "keys_unavailable" || problem.RetryAfter != 10 {
				t.Fatalf("%s: %v %+v", name, err, problem)
			}
		}
		if a.requests() > reading || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("%s: %d requests; %s", name, a.requests(), log.String())
		}
		a.broken(nil)
		now.set(at.Add(keysRetry))
		if _, err := bearer(t.Context(), v, token); err != nil {
			t.Errorf("%s: after it was mended: %v", name, err)
		}
		// Keys that were read serve on when the authority is gone, but not for ever.
		a.broken(wrong)
		for _, c := range []struct {
			after time.Duration
			code  string
		}{{keysTrusted - time.Second, ""}, {keysTrusted, "keys_unavailable"}} {
			now.set(at.Add(keysRetry + c.after))
			_, err := bearer(t.Context(), v, signed(testKeys(t)[0], rs256, claimsOf(now.now())))
			if codeOf(t, err) != c.code {
				t.Errorf("%s: %s later: %v", name, c.after, err)
			}
		}
	}
}

// TestThoseWhoNeedKeysAtOnceShareOneReading has a reading that hangs, and people who do not wait.
func TestThoseWhoNeedKeysAtOnceShareOneReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now, a := &clock{at: at}, newAuthority(t)
		a.hold = make(chan struct{})
		v := verifier(a, now, io.Discard)
		token := signed(testKeys(t)[0], rs256, claimsOf(at))
		var all sync.WaitGroup
		for range 30 {
			all.Go(func() {
				if _, err := bearer(t.Context(), v, token); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		impatient, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := bearer(impatient, v, token); codeOf(t, err) != "keys_unavailable" {
			t.Errorf("who went away: %v", err)
		}
		close(a.hold)
		all.Wait()
		if a.requests() != reading {
			t.Errorf("%d requests", a.requests())
		}
	})
}

// TestAReadingThatHangsEnds has an authority that never answers.
func TestAReadingThatHangsEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t)
		a.hold = make(chan struct{})
		now, began := &clock{at: at}, time.Now()
		_, err := bearer(t.Context(), verifier(a, now, io.Discard), signed(testKeys(t)[0], rs256, claimsOf(at)))
		if codeOf(t, err) != "keys_unavailable" || time.Since(began) != keysTime {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}
