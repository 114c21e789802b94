package pagetest

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// heard is what the pages of a tab complained of.
type heard struct {
	mu    sync.Mutex
	said  []string
	pages map[string]bool // addresses of documents, whose status is looked at by tests
}

// Said takes what the pages complained of so far: errors and warnings of scripts and of the browser, and dialogs.
func (t *Tab) Said() []string {
	t.heard.mu.Lock()
	defer t.heard.mu.Unlock()
	said := t.heard.said
	t.heard.said = nil
	return said
}

// Quiet fails the test if a page complained.
func (t *Tab) Quiet() {
	t.t.Helper()
	for _, complaint := range t.Said() {
		t.t.Errorf("the browser complains: %s", complaint)
	}
}

func (h *heard) complain(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, fmt.Sprintf(format, args...))
}

// event notes what is worth a complaint. It is called from the loop that reads the tab's messages, so it waits for
// nothing.
func (h *heard) event(ctx context.Context, event any) {
	switch e := event.(type) {
	case *page.EventJavascriptDialogOpening:
		h.complain("a dialog %q on %s", e.Message, e.URL)
		// Nothing else goes on until it is answered.
		go func() {
			_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
		}()
	case *runtime.EventExceptionThrown:
		h.complain("an exception: %s", thrown(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		for _, arg := range e.Args {
			h.complain("console.%s: %s %s", e.Type, arg.Value, arg.Description)
		}
	case *network.EventResponseReceived:
		h.document(e)
	case *network.EventLoadingFailed:
		if e.Type == network.ResourceTypeDocument && e.BlockedReason != "" {
			h.complain("a page was blocked: %s", e.ErrorText)
		}
	case *log.EventEntryAdded:
		h.logged(e.Entry)
	}
}

func (h *heard) document(e *network.EventResponseReceived) {
	if e.Type != network.ResourceTypeDocument {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pages[e.Response.URL] = true
}

func (h *heard) logged(e *log.Entry) {
	if e.Level != log.EntryLevelError && e.Level != log.EntryLevelWarning {
		return
	}
	h.mu.Lock()
	status := e.Source == log.EntrySourceNetwork && h.pages[e.URL]
	h.mu.Unlock()
	// For an icon the browser asks by itself.
	if !status && !strings.HasSuffix(e.URL, "/favicon.ico") {
		h.complain("%s: %s (%s)", e.Level, e.Text, e.URL)
	}
}

// thrown is what an exception says.
func thrown(e *runtime.ExceptionDetails) string {
	if e.Exception == nil {
		return e.Text
	}
	return e.Text + " " + e.Exception.Description
}
