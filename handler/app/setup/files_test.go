package setup

import (
	"bytes"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// byteOrderMark is what editors and shells of Windows put in front of a file.
const byteOrderMark = "\ufeff"

func TestAByteOrderMarkInFrontOfAuthoritiesIsNoPartOfThem(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	var text bytes.Buffer
	if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, []byte(byteOrderMark+text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if pool, err := authorities(path); err != nil || pool == nil {
		t.Error(err)
	}
}
