package pagetest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// handScript defines how things on a page are found by what people read: finding gives the spot in the window where
// one is, or what there is instead.
const handScript = `(() => {
  const flat = text => (text || "").replace(/\s+/g, " ").trim();
  const seen = e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length > 0;
  const pick = (all, text) => all.find(([name]) => name === text) || all.find(([name]) => name.startsWith(text));
  const pressed = e => flat(e.innerText || e.value || e.getAttribute("aria-label"));
  const labelled = e => flat(e.labels && e.labels.length ? e.labels[0].innerText : e.getAttribute("aria-label"));
  const find = (selector, name, text) => {
    // What is on the page itself comes before menus.
    const all = [...document.querySelectorAll(selector)].filter(seen).map(e => [name(e), e])
      .sort(([, a], [, b]) => !!b.closest("main") - !!a.closest("main"));
    const found = pick(all, text);
    return found ? {e: found[1]} : {None: all.map(([name]) => name)};
  };
  const spot = found => {
    if (found.None) {
      return {None: found.None};
    }
    const e = found.e;
    e.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
    const box = e.getClientRects()[0];
    const at = {X: box.left + box.width / 2, Y: box.top + box.height / 2};
    const top = document.elementFromPoint(at.X, at.Y);
    if (!top || !(e === top || e.contains(top) || top.contains(e))) {
      at.Under = top ? top.outerHTML.slice(0, 100) : "nothing";
    }
    return at;
  };
  const presses = "a[href], button, summary, input[type=submit], [role=button]";
  const fields = "input:not([type=hidden]), select, textarea";
  return {
    press: text => spot(find(presses, pressed, text)),
    field: text => spot(find(fields, labelled, text)),
    set: (text, value) => {
      const found = find(fields, labelled, text);
      if (found.None) {
        return {None: found.None};
      }
      const e = found.e;
      e.focus();
      const typed = e.tagName === "TEXTAREA" || ["text", "search", "number", ""].includes(e.type);
      if (typed) {
        e.select();
        return {Typed: true};
      }
      e.value = value;
      e.dispatchEvent(new Event("input", {bubbles: true}));
      e.dispatchEvent(new Event("change", {bubbles: true}));
      return e.value === value ? {} : {None: ["the field does not take it"]};
    },
    has: text => find(presses, pressed, text).None === undefined,
    leads: path => [...document.querySelectorAll("a[href], button")].some(e =>
      new URL(e.href || e.hasAttribute("formaction") && e.formAction || e.form && e.form.action || "", location).pathname === path),
    tamper: (name, value) => {
      document.querySelectorAll("input[type=hidden]").forEach(e => e.name === name && (e.value = value));
      return true;
    },
    post: (path, names, values) => {
      const form = document.createElement("form");
      form.method = "post";
      form.action = path;
      names.forEach((name, i) => {
        const field = form.appendChild(document.createElement("input"));
        field.name = name;
        field.value = values[i];
      });
      document.body.appendChild(form);
      form.submit();
      return true;
    },
  };
})()`

// found is where something is on the page.
type found struct {
	X, Y  float64
	Under string   // what lies over it; empty: nothing
	None  []string // it is not there, but these are
	Typed bool     // the field takes what is typed
}

// Click presses the first link or button that says a text, or begins with it, and waits for the page that it leads to.
func (t *Tab) Click(text string) {
	t.t.Helper()
	at := t.find("press", text)
	t.lead(fmt.Sprintf("press %q", text), chromedp.MouseClickXY(at.X, at.Y))
}

// Toggle presses what leads to no other page: what opens and closes, and what is ticked.
func (t *Tab) Toggle(text string) {
	t.t.Helper()
	at := t.find("press", text)
	run(t, chromedp.MouseClickXY(at.X, at.Y))
}

// Tick presses the box that has the label, or one that begins so.
func (t *Tab) Tick(label string) {
	t.t.Helper()
	at := t.find("field", label)
	run(t, chromedp.MouseClickXY(at.X, at.Y))
}

// Has reports whether there is a link or button that says a text, or begins with it.
func (t *Tab) Has(text string) bool {
	t.t.Helper()
	return run(t, chromedp.Evaluate[bool](hand("has", text)))
}

// Leads reports whether a link or button of the page leads to a path.
func (t *Tab) Leads(path string) bool {
	t.t.Helper()
	return run(t, chromedp.Evaluate[bool](hand("leads", path)))
}

// Post has the page send a form that is not on it, as whoever writes a page of that origin could.
func (t *Tab) Post(path string, values url.Values) {
	t.t.Helper()
	var names, said []string
	for name, all := range values {
		for _, value := range all {
			names, said = append(names, name), append(said, value)
		}
	}
	t.lead("post to "+path, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Evaluate[bool](hand("post", path, names, said))(ctx, target)
		return chromedp.Void{}, err
	})
}

// Tamper changes the hidden fields of a name, as a person can with the browser's tools.
func (t *Tab) Tamper(name, value string) {
	t.t.Helper()
	run(t, chromedp.Evaluate[bool](hand("tamper", name, value)))
}

// Fill types a value into the field that has the label, or one that begins so, in place of what is there.
func (t *Tab) Fill(label, value string) {
	t.t.Helper()
	at := run(t, chromedp.Evaluate[found](hand("set", label, value)))
	if at.None != nil {
		t.t.Fatalf("no field %q for %q on %s: %q", label, value, t.URL(), at.None)
	}
	if at.Typed {
		call(t, input.InsertText, input.InsertTextParams{Text: value})
	}
}

// Enter presses the key of that name in the field that has the focus, and waits for the page that it leads to.
func (t *Tab) Enter() {
	t.t.Helper()
	t.lead("press Enter", chromedp.KeyEvent("\r"))
}

func (t *Tab) find(how, text string) found {
	t.t.Helper()
	at := run(t, chromedp.Evaluate[found](hand(how, text)))
	if at.None != nil || at.Under != "" {
		t.t.Fatalf("%q cannot be pressed on %s: there are %q; under %q", text, t.URL(), at.None, at.Under)
	}
	return at
}

// hand is the expression that calls a function of the script.
func hand(function string, args ...any) string {
	list, err := json.Marshal(args)
	if err != nil {
		panic(err) // texts can be written
	}
	return fmt.Sprintf("%s.%s(...%s)", handScript, function, list)
}
