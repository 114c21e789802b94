package ledger

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"

	"cordon/handler/outgoing"
)

// maxProperty is the service's limit for one binary property; maxUnpacked bounds what reading one may cost.
const (
	maxProperty = 64 << 10
	maxUnpacked = 8 << 20
)

func packJSON(v any) ([]byte, error) {
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

func unpack(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, maxUnpacked))
}

func unpackJSON(b []byte, v any) error {
	body, err := unpack(b)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, v)
}
