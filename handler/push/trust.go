package push

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers by which a sender proves that it knows the webhook secret: the secret itself, or a signature.
const (
	HeaderSecret    = "X-Cordon-Secret"
	HeaderTimestamp = "X-Cordon-Timestamp" // seconds since 1970, UTC
	HeaderSignature = "X-Cordon-Signature" // sha256= and the hexadecimal HMAC-SHA256 of timestamp, dot and body
)

// replayWindow is how far the time of a signed request may be from ours. Within it a request can be sent again, which
// changes nothing.
const replayWindow = 5 * time.Minute

// distrust says why a request is not from somebody who knows the secret; empty: it is, or there is no secret. The words
// are for our own log.
func distrust(secret string, header http.Header, body []byte, now time.Time) string {
	if secret == "" {
		return ""
	}
	if header.Get(HeaderSignature) != "" {
		return wrongSignature(secret, header, body, now)
	}
	given := header.Get(HeaderSecret)
	if given == "" {
		return "neither " + HeaderSecret + " nor " + HeaderSignature + " was sent"
	}
	// Digests have the same length, which comparing in constant time wants.
	want := sha256.Sum256([]byte(secret))
	got := sha256.Sum256([]byte(given))
	if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
		return HeaderSecret + " is wrong"
	}
	return ""
}

func wrongSignature(secret string, header http.Header, body []byte, now time.Time) string {
	stamp := header.Get(HeaderTimestamp)
	given, isHex := strings.CutPrefix(header.Get(HeaderSignature), "sha256=")
	got, err := hex.DecodeString(given)
	if !isHex || err != nil {
		return HeaderSignature + " is not sha256= and hexadecimal digits"
	}
	if !hmac.Equal(got, Sign(secret, stamp, body)) {
		return HeaderSignature + " is wrong"
	}
	// Only a time that was signed is worth a look.
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Sprintf("%s is no number of seconds", HeaderTimestamp)
	}
	age := now.Sub(time.Unix(seconds, 0))
	if age > replayWindow || age < -replayWindow {
		return fmt.Sprintf("%s is %s away from our time, at most %s is allowed", HeaderTimestamp,
			age.Round(time.Second), replayWindow)
	}
	return ""
}

// Sign is the HMAC-SHA256 of timestamp, dot and body.
func Sign(secret, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}
