package main

import (
	"bytes"
	"encoding/pem"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/notice"
)

// byteOrderMark is what editors and shells of Windows put in front of a file.
const byteOrderMark = "\ufeff"

// TestAByteOrderMarkInFrontOfAFileIsNoPartOfIt hands every command that reads files such ones.
func TestAByteOrderMarkInFrontOfAFileIsNoPartOfIt(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, path := range []string{"../playbooks/workstations.yaml", "../playbooks/workstations" + caseSuffix, "../hunts/sensor-not-active.kql"} {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(path)), append([]byte(byteOrderMark), body...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	marked := func(name, text string) string { return write(t, name, byteOrderMark+text) }
	playbook := filepath.Join(folder, "workstations.yaml")
	const machine = `{"id":"1e5bc9d7e413ddd7902c2932e418702b84d0cc07"}`
	for name, args := range map[string][]string{
		"check":   {"check", playbook},
		"explain": {"explain", "--alert", marked("a.json", aimedAlert), "--machine", marked("m.json", machine), "--actions", marked("l.json", `{"value":[]}`), playbook},
		"test":    {"test", folder},
		"hunts":   {"hunt", "check", folder},
	} {
		code, stdout, stderr := command(t, nil, args...)
		if code != exitDone {
			t.Errorf("%s: code %d\n%s%s", name, code, stdout, stderr)
		}
	}
}

func TestAByteOrderMarkInFrontOfAuthoritiesIsNoPartOfThem(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	var text bytes.Buffer
	if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}); err != nil {
		t.Fatal(err)
	}
	if pool, err := authorities(write(t, "ca.pem", byteOrderMark+text.String())); err != nil || pool == nil {
		t.Error(err)
	}
}

func TestAByteOrderMarkInFrontOfAMessageByHandIsNoPartOfIt(t *testing.T) {
	t.Parallel()
	if m, err := alert.DecodeMessage([]byte(byteOrderMark + `{"alertId":"da638994417204415533_-1184209733"}`)); err != nil || m.AlertID == "" {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := notice.DecodeMessage("tenant", []byte(byteOrderMark+`{"tenant":"tenant","group":"g","seq":1}`)); err != nil || m.Seq != 1 {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestFilesAreReadInOneWay holds that nobody reads a file past what takes a byte order mark off.
func TestFilesAreReadInOneWay(t *testing.T) {
	t.Parallel()
	reads := regexp.MustCompile(`\b(os|fs)\.(ReadFile|Open|OpenFile)\(`)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || path == filepath.Join("incoming", "incoming.go") {
			return err
		}
		body, err := os.ReadFile(path)
		if at := reads.Find(body); at != nil && !bytes.Contains(body, []byte("incoming.Document(")) {
			t.Errorf("%s reads a file by %s…): read it by incoming.File or incoming.FileIn", path, at)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
