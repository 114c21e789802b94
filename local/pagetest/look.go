package pagetest

import (
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"cordon/local/axe"
)

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

// Fits fails the test if the page has to be scrolled sideways.
func (t *Tab) Fits() {
	t.t.Helper()
	l := run(t, chromedp.Evaluate[layout](measureScript))
	if l.Scroll > l.Client {
		t.t.Errorf("%s is %d px wide in a window of %d px; too wide: %v", t.URL(), l.Scroll, l.Client, l.TooWide)
	}
}

// Height is how many CSS pixels the whole page is high.
func (t *Tab) Height() int {
	t.t.Helper()
	return run(t, chromedp.Evaluate[int](`document.documentElement.scrollHeight`))
}

// Accessible fails the test if the page violates a rule of axe-core in a way that is serious or critical.
//
// The script comes by the browser's own door, past the page's policy, so the page is as it is.
func (t *Tab) Accessible() {
	t.t.Helper()
	if !run(t, chromedp.Evaluate[bool](`typeof axe === "object"`)) {
		run(t, chromedp.Evaluate[bool](axe.Script(t.t)+"; true"))
	}
	for _, v := range run(t, chromedp.Evaluate[[]axe.Violation](axe.Run, chromedp.EvalAwaitPromise)) {
		t.t.Errorf("%s: %s", t.URL(), v)
	}
}

// controlsScript notes what can have the focus, in the order of the page.
const controlsScript = `(() => {
  const all = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
  globalThis.controls = [...document.querySelectorAll(all)].filter(e =>
    !e.disabled && e.tabIndex >= 0 && e.checkVisibility({visibilityProperty: true}));
  return controls.length;
})()`

// focusScript says which of them has the focus, and whether a person sees that.
const focusScript = `(() => {
  const e = document.activeElement;
  const style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  const marked = e.matches(":focus-visible") &&
    (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 || style.boxShadow !== "none");
  const within = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return {Index: controls.indexOf(e), Seen: marked && within, Is: e.outerHTML.slice(0, 120)};
})()`

// focus is where the keyboard is.
type focus struct {
	Index int // among the controls; -1: at none of them
	Seen  bool
	Is    string
}

// Keyboard goes through the page, which was just opened, with the Tab key. It fails the test if a control is not
// reached, comes out of order, or does not show that it has the focus.
func (t *Tab) Keyboard() {
	t.t.Helper()
	controls := run(t, chromedp.Evaluate[int](controlsScript))
	reached, last := map[int]bool{}, -1
	// A field for a date has several stops.
	for range 4*controls + 10 {
		run(t, chromedp.KeyEvent(kb.Tab))
		at := run(t, chromedp.Evaluate[focus](focusScript))
		if at.Index >= 0 && at.Index < last || strings.HasPrefix(at.Is, "<body") {
			break // round again
		}
		if at.Index >= 0 && !at.Seen && !reached[at.Index] {
			t.t.Errorf("%s: nobody sees that this has the focus: %s", t.URL(), at.Is)
		}
		if at.Index > last+1 {
			t.t.Errorf("%s: the Tab key leaves out what is before %s", t.URL(), at.Is)
		}
		if at.Index >= 0 {
			reached[at.Index], last = true, at.Index
		}
	}
	if last != controls-1 {
		t.t.Errorf("%s: the Tab key gets as far as control %d of %d", t.URL(), last+1, controls)
	}
}
