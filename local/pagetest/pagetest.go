// Package pagetest looks at pages with a real browser: whether they fit a width, and what they look like. It is for
// tests. Without a browser they are skipped, but fail where CI=true.
package pagetest

import (
	"context"
	"fmt"
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

// patience is how long one look may take; a browser's first start on a busy machine is slow.
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
	l, err := b.measure(url, width)
	if err != nil {
		b.t.Fatalf("look at %s: %v", url, err)
	}
	if l.Scroll > l.Client {
		b.t.Errorf("%s is %d px wide in a window of %d px; too wide: %v", url, l.Scroll, l.Client, l.TooWide)
	}
}

// layout is what the browser measured.
type layout struct {
	Scroll, Client int
	TooWide        []string // elements that reach past the right edge, at most five
}

const measureScript = `(() => {
  const root = document.documentElement;
  const past = [...document.querySelectorAll("body, body *")].filter(e => e.getBoundingClientRect().right > root.clientWidth + 0.5);
  return {Scroll: root.scrollWidth, Client: root.clientWidth,
    TooWide: past.slice(0, 5).map(e => e.tagName.toLowerCase() + (e.className ? "." + e.className : "") + " to " + Math.ceil(e.getBoundingClientRect().right))};
})()`

func (b *Browser) measure(url string, width int) (layout, error) {
	l, err := visit(b, url, width, chromedp.Evaluate[layout](measureScript))
	if err != nil {
		return l, err
	}
	if l.Client != width {
		return l, fmt.Errorf("the window is %d px wide instead of %d", l.Client, width)
	}
	return l, nil
}

// Screenshot writes the whole page at the width to a PNG file.
func (b *Browser) Screenshot(url string, width int, file string) {
	b.t.Helper()
	png, err := visit(b, url, width, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatalf("look at %s: %v", url, err)
	}
	if err := os.WriteFile(file, png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// visit opens a page in a tab of its own and looks at it. An answer that is no success is an error.
func visit[T any](b *Browser, url string, width int, look chromedp.Action[T]) (T, error) {
	var none T
	tab, leave := chromedp.NewContext(b.ctx)
	defer leave()
	ctx, cancel := context.WithTimeout(tab, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(int64(width), height)); err != nil {
		return none, err
	}
	answer, err := chromedp.RunResponse(ctx, chromedp.Navigate(url))
	if err != nil {
		return none, err
	}
	if answer.Status != 200 {
		return none, fmt.Errorf("answered %d %s", answer.Status, answer.StatusText)
	}
	return chromedp.Run(ctx, look)
}
