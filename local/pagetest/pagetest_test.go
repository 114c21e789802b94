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
	"time"
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

// catch has a browser say to the recorder what it finds.
func catch(t *testing.T, b *Browser) *recorder {
	t.Helper()
	r := &recorder{TB: t}
	b.t = r
	return r
}

// serve answers every address with a page; what is sent by a form is on the one that comes next.
func serve(t *testing.T, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "script-src 'self' 'unsafe-inline'")
		said := r.FormValue("said")
		if said != "" {
			w.WriteHeader(http.StatusConflict)
		}
		fmt.Fprintf(w, "<!doctype html><html lang=en><title>x</title><body style='margin:0'><main><h1>x</h1>"+
			"%s<p>%s %s</p></main>", body, r.Method, said)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestOverflowFindsWhatIsTooWideAndLetsPassWhatFits(t *testing.T) {
	b := Open(t)
	found := catch(t, b)
	wide := serve(t, "<div class=culprit style='width:500px'>x</div>")
	for _, width := range []int{Narrow, Wide} {
		b.Overflow(wide, width)
	}
	if len(found.said) != 1 || !strings.Contains(found.said[0], "div.culprit to 500") ||
		!strings.Contains(found.said[0], "375 px") {
		t.Errorf("an element of 500 px was reported as %q; want it once, at 375 px", found.said)
	}
}

func TestAPageThatIsNotThereIsAnErrorNotAFit(t *testing.T) {
	b := Open(t)
	found := catch(t, b)
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	b.Overflow(server.URL, Wide)
	if len(found.said) != 1 || !strings.Contains(found.said[0], "404") {
		t.Errorf("a missing page gave %q; want an error with 404", found.said)
	}
}

func TestScreenshotHasTheAskedWidth(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.png")
	Screenshot(t, serve(t, "<p>hello"), Narrow, file)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	image, err := png.DecodeConfig(bytes.NewReader(content))
	if err != nil || image.Width != Narrow {
		t.Errorf("screenshot is %d px wide (%v); want %d", image.Width, err, Narrow)
	}
}

// sound is a page without a fault, as far as looks go.
const sound = `<style>@media (prefers-color-scheme: dark) { body { background: #000; color: #fff } a { color: #9cf } }</style>
<p><a href="/next">Next</a> <label>Said <input name=said form=f></label> <button form=f>Send it</button></p>
<form id=f method=post></form><details><summary>More</summary><p>within</p></details>`

// TestEveryLookFindsItsFault plants one fault at a time.
func TestEveryLookFindsItsFault(t *testing.T) {
	b := Open(t)
	found := catch(t, b)
	for name, c := range map[string]struct{ body, says string }{
		"nothing":                        {"", ""},
		"a field without a label":        {`<input name=x>`, "label"},
		"grey on white":                  {`<p style="color:#bbb;background:#fff">pale</p>`, "color-contrast"},
		"night on black, to dark people": {`<p><b style="color:#222">night</b></p>`, "color-contrast"},
		"what the Tab key leaves out": {
			`<button tabindex=2>late</button><button tabindex=1>early</button>`, "leaves out",
		},
		"a hidden focus":           {`<a href="/x" style="outline:none">here</a>`, "nobody sees"},
		"a focus far away":         {`<a href="/x" style="position:fixed;left:-999px">here</a>`, "nobody sees"},
		"a dialog":                 {`<script>alert("boo")</script>`, `a dialog "boo"`},
		"a script that fails":      {`<script>nothing.there()</script>`, "nothing is not defined"},
		"what is not there":        {`<img alt="" src="data:,x"><script src="http://127.0.0.1:1/x.js"></script>`, "x.js"},
		"a frame that stays empty": {`<iframe title=x src="` + unframed(t) + `"></iframe>`, "BLOCKED_BY_RESPONSE"},
		"what the page forbids":    {`<script src="http://localhost:1/x.js"></script>`, "Content Security Policy"},
	} {
		tab := b.Tab()
		tab.Dark(true)
		tab.Open(serve(t, sound+c.body))
		tab.Fits()
		tab.Accessible()
		tab.Keyboard()
		tab.Close()
		all := strings.Join(found.said, "\n")
		if c.says == "" && all != "" || !strings.Contains(all, c.says) {
			t.Errorf("%s: want %q, got: %s", name, c.says, all)
		}
		found.said = nil
	}
}

// unframed is the address of a page that no other may frame.
func unframed(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'")
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestAPersonFindsTheirWayByWhatIsWritten(t *testing.T) {
	tab := Open(t).Tab()
	at := serve(t, sound+`<script>document.write("by script")</script><noscript>without</noscript>`)
	for _, on := range []bool{true, false} {
		tab.Scripts(on)
		tab.Open(at)
		if text := tab.Text(); strings.Contains(text, "by script") != on || strings.Contains(text, "without") == on {
			t.Errorf("with scripts %v: %s", on, text)
		}
		tab.Toggle("More")
		if !strings.Contains(tab.Text(), "within") || tab.Has("Away") || !tab.Has("Ne") {
			t.Error(tab.Text())
		}
		tab.Fill("Said", "a \"word\" of theirs")
		tab.Click("Send it")
		if !strings.Contains(tab.Text(), `POST a "word" of theirs`) || tab.Status() != http.StatusConflict ||
			!strings.Contains(tab.Header("content-security-policy"), "unsafe-inline") {
			t.Errorf("%d %s", tab.Status(), tab.Text())
		}
		tab.Click("Next")
		if tab.URL() != at+"/next" || tab.Status() != http.StatusOK {
			t.Errorf("at %s", tab.URL())
		}
	}
	tab.Scripts(true)
	tab.Open(at)
	tab.Back()
	if tab.URL() != at+"/next" {
		t.Errorf("back at %s", tab.URL())
	}
}

func TestAPageThatGoesOnByItselfIsFollowed(t *testing.T) {
	next := serve(t, "<p>the end</p>")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Refresh", "0; url="+next)
	}))
	t.Cleanup(server.Close)
	tab := Open(t).Tab()
	tab.Open(server.URL)
	for range 2 {
		tab.Goes(next)
		if !strings.Contains(tab.Text(), "the end") {
			t.Errorf("at %s: %s", tab.URL(), tab.Text())
		}
	}
}

func TestTimePassesAtOnceAndWhatAPageFetchesThenIsThere(t *testing.T) {
	tab := Open(t).Tab()
	tab.Open(serve(t, `<script>setInterval(async () => {
  const answer = await fetch("/x?said=later");
  document.querySelector("h1").textContent = answer.status;
}, 30_000)</script>`))
	tab.Pass(31 * time.Second)
	if text := tab.Text(); !strings.HasPrefix(text, "409") {
		t.Errorf("after half a minute: %s", text)
	}
	tab.Said() // of the status
}

// TestPeopleOfOneBrowserShareNoCookies has one of two tabs be given a cookie.
func TestPeopleOfOneBrowserShareNoCookies(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/give" {
			w.Header().Set("Set-Cookie", "who=ann; Path=/; HttpOnly; SameSite=Lax")
		}
		fmt.Fprintf(w, "<!doctype html><p>%s", r.Header.Get("Cookie"))
	}))
	t.Cleanup(server.Close)
	b := Open(t)
	one, other := b.Tab(), b.Tab()
	one.Open(server.URL + "/give")
	for _, c := range []struct {
		tab  *Tab
		want string
	}{{one, "who=ann"}, {other, ""}} {
		c.tab.Open(server.URL)
		if got := strings.TrimSpace(c.tab.Text()); got != c.want {
			t.Errorf("the cookie %q, want %q", got, c.want)
		}
	}
	one.Forget()
	one.Open(server.URL)
	if got := strings.TrimSpace(one.Text()); got != "" {
		t.Errorf("the cookie %q is not forgotten", got)
	}
}
