package rows

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"cordon/handler/outgoing"
)

// Keys begins every stored row, embedded in its struct. Nonce is new with every write: after an answer was lost and the
// request repeated, it tells our own write from another instance's.
type Keys struct {
	PartitionKey string
	RowKey       string
	Nonce        string      `json:",omitempty"`
	ETag         azcore.ETag `json:"odata.etag,omitempty"`

	Overwrite bool `json:"-"` // in a transaction: write whatever was there before
}

// Row is a stored struct: it embeds Keys.
type Row interface{ base() *Keys }

func (k *Keys) base() *Keys { return k }

// Stored reports whether the row was read from its table, or written into it.
func (k *Keys) Stored() bool { return k.ETag != "" }

// At is the keys of a row, in the partition that the parts name.
func (t *Table) At(rowKey string, parts ...string) Keys {
	return Keys{PartitionKey: t.Partition(parts...), RowKey: rowKey}
}

// Partition is the key of the partition that the parts name, of the tenant.
func (t *Table) Partition(parts ...string) string {
	return Key(append([]string{t.tenant}, parts...)...)
}

// Key joins parts into a partition or row key. Bytes that the service forbids in keys, and the separators, are written
// as =XX, so that no two lists of parts make the same key.
func Key(parts ...string) string {
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

// NewestFirst writes a time so that later ones sort first. What is before 1970, or too late to be counted in
// nanoseconds, sorts as the first or the last time that can be.
func NewestFirst(t time.Time) string {
	first, last := time.Unix(0, 0), time.Unix(0, math.MaxInt64)
	if t.Before(first) {
		t = first
	}
	if t.After(last) {
		t = last
	}
	return fmt.Sprintf("%019d", math.MaxInt64-t.UnixNano())
}

func encode(r Row) ([]byte, error) {
	b := r.base()
	etag := b.ETag
	b.ETag, b.Nonce = "", rand.Text()
	body, err := outgoing.Encode(r)
	b.ETag = etag
	return body, err
}

// Decode reads a row of the table.
func (t *Table) Decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return &Error{Op: "decode a row of " + t.name, Cause: err}
	}
	return nil
}
