package session

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
)

func TestNobodyElseReadsSignIns(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		return // rights are inherited from the person's own folder there
	}
	app := newSite(t)
	env := map[string]string{}
	k, _ := keeper(t, env)
	if _, err := k.Login(t.Context(), byAz(app.url)); err != nil {
		t.Fatal(err)
	}
	dir := env["CORDON_CONFIG_DIR"]
	book := filepath.Join(dir, bookFile)
	for path, want := range map[string]os.FileMode{dir: 0o700, book: 0o600} {
		if is, err := os.Stat(path); err != nil || is.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, is.Mode(), err)
		}
	}
	if left, _ := filepath.Glob(dir + "/*.*.*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o755, book: 0o640} {
		is, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Open(""); err == nil || !strings.Contains(err.Error(), "may be read or changed by others") ||
			!strings.Contains(err.Error(), "chmod ") {
			t.Errorf("%s: %v", path, err)
		}
		if err := os.Chmod(path, is.Mode()); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(book, book+".real"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(book+".real", book); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Open(""); err == nil || !strings.Contains(err.Error(), "neither a file nor a folder") {
		t.Errorf("a link: %v", err)
	}
}

func TestTokensOfMicrosoftsLibraryAreKeptInAFileOfOnesOwn(t *testing.T) {
	t.Parallel()
	f := folder(filepath.Join(t.TempDir(), "cordon"))
	kept := tokens{folder: f, file: tokenFile("prod"), fresh: true}
	if err := kept.Export(t.Context(), text("one"), hints().export); err != nil {
		t.Fatal(err)
	}
	is, err := os.Stat(filepath.Join(string(f), "tokens-prod.json"))
	if err != nil || runtime.GOOS != "windows" && is.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", is, err)
	}
	var got reader
	kept.fresh = false
	if err := kept.Export(t.Context(), text("one"), hints().export); err != nil {
		t.Error(err)
	}
	if err := kept.Replace(t.Context(), &got, hints().replace); err != nil || got != "one" {
		t.Errorf("%q, %v", got, err)
	}
	got, kept.fresh = "", true
	if err := kept.Replace(t.Context(), &got, hints().replace); err != nil || got != "" {
		t.Errorf("fresh, and %q was read, %v", got, err)
	}
}

// reader takes what was kept.
type reader string

func (r *reader) Unmarshal(body []byte) error {
	*r = reader(body)
	return nil
}

// text is something to keep.
type text string

func (x text) Marshal() ([]byte, error) { return io.ReadAll(strings.NewReader(string(x))) }

// hints are what Microsoft's library says about what it keeps; one file holds all.
func hints() (h struct {
	export  cache.ExportHints
	replace cache.ReplaceHints
}) {
	return h
}
