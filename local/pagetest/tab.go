package pagetest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"
)

// Tab is the one tab of somebody whose cookies nobody else has. What its pages complain of, and every dialog that they
// open, fails the test in the end, unless Said took it.
type Tab struct {
	t     testing.TB
	ctx   context.Context
	leave context.CancelFunc
	shown *network.Response // of the page that is shown; nil: it did not come over the network
	heard *heard
}

// Tab opens one, as wide as a laptop. It trusts whatever certificate a stand-in has. It ends with the test.
func (b *Browser) Tab() *Tab {
	b.t.Helper()
	return open(b.t, b.ctx, chromedp.WithNewBrowserContext())
}

// Another opens a second tab of the same person, in a window of its own, since a browser lets tabs behind others wait.
// It ends before this one.
func (t *Tab) Another() *Tab {
	t.t.Helper()
	return open(t.t, t.ctx, chromedp.WithNewWindow(true))
}

func open(t testing.TB, of context.Context, options ...chromedp.ContextOption) *Tab {
	t.Helper()
	ctx, leave := chromedp.NewContext(of, options...)
	tab := &Tab{t: t, ctx: ctx, leave: leave, heard: &heard{pages: map[string]bool{}}}
	t.Cleanup(tab.Close)
	if err := chromedp.Listen(ctx, func(event any) { tab.heard.event(ctx, event) }); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	call(tab, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
	// Each of several tabs is as good as in front.
	call(tab, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	tab.Width(Wide)
	return tab
}

// Close ends the tab, and fails the test if one of its pages complained.
func (t *Tab) Close() {
	t.t.Helper()
	if t.leave == nil {
		return
	}
	t.Quiet()
	t.leave()
	t.leave = nil
}

// Width makes the window that many CSS pixels wide.
func (t *Tab) Width(width int) {
	t.t.Helper()
	run(t, chromedp.EmulateViewport(int64(width), height))
}

// Dark has the person prefer dark pages, or light ones.
func (t *Tab) Dark(dark bool) {
	t.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	call(t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// Scripts lets pages run JavaScript or not, from the next one on.
func (t *Tab) Scripts(on bool) {
	t.t.Helper()
	call(t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// Open goes to an address, as if it were typed in.
func (t *Tab) Open(url string) {
	t.t.Helper()
	t.lead("go to "+url, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		gone, err := cdp.Call(ctx, target, page.Navigate, page.NavigateParams{URL: url})
		if err == nil && gone.ErrorText != "" {
			err = fmt.Errorf("%s", gone.ErrorText)
		}
		return err
	}))
}

// loadedScript waits until the page is whole.
const loadedScript = `new Promise(whole => document.readyState === "complete"
  ? whole(true) : addEventListener("load", () => whole(true)))`

// Back presses the browser's button.
func (t *Tab) Back() {
	t.t.Helper()
	history := run(t, chromedp.NavigationEntries())
	if history.CurrentIndex == 0 {
		t.t.Fatal("there is no page to go back to")
	}
	to := history.Entries[history.CurrentIndex-1].ID
	run(t, chromedp.WaitEvent(page.FrameNavigated,
		func(e page.EventFrameNavigated) bool { return e.Frame.ParentID == "" },
		chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: to})
			return err
		})))
	run(t, chromedp.Evaluate[bool](loadedScript, chromedp.EvalAwaitPromise))
	t.shown = nil
}

// Pass has the clock of the page go ahead by so much at once. It stands still afterwards, so this comes last in a tab.
func (t *Tab) Pass(d time.Duration) {
	t.t.Helper()
	budget := float64(d / time.Millisecond)
	run(t, chromedp.WaitEvent(emulation.VirtualTimeBudgetExpired, nil,
		chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetVirtualTimePolicy, emulation.SetVirtualTimePolicyParams{
				Policy: emulation.VirtualTimePolicyPauseIfNetworkFetchesPending,
				Budget: &budget,
			})
			return err
		})))
}

// Goes waits until the page has gone on by itself to an address that begins so.
func (t *Tab) Goes(to string) {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	gone := chromedp.Events(ctx, page.FrameNavigated)
	if !strings.HasPrefix(t.URL(), to) {
		for e, err := range gone {
			if err != nil {
				t.t.Fatalf("%s does not go on to %s: %v; the browser says %q", t.URL(), to, err, t.Said())
			}
			if e.Frame.ParentID == "" && strings.HasPrefix(e.Frame.URL, to) {
				break
			}
		}
	}
	run(t, chromedp.Evaluate[bool](loadedScript, chromedp.EvalAwaitPromise))
	t.shown = nil
}

// lead does what leads to another page, and waits until that is there.
func (t *Tab) lead(what string, act chromedp.Action[chromedp.Void]) {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, act)
	if err != nil {
		t.t.Fatalf("%s, from %s: %v; the browser says %q", what, t.URL(), err, t.Said())
	}
	t.shown = answer
}

// URL is where the tab is.
func (t *Tab) URL() string {
	t.t.Helper()
	return run(t, chromedp.Location())
}

// Status is what the page was answered with; 0: it did not come over the network.
func (t *Tab) Status() int {
	if t.shown == nil {
		return 0
	}
	return int(t.shown.Status)
}

// Header is a header that the page came with.
func (t *Tab) Header(name string) string {
	if t.shown == nil {
		return ""
	}
	for got, value := range t.shown.Headers {
		if strings.EqualFold(got, name) {
			return fmt.Sprint(value)
		}
	}
	return ""
}

// Text is what a person can read on the page.
func (t *Tab) Text() string {
	t.t.Helper()
	return run(t, chromedp.Evaluate[string](`document.body.innerText`))
}

// Screenshot writes the whole page to a PNG file.
func (t *Tab) Screenshot(file string) {
	t.t.Helper()
	if err := os.WriteFile(file, run(t, chromedp.FullScreenshot(100)), 0o600); err != nil {
		t.t.Fatal(err)
	}
}

// Forget drops all cookies of the person: whoever signed in is a stranger then.
func (t *Tab) Forget() {
	t.t.Helper()
	call(t, network.ClearBrowserCookies, cdp.Empty{})
}

// run does one thing with the page.
func run[T any](t *Tab, act chromedp.Action[T]) T {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, act)
	if err != nil {
		t.t.Fatalf("the browser: %v", err)
	}
	return got
}

// call sends one command to the browser.
func call[P, R any](t *Tab, command cdp.Command[P, R], params P) R {
	t.t.Helper()
	return run(t, func(ctx context.Context, target *chromedp.Target) (R, error) {
		return cdp.Call(ctx, target, command, params)
	})
}
