package lists

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"cordon/handler/ledger/rows"
)

// spelled is a text as keys have it that are looked for by how they begin: in small letters, and without '~', which
// sorts behind all that begins with something.
func spelled(text string) string {
	return strings.ReplaceAll(rows.Key(strings.ToLower(text)), "~", "=7E")
}

// key names a list.
func key(parts ...string) string { return cut(rows.Key(parts...)) }

// mostKey is how much of a row's key the name of a list takes, in bytes: of its 512 characters the rest is the place's.
// mostWhole is how much of a name that is cut stays.
const (
	mostKey   = 200
	mostWhole = mostKey - 2*sha256.Size
)

// cut bounds a part of a key. The vendor may call a machine, or a severity, by a text of any length: where that would
// be too long a digest stands for its end.
func cut(part string) string {
	if len(part) <= mostKey {
		return part
	}
	digest := sha256.Sum256([]byte(part))
	return part[:mostWhole] + hex.EncodeToString(digest[:])
}
