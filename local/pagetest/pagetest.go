// Package pagetest looks at pages with a real browser: whether they fit a width, and what they look like. It is for
// tests. Without a browser they are skipped, but fail where CI=true.
package pagetest

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Narrow and Wide are the widths, in CSS pixels, that every page must fit: a small phone and a laptop.
const (
	Narrow = 375
	Wide   = 1280
)

// height of the window in CSS pixels.
const height = 900

// patience is how long one thing in the browser may take; a browser's first start on a busy machine is slow.
const patience = 2 * time.Minute

// Overflow opens a browser and fails the test if the page has to be scrolled sideways at the width.
func Overflow(t testing.TB, url string, width int) {
	t.Helper()
	Open(t).Overflow(url, width)
}

// Screenshot opens a browser and writes the whole page at the width to a PNG file.
func Screenshot(t testing.TB, url string, width int, file string) {
	t.Helper()
	Open(t).Screenshot(url, width, file)
}

// Browser is a running browser with a fresh profile. It ends with the test.
type Browser struct {
	t   testing.TB
	ctx context.Context
}

// Open starts a browser, for tests that look at several pages.
func Open(t testing.TB) *Browser {
	t.Helper()
	path := find(t)
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-extensions", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("disable-dev-shm-usage", true),
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, leave := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the end, so that the profile can be removed
		leave()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return &Browser{t, ctx}
}

// find returns the browser's path.
func find(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "no Chromium found in PATH; install it (Debian: apt-get install chromium) to look at the pages"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// Overflow fails the test if the page has to be scrolled sideways at the width.
func (b *Browser) Overflow(url string, width int) {
	b.t.Helper()
	tab := b.visit(url, width)
	defer tab.Close()
	tab.Fits()
}

// Screenshot writes the whole page at the width to a PNG file.
func (b *Browser) Screenshot(url string, width int, file string) {
	b.t.Helper()
	tab := b.visit(url, width)
	defer tab.Close()
	tab.Screenshot(file)
}

// visit opens a page in a tab of its own. An answer that is no success fails the test.
func (b *Browser) visit(url string, width int) *Tab {
	b.t.Helper()
	tab := b.Tab()
	tab.Width(width)
	tab.Open(url)
	if tab.Status() != http.StatusOK {
		b.t.Errorf("look at %s: answered %d", url, tab.Status())
	}
	return tab
}
