package main

import (
	"bytes"
	"io/fs"
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

func TestAByteOrderMarkInFrontOfAMessageByHandIsNoPartOfIt(t *testing.T) {
	t.Parallel()
	if m, err := alert.DecodeMessage([]byte(byteOrderMark +
		`{"alertId":"da638994417204415533_-1184209733"}`)); err != nil || m.AlertID == "" {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := notice.DecodeMessage("tenant",
		[]byte(byteOrderMark+`{"tenant":"tenant","group":"g","seq":1}`)); err != nil ||
		m.Seq != 1 {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestFilesAreReadInOneWay holds that nobody reads a file past what takes a byte order mark off.
func TestFilesAreReadInOneWay(t *testing.T) {
	t.Parallel()
	reads := regexp.MustCompile(`\b(os|fs)\.(ReadFile|Open|OpenFile)\(`)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			path == filepath.Join("incoming", "incoming.go") {
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

func TestWhoeverReadsYAMLRefusesAnchorsBeforeItDecodes(t *testing.T) {
	t.Parallel()
	decodes := regexp.MustCompile(`yaml\.(NewDecoder|Unmarshal|NodeToValue)|parser\.Parse(Bytes|File)?\(tokens`)
	read := 0
	for _, folder := range []string{".", "../local"} {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			body, err := os.ReadFile(path)
			at := decodes.FindIndex(body)
			if err != nil || at == nil || !strings.Contains(string(body), "goccy/go-yaml") {
				return err
			}
			read++
			if before := string(body[:at[0]]); !strings.Contains(before, "source.CheckYAML(") &&
				!strings.Contains(before, "f.plainYAML(") {
				t.Errorf("%s decodes YAML that may hold anchors: ask source.CheckYAML first", path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if read < 2 {
		t.Errorf("%d readers of YAML were found", read)
	}
}
