package pagetest

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder catches what a check says about a page instead of failing.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func page(t *testing.T, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<!doctype html><html lang=en><title>x</title><body style='margin:0'>"+body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestOverflowFindsWhatIsTooWideAndLetsPassWhatFits(t *testing.T) {
	b := Open(t)
	catch := &recorder{TB: t}
	b.t = catch
	wide := page(t, "<div class=culprit style='width:500px'>x</div>")
	for _, width := range []int{Narrow, Wide} {
		b.Overflow(wide, width)
	}
	if len(catch.said) != 1 || !strings.Contains(catch.said[0], "div.culprit to 500") ||
		!strings.Contains(catch.said[0], "375 px") {
		t.Errorf("an element of 500 px was reported as %q; want it once, at 375 px", catch.said)
	}
}

func TestAPageThatIsNotThereIsAnErrorNotAFit(t *testing.T) {
	b := Open(t)
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	if _, err := b.measure(server.URL, Wide); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a missing page gave %v; want an error with 404", err)
	}
}

func TestScreenshotHasTheAskedWidth(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.png")
	Screenshot(t, page(t, "<p>hello"), Narrow, file)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	image, err := png.DecodeConfig(bytes.NewReader(content))
	if err != nil || image.Width != Narrow {
		t.Errorf("screenshot is %d px wide (%v); want %d", image.Width, err, Narrow)
	}
}
