package notice

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"cordon/local/pagetest"
)

// TestPictureInReadmeIsOfTheMailAsItIs keeps docs/mail.png what README says that it is: the mail about an isolated
// machine, of which the picture carries the digest. With -update a browser takes it anew.
func TestPictureInReadmeIsOfTheMailAsItIs(t *testing.T) {
	t.Parallel()
	const file = "../../docs/mail.png"
	text, html, err := render(pages()["isolated"])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(text))
	digest := []byte("Comment\x00" + hex.EncodeToString(sum[:]))
	there, err := os.ReadFile(file)
	if err == nil && bytes.Contains(there, digest) {
		return
	}
	if !*update {
		t.Fatalf("%s shows another mail than the one that is sent (%v): go test ./handler/notice -run Picture "+
			"-update, and look at it", file, err)
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(html))
	}))
	defer web.Close()
	pagetest.Screenshot(t, web.URL, 700, file)
	taken, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const header = 33 // signature and IHDR, behind which texts may stand
	var chunk []byte
	chunk = binary.BigEndian.AppendUint32(chunk, uint32(len(digest)))
	chunk = append(append(chunk, "tEXt"...), digest...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	if err := os.WriteFile(file, bytes.Join([][]byte{taken[:header], chunk, taken[header:]}, nil), 0o644); err != nil {
		t.Fatal(err)
	}
}
