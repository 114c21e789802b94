package rows

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"cordon/handler/outgoing"
)

// PartSize keeps what is stored in several parts below MaxProperty.
const PartSize = 60 << 10

// MaxProperty is the service's limit for one binary property; MaxUnpacked bounds what reading one may cost.
const (
	MaxProperty = 64 << 10
	MaxUnpacked = 8 << 20
)

// Pack writes v as compressed JSON.
func Pack(v any) ([]byte, error) {
	body, err := outgoing.Encode(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err = z.Write(body)
	err = errors.Join(err, z.Close())
	return b.Bytes(), err
}

// Unpack is the JSON that Pack compressed.
func Unpack(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, MaxUnpacked))
}

// UnpackInto reads what Pack wrote into v.
func UnpackInto(b []byte, v any) error {
	body, err := Unpack(b)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, v)
}

// Cut shortens s to at most n bytes without breaking a character.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
